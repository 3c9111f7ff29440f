import Kit

extension BodyShape {
  /// Throws `Fault` 400, which names the member, for a body that the route does not take.
  func check(_ json: JSONValue?, _ version: Microversion) throws {
    switch self {
    case .unread, .stream: return
    case .optional(let shape):
      if let json { try shape.check(json, at: "", version) }
    case .needed(let shape):
      guard let json else { throw Fault.badRequest("A JSON object is needed as the request's body.") }
      try shape.check(json, at: "", version)
    }
  }
}

extension JSONShape {
  /// Throws `Fault` 400 where `value` is not as this says; `path` is where it stands in the body.
  func check(_ value: JSONValue, at path: String, _ version: Microversion) throws {
    switch self {
    case .any: return
    case .object(let members): try members.check(value, at: path, version)
    case .array(let element, let count):
      guard case .array(let elements) = value else { throw Self.wrong(path, "it must be an array") }
      guard elements.count >= count.lowerBound else {
        throw Self.wrong(path, "it has fewer than \(count.lowerBound) elements")
      }
      guard elements.count <= count.upperBound else {
        throw Self.wrong(path, "it has more than \(count.upperBound) elements")
      }
      for (index, each) in elements.enumerated() { try element.check(each, at: "\(path)[\(index)]", version) }
    case .anyOf(let shapes): try Self.check(value, at: path, anyOf: shapes, version)
    default: if let reason = objection(to: value) { throw Self.wrong(path, reason) }
    }
  }

  /// The first shape whose kind the value has tells what is wrong with it.
  private static func check(
    _ value: JSONValue, at path: String, anyOf shapes: [JSONShape], _ version: Microversion
  ) throws {
    let fitting = shapes.filter { $0.isOfKind(of: value) }
    guard let last = fitting.last else {
      let wanted = shapes.filter { if case .null = $0 { false } else { true } }.first ?? .null
      return try wanted.check(value, at: path, version)
    }
    for shape in fitting.dropLast() {
      if (try? shape.check(value, at: path, version)) != nil { return }
    }
    try last.check(value, at: path, version)
  }

  private func isOfKind(of value: JSONValue) -> Bool {
    switch (self, value) {
    case (.any, _), (.null, .null), (.object, .object), (.array, .array), (.string, .string), (.choice, .string),
      (.boolean, .bool), (.integer, .int), (.number, .int), (.number, .double), (.integer(_, digits: true), .string),
      (.boolean(words: true), .string), (.boolean(words: true), .int):
      true
    case (.anyOf(let shapes), _): shapes.contains { $0.isOfKind(of: value) }
    default: false
    }
  }

  /// What is wrong with a value that is neither object nor array; nil where nothing is.
  private func objection(to value: JSONValue) -> String? {
    if case .null = value {
      if case .null = self { return nil }
      return "it must not be null"
    }
    switch self {
    case .null: return "it must be null"
    case .boolean(let words):
      if value.bool != nil { return nil }
      guard words, let word = value.string ?? value.int.map({ String($0) }), !word.isEmpty, Query.truth(of: word) != nil
      else { return "it must be a boolean" }
      return nil
    case .integer(let range, let digits):
      guard let number = value.int ?? (digits ? value.string.flatMap { Int($0) } : nil) else {
        return "it must be an integer"
      }
      return range.contains(number) ? nil : "it must be \(range.lowerBound) to \(range.upperBound)"
    case .number:
      if case .double = value { return nil }
      return value.int == nil ? "it must be a number" : nil
    case .choice(let words):
      guard let text = value.string else { return "it must be a string" }
      return words.contains(text) ? nil : "\(text.quoted) is none of \(words.joined(separator: ", "))"
    case .string(let length, let format):
      guard let text = value.string else { return "it must be a string" }
      return Self.objection(to: text, length, format)
    case .any, .array, .object, .anyOf: return nil
    }
  }

  private static func objection(to text: String, _ length: ClosedRange<Int>, _ format: Format?) -> String? {
    // The bytes tell enough of most strings; only the rest is counted in characters.
    let bytes = text.utf8.count
    if bytes < length.lowerBound || bytes > length.upperBound {
      guard length.contains(text.count), bytes <= length.upperBound * 4 else {
        return "its length must be \(length.lowerBound) to \(length.upperBound) characters"
      }
    } else if length.lowerBound > 1, text.count < length.lowerBound {
      return "its length must be \(length.lowerBound) to \(length.upperBound) characters"
    }
    if text.utf8.contains(0) { return "it must not contain NUL" }
    return format?.objection(to: text)
  }

  static func wrong(_ path: String, _ reason: String) -> Fault {
    Fault.badRequest(path.isEmpty ? "Invalid request body: \(reason)." : "Invalid input for \(path): \(reason).")
  }
}

extension JSONShape.Members {
  func check(_ value: JSONValue, at path: String, _ version: Microversion) throws {
    guard case .object(let members) = value else {
      guard !path.isEmpty else { throw Fault.badRequest("A JSON object is needed as the request's body.") }
      throw JSONShape.wrong(path, "it must be an object")
    }
    func full(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
    for field in required where field.serves(version) && members[field.name] == nil {
      throw JSONShape.wrong(full(field.name), "it is required")
    }
    guard members.count >= count.lowerBound else {
      throw JSONShape.wrong(path, "it has fewer than \(count.lowerBound) members")
    }
    guard members.count <= count.upperBound else {
      throw JSONShape.wrong(path, "it has more than \(count.upperBound) members")
    }
    var strangers: [String] = []
    for (name, member) in members {
      if let field = byName[name]?.first(where: { $0.serves(version) }) {
        try field.shape.check(member, at: full(name), version)
        continue
      }
      switch others {
      case .ignored: continue
      case .refused: strangers.append(name)
      case .kept(let shape, let names):
        guard names.contains(name.count), !name.utf8.contains(0) else {
          throw JSONShape.wrong(
            full(name), "the length of its name must be \(names.lowerBound) to \(names.upperBound) characters")
        }
        try shape.check(member, at: full(name), version)
      }
    }
    guard strangers.isEmpty else {
      throw Fault.badRequest(
        "Additional properties are not allowed: "
          + strangers.sorted().prefix(5).map(\.quoted).joined(separator: ", ")
          + (path.isEmpty ? "." : " in \(path)."))
    }
  }
}

extension JSONShape.Format {
  /// What is wrong with a text that should be of this format; nil where nothing is.
  func objection(to text: String) -> String? {
    switch self {
    case .uuid: Identifier.isUUID(text) || Identifier.isUUIDHex(text) ? nil : "\(text.quoted) is not a UUID"
    case .time: Timestamp(iso8601: text) == nil ? "it must be a time" : nil
    // Addresses and the like are read by the service, which says best what is wrong with them.
    case .ip, .ipv4, .ipv6, .cidr, .mac, .uri, .base64: nil
    }
  }
}

extension Identifier {
  /// Whether a text is a UUID without dashes.
  static func isUUIDHex(_ text: String) -> Bool { text.utf8.count == 32 && text.utf8.allSatisfy(\.isHexDigit) }
}

extension UInt8 {
  fileprivate var isHexDigit: Bool {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
      UInt8(ascii: "A")...UInt8(ascii: "F"):
      true
    default: false
    }
  }
}
