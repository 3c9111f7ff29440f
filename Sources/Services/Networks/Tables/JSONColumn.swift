import Kit

/// Small lists kept as JSON text in a column.
enum JSONColumn {
  static func strings(_ text: String) throws -> [String] {
    if text == "[]" { return [] }
    return try JSONValue(parsing: text).array?.compactMap(\.string) ?? []
  }

  static func objects(_ text: String) throws -> [[String: JSONValue]] {
    if text == "[]" { return [] }
    return try JSONValue(parsing: text).array?.compactMap(\.object) ?? []
  }

  static func text(_ strings: [String]) -> String { JSONValue.array(strings.map(JSONValue.string)).text }

  static func text(_ objects: [[String: JSONValue]]) -> String { JSONValue.array(objects.map(JSONValue.object)).text }
}

extension [String: JSONValue] {
  func text(_ name: String) -> String { self[name]?.string ?? "" }
}
