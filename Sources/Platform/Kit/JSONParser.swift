/// Reads JSON text (RFC 8259) into a `JSONValue` in one pass. `JSONDecoder` would try each kind of value in turn and
/// throw an error for each that it is not: twenty times as much work for a small body.
struct JSONParser {
  /// Arrays and objects within each other at the most: each takes room on the stack.
  static let depthMax = 512

  private let bytes: UnsafeBufferPointer<UInt8>
  private var place = 0
  private var depth = 0

  private init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  /// The only value of a document. Throws `DecodingError` where the text is not JSON.
  static func parse(_ bytes: UnsafeBufferPointer<UInt8>) throws -> JSONValue {
    var parser = JSONParser(bytes)
    let value = try parser.value()
    parser.skipBlanks()
    guard parser.place == bytes.count else { throw parser.problem("something stands behind the value") }
    return value
  }

  private func problem(_ reason: String) -> DecodingError {
    .dataCorrupted(.init(codingPath: [], debugDescription: "Not JSON at byte \(place): \(reason)."))
  }

  private mutating func skipBlanks() {
    while place < bytes.count, bytes[place] == 0x20 || (0x09...0x0d).contains(bytes[place]) {
      if bytes[place] == 0x0b || bytes[place] == 0x0c { return }
      place += 1
    }
  }

  /// The next byte that is no blank; 0 at the end.
  private mutating func peek() -> UInt8 {
    skipBlanks()
    return place < bytes.count ? bytes[place] : 0
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard peek() == byte, place < bytes.count else { return false }
    place += 1
    return true
  }

  private mutating func value() throws -> JSONValue {
    switch peek() {
    case UInt8(ascii: "{"): return try object()
    case UInt8(ascii: "["): return try array()
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: throw problem("a value is missing")
    }
  }

  private mutating func word(_ text: StaticString, _ value: JSONValue) throws -> JSONValue {
    for offset in 0..<text.utf8CodeUnitCount {
      guard place < bytes.count, bytes[place] == text.utf8Start[offset] else { throw problem("an unknown word") }
      place += 1
    }
    return value
  }

  private mutating func enter() throws {
    depth += 1
    place += 1
    guard depth <= Self.depthMax else { throw problem("it is nested too deeply") }
  }

  /// Of a name that stands there twice the last value holds, as in Python.
  private mutating func object() throws -> JSONValue {
    try enter()
    defer { depth -= 1 }
    var members: [String: JSONValue] = [:]
    if take(UInt8(ascii: "}")) { return .object(members) }
    repeat {
      guard peek() == UInt8(ascii: "\"") else { throw problem("a name is missing") }
      let name = try string()
      guard take(UInt8(ascii: ":")) else { throw problem("a colon is missing") }
      members[name] = try value()
    } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "}")) else { throw problem("an object does not end") }
    return .object(members)
  }

  private mutating func array() throws -> JSONValue {
    try enter()
    defer { depth -= 1 }
    var elements: [JSONValue] = []
    if take(UInt8(ascii: "]")) { return .array(elements) }
    repeat { elements.append(try value()) } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "]")) else { throw problem("an array does not end") }
    return .array(elements)
  }

  // MARK: - Numbers

  /// An integer where it is one and fits, however it is written; any other as a Double.
  private mutating func number() throws -> JSONValue {
    let start = place
    if bytes[place] == UInt8(ascii: "-") { place += 1 }
    let first = place
    let whole = digits()
    guard whole > 0, whole == 1 || bytes[first] != UInt8(ascii: "0") else { throw problem("a number is malformed") }
    var isInteger = true
    if place < bytes.count, bytes[place] == UInt8(ascii: ".") {
      isInteger = false
      place += 1
      guard digits() > 0 else { throw problem("a number is malformed") }
    }
    if place < bytes.count, bytes[place] | 0x20 == UInt8(ascii: "e") {
      isInteger = false
      place += 1
      if place < bytes.count, bytes[place] == UInt8(ascii: "+") || bytes[place] == UInt8(ascii: "-") { place += 1 }
      guard digits() > 0 else { throw problem("a number is malformed") }
    }
    let text = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<place]), as: UTF8.self)
    if isInteger, let number = Int(text) { return .int(number) }
    guard let number = Double(text), number.isFinite else { throw problem("a number is too large") }
    return Int(exactly: number).map { .int($0) } ?? .double(number)
  }

  private mutating func digits() -> Int {
    let start = place
    while place < bytes.count, bytes[place] >= 0x30, bytes[place] <= 0x39 { place += 1 }
    return place - start
  }

  // MARK: - Strings

  private mutating func string() throws -> String {
    place += 1
    let start = place
    while place < bytes.count {
      switch bytes[place] {
      case UInt8(ascii: "\""):
        let text = try text(start..<place)
        place += 1
        return text
      case UInt8(ascii: "\\"): return try escaped(from: start)
      case 0..<0x20: throw problem("a control character stands in a string")
      default: place += 1
      }
    }
    throw problem("a string does not end")
  }

  private func text(_ range: Range<Int>) throws -> String {
    guard let text = String(validating: UnsafeBufferPointer(rebasing: bytes[range]), as: UTF8.self) else {
      throw problem("a string is not UTF-8")
    }
    return text
  }

  /// A string with escapes in it, `place` at the first.
  private mutating func escaped(from start: Int) throws -> String {
    var result = Array(bytes[start..<place])
    while place < bytes.count {
      switch bytes[place] {
      case UInt8(ascii: "\""):
        place += 1
        guard let text = String(validating: result, as: UTF8.self) else { throw problem("a string is not UTF-8") }
        return text
      case UInt8(ascii: "\\"):
        place += 1
        try escape(into: &result)
      case 0..<0x20: throw problem("a control character stands in a string")
      default:
        result.append(bytes[place])
        place += 1
      }
    }
    throw problem("a string does not end")
  }

  private mutating func escape(into result: inout [UInt8]) throws {
    guard place < bytes.count else { throw problem("a string does not end") }
    let letter = bytes[place]
    place += 1
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(letter)
    case UInt8(ascii: "b"): result.append(0x08)
    case UInt8(ascii: "f"): result.append(0x0c)
    case UInt8(ascii: "n"): result.append(0x0a)
    case UInt8(ascii: "r"): result.append(0x0d)
    case UInt8(ascii: "t"): result.append(0x09)
    case UInt8(ascii: "u"):
      var code = try hex()
      if code & 0xfc00 == 0xd800, place + 1 < bytes.count, bytes[place] == UInt8(ascii: "\\"),
        bytes[place + 1] == UInt8(ascii: "u")
      {
        place += 2
        let low = try hex()
        guard low & 0xfc00 == 0xdc00 else { throw problem("half a character") }
        code = 0x10000 + ((code & 0x3ff) << 10 | low & 0x3ff)
      }
      guard let character = Unicode.Scalar(code) else { throw problem("half a character") }
      result.append(contentsOf: Character(character).utf8)
    default: throw problem("an unknown escape")
    }
  }

  private mutating func hex() throws -> UInt32 {
    guard place + 4 <= bytes.count else { throw problem("a string does not end") }
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = Character(Unicode.Scalar(bytes[place])).hexDigitValue else {
        throw problem("an escape is malformed")
      }
      code = code << 4 | UInt32(digit)
      place += 1
    }
    return code
  }
}
