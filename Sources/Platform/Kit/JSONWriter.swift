/// Writes JSON text straight into bytes: no tree, no reflection, null keys kept.
///
/// An answer of a list is thousands of small objects; `JSONEncoder` costs twenty times as much and drops nil keys,
/// which OpenStack's answers carry.
public struct JSONWriter: Sendable {
  /// What has been written so far.
  public private(set) var bytes: [UInt8] = []
  private var needsComma = false

  public init(capacity: Int = 512) { bytes.reserveCapacity(capacity) }

  /// Takes the bytes out, leaving the writer empty but in the same place of the document: for writing in chunks.
  public mutating func takeBytes() -> [UInt8] {
    defer { bytes = [] }
    return bytes
  }

  private mutating func separate() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
    needsComma = true
  }

  /// `{…}` as a value (after `key`, or at the top).
  public mutating func object(_ body: (inout JSONWriter) -> Void) {
    beginObject()
    body(&self)
    endObject()
  }

  /// `[…]` as a value, one call of `body` an element; `body` writes exactly one value.
  public mutating func array<S: Sequence>(_ elements: S, _ body: (inout JSONWriter, S.Element) -> Void) {
    beginArray()
    for element in elements {
      separate()
      body(&self, element)
    }
    endArray()
  }

  public mutating func beginObject() {
    bytes.append(UInt8(ascii: "{"))
    needsComma = false
  }

  public mutating func endObject() {
    bytes.append(UInt8(ascii: "}"))
    needsComma = true
  }

  public mutating func beginArray() {
    bytes.append(UInt8(ascii: "["))
    needsComma = false
  }

  /// Call before each element between `beginArray` and `endArray`.
  public mutating func element() { separate() }

  public mutating func endArray() {
    bytes.append(UInt8(ascii: "]"))
    needsComma = true
  }

  /// A member's name; exactly one value must follow.
  public mutating func key(_ name: String) {
    separate()
    quote(name)
    bytes.append(UInt8(ascii: ":"))
  }

  public mutating func null() { put("null") }
  public mutating func value(_ value: Bool) { put(value ? "true" : "false") }
  public mutating func value(_ value: Int) { put(String(value)) }
  public mutating func value(_ value: String) { quote(value) }

  /// A number; what JSON cannot say (infinity, not a number) is written as null.
  public mutating func value(_ value: Double) { value.isFinite ? put("\(value)") : null() }

  public mutating func value(_ value: JSONValue) {
    switch value {
    case .null: null()
    case .bool(let bool): self.value(bool)
    case .int(let int): self.value(int)
    case .double(let double): self.value(double)
    case .string(let string): quote(string)
    case .array(let elements): array(elements) { $0.value($1) }
    case .object(let members):
      object { for (name, member) in members.sorted(by: { $0.key < $1.key }) { $0.field(name, member) } }
    }
  }

  public mutating func field(_ name: String, _ value: String) {
    key(name)
    quote(value)
  }

  /// Writes null where there is no value: OpenStack's answers keep the key.
  public mutating func field(_ name: String, _ value: String?) {
    key(name)
    if let value { quote(value) } else { null() }
  }

  public mutating func field(_ name: String, _ value: Int) {
    key(name)
    self.value(value)
  }

  public mutating func field(_ name: String, _ value: Int?) {
    key(name)
    if let value { self.value(value) } else { null() }
  }

  public mutating func field(_ name: String, _ value: Bool) {
    key(name)
    self.value(value)
  }

  public mutating func field(_ name: String, _ value: JSONValue) {
    key(name)
    self.value(value)
  }

  public mutating func field(_ name: String, _ values: [String]) {
    key(name)
    array(values) { $0.value($1) }
  }

  /// A member that is an object.
  public mutating func field(_ name: String, _ body: (inout JSONWriter) -> Void) {
    key(name)
    object(body)
  }

  /// A member that is an array, one call of `body` an element.
  public mutating func field<S: Sequence>(
    _ name: String, _ elements: S, _ body: (inout JSONWriter, S.Element) -> Void
  ) {
    key(name)
    array(elements, body)
  }

  /// A member whose value is JSON text already.
  public mutating func field(_ name: String, raw json: String) {
    key(name)
    put(json)
  }

  /// Ready JSON text as a value.
  public mutating func raw(_ json: [UInt8]) {
    bytes.append(contentsOf: json)
    needsComma = true
  }

  private mutating func put(_ text: String) { bytes.append(contentsOf: text.utf8) }

  private mutating func quote(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    let done: Void? = text.utf8.withContiguousStorageIfAvailable { escape($0) }
    if done == nil {
      var copy = text
      copy.withUTF8 { escape($0) }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private mutating func escape(_ source: UnsafeBufferPointer<UInt8>) {
    var start = 0
    for index in source.indices {
      let byte = source[index]
      if byte >= 0x20 && byte != 0x22 && byte != 0x5c { continue }
      if index > start { bytes.append(contentsOf: source[start..<index]) }
      switch byte {
      case 0x22: put("\\\"")
      case 0x5c: put("\\\\")
      case 0x0a: put("\\n")
      case 0x0d: put("\\r")
      case 0x09: put("\\t")
      default:
        put("\\u00")
        bytes.append(Self.hexDigits[Int(byte >> 4)])
        bytes.append(Self.hexDigits[Int(byte & 15)])
      }
      start = index + 1
    }
    if start < source.count { bytes.append(contentsOf: source[start...]) }
  }

  private static let hexDigits = Array("0123456789abcdef".utf8)
}
