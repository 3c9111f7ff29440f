/// Texts of a mapping in which `{0}` stands for what the first requirement found, and so on; `{{` and `}}` are braces.
/// What an assertion says is only ever put in, never read as a text of a mapping.
enum MappingText {
  private enum Part {
    case text(String)
    case found(Int)
  }

  /// The longest text that may come out, in characters.
  private static let filledMax = 65536

  private static func parts(_ text: String) throws -> [Part] {
    var parts: [Part] = []
    var literal = ""
    var rest = text[...]
    while let next = rest.popFirst() {
      guard next == "{" || next == "}" else {
        literal.append(next)
        continue
      }
      if rest.first == next {
        literal.append(next)
        rest.removeFirst()
        continue
      }
      guard next == "{", let close = rest.firstIndex(of: "}"), case let digits = rest[..<close], digits.count <= 4,
        digits.allSatisfy({ $0.isASCII && $0.isNumber }), let index = Int(digits)
      else { throw MappingEngine.Failure(reason: "\(text.debugDescription) has braces that stand for nothing") }
      if !literal.isEmpty { parts.append(.text(literal)) }
      literal = ""
      parts.append(.found(index))
      rest = rest[rest.index(after: close)...]
    }
    if !literal.isEmpty { parts.append(.text(literal)) }
    return parts
  }

  private static func value(_ index: Int, _ found: [[String]]) throws -> [String] {
    guard found.indices.contains(index) else {
      throw MappingEngine.Failure(reason: "{\(index)} stands for nothing: there are \(found.count) values")
    }
    return found[index]
  }

  /// The text with all put in. Several values are written as Keystone writes them: `['a', 'b']`. Where nothing was
  /// found that could be put in, the text stands as it is.
  static func fill(_ text: String, _ found: [[String]]) throws -> String {
    if found.isEmpty { return text }
    var filled = ""
    for part in try parts(text) {
      switch part {
      case .text(let literal): filled += literal
      case .found(let index):
        let values = try value(index, found)
        filled += values.count == 1 ? values[0] : "[" + values.map { "'\($0)'" }.joined(separator: ", ") + "]"
      }
    }
    guard filled.utf8.count <= filledMax else { throw MappingEngine.Failure(reason: "a value is too long") }
    return filled
  }

  /// A list: all values where the text is just `{0}`, the members of `['a', 'b']` where it is such, else the one text.
  static func list(_ text: String, _ found: [[String]]) throws -> [String] {
    if found.isEmpty { return literalList(text) ?? [text] }
    let parts = try parts(text)
    if parts.count == 1, case .found(let index) = parts[0] { return try value(index, found) }
    if parts.allSatisfy({ if case .text = $0 { true } else { false } }) {
      let plain = try fill(text, found)
      return literalList(plain) ?? [plain]
    }
    return [try fill(text, found)]
  }

  /// What `{0}`, or a bare `0`, refers to.
  static func referred(_ text: String, _ found: [[String]]) throws -> [String] {
    let digits = text.drop { $0 == "{" }.prefix { $0.isASCII && $0.isNumber }
    guard digits.count <= 4, let index = Int(digits) else {
      throw MappingEngine.Failure(reason: "\(text.debugDescription) refers to nothing")
    }
    return try value(index, found)
  }

  /// The members of a list that the rule itself writes; nil where it is none.
  private static func literalList(_ text: String) -> [String]? {
    guard text.hasPrefix("["), text.hasSuffix("]") else { return nil }
    var members: [String] = []
    var rest = text.dropFirst().dropLast().drop(while: \.isWhitespace)
    while !rest.isEmpty {
      guard let quote = rest.popFirst(), quote == "'" || quote == "\"", let close = rest.firstIndex(of: quote) else {
        return nil
      }
      members.append(String(rest[..<close]))
      rest = rest[rest.index(after: close)...].drop(while: \.isWhitespace)
      if rest.isEmpty { return members }
      guard rest.popFirst() == "," else { return nil }
      rest = rest.drop(while: \.isWhitespace)
    }
    return members
  }
}
