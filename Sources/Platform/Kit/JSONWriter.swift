/// Writes JSON text straight into bytes: no tree, no reflection, null keys kept.
///
/// An answer of a list is thousands of small objects; `JSONEncoder` costs twenty times as much and drops nil keys,
/// which OpenStack's answers carry.
public struct JSONWriter: Sendable {
  /// Room for what is written; the first `count` bytes are.
  private var room: [UInt8]
  private var count = 0
  private var needsComma = false

  public init(capacity: Int = 512) { room = [UInt8](repeating: 0, count: max(64, capacity)) }

  /// What has been written so far, copied.
  public var bytes: [UInt8] { Array(room[..<count]) }

  /// Takes the bytes out, leaving the writer empty but in the same place of the document: for writing in chunks, and
  /// for the end of a long document, which is not copied.
  public mutating func takeBytes() -> [UInt8] {
    var taken: [UInt8] = []
    swap(&taken, &room)
    taken.removeLast(taken.count - count)
    count = 0
    return taken
  }

  /// Takes a whole document out, leaving the writer, and its room, to the next one.
  public mutating func text() -> [UInt8] {
    defer {
      count = 0
      needsComma = false
    }
    return bytes
  }

  /// `{…}` as a value (after `key`, or at the top).
  @inlinable public mutating func object(_ body: (inout JSONWriter) -> Void) {
    beginObject()
    body(&self)
    endObject()
  }

  /// `[…]` as a value, one call of `body` an element; `body` writes exactly one value.
  @inlinable public mutating func array<S: Sequence>(_ elements: S, _ body: (inout JSONWriter, S.Element) -> Void) {
    beginArray()
    for member in elements {
      element()
      body(&self, member)
    }
    endArray()
  }

  public mutating func beginObject() {
    put(UInt8(ascii: "{"))
    needsComma = false
  }

  public mutating func endObject() {
    put(UInt8(ascii: "}"))
    needsComma = true
  }

  public mutating func beginArray() {
    put(UInt8(ascii: "["))
    needsComma = false
  }

  /// Call before each element between `beginArray` and `endArray`.
  public mutating func element() { separate() }

  public mutating func endArray() {
    put(UInt8(ascii: "]"))
    needsComma = true
  }

  /// A member's name; exactly one value must follow.
  public mutating func key(_ name: String) {
    write(comma: needsComma, name, after: UInt8(ascii: ":"))
    needsComma = true
  }

  public mutating func null() { put("null") }
  public mutating func value(_ value: Bool) { put(value ? "true" : "false") }
  public mutating func value(_ value: Int) { put(String(value)) }
  public mutating func value(_ value: String) { quote(value) }

  /// One string of two parts, put together nowhere else.
  public mutating func value(_ first: String, _ second: String) {
    put(UInt8(ascii: "\""))
    escape(first)
    escape(second)
    put(UInt8(ascii: "\""))
  }

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

  /// One string of two parts, put together nowhere else: a link and an id.
  public mutating func field(_ name: String, _ first: String, _ second: String) {
    key(name)
    value(first, second)
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
  @inlinable public mutating func field(_ name: String, _ body: (inout JSONWriter) -> Void) {
    key(name)
    object(body)
  }

  /// A member that is an array, one call of `body` an element.
  @inlinable public mutating func field<S: Sequence>(
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
    json.withUnsafeBufferPointer { put($0) }
    needsComma = true
  }

  // MARK: Bytes

  /// Makes sure that `more` bytes fit behind what is written.
  private mutating func reserve(_ more: Int) {
    let needed = count + more
    guard needed > room.count else { return }
    room.append(contentsOf: repeatElement(0, count: max(needed, 2 * room.count) - room.count))
  }

  private mutating func separate() {
    if needsComma { put(UInt8(ascii: ",")) }
    needsComma = true
  }

  private mutating func put(_ byte: UInt8) {
    reserve(1)
    room[count] = byte
    count += 1
  }

  private mutating func put(_ source: UnsafeBufferPointer<UInt8>) {
    reserve(source.count)
    let end = room.withUnsafeMutableBufferPointer { room -> Int in
      guard let target = room.baseAddress, let from = source.baseAddress else { return count }
      (target + count).update(from: from, count: source.count)
      return count + source.count
    }
    count = end
  }

  private mutating func put(_ text: String) { Self.withBytes(of: text) { put($0) } }

  private static func withBytes<R>(of text: String, _ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
    if let done = text.utf8.withContiguousStorageIfAvailable(body) { return done }
    var copy = text
    return copy.withUTF8(body)
  }

  private mutating func quote(_ text: String) { write(comma: false, text, after: nil) }

  private mutating func escape(_ text: String) {
    Self.withBytes(of: text) { source in
      reserve(Self.escapedMax * source.count)
      count += room.withUnsafeMutableBytes { room in
        room.baseAddress.map { Self.escape(UnsafeRawBufferPointer(source), to: $0 + count) } ?? 0
      }
    }
  }

  /// A string with its quotes, and what stands before and after it, in one go.
  private mutating func write(comma: Bool, _ text: String, after: UInt8?) {
    Self.withBytes(of: text) { source in
      reserve(Self.escapedMax * source.count + 4)
      let start = count
      count = room.withUnsafeMutableBytes { room -> Int in
        guard let base = room.baseAddress else { return start }
        var end = start
        func put(_ byte: UInt8) {
          base.storeBytes(of: byte, toByteOffset: end, as: UInt8.self)
          end += 1
        }
        if comma { put(UInt8(ascii: ",")) }
        put(UInt8(ascii: "\""))
        end += Self.escape(UnsafeRawBufferPointer(source), to: base + end)
        put(UInt8(ascii: "\""))
        if let after { put(after) }
        return end
      }
    }
  }

  /// What one byte becomes at the most: \u001f.
  private static let escapedMax = 6

  /// Copies with escapes and says how many bytes that made. `target` has room for six times the source.
  private static func escape(_ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer) -> Int {
    var from = 0
    var to = 0
    while from < source.count {
      // Eight bytes at a time as long as none of them is special: nearly always.
      while from + 8 <= source.count {
        let word = source.loadUnaligned(fromByteOffset: from, as: UInt64.self)
        if hasSpecial(word) { break }
        target.storeBytes(of: word, toByteOffset: to, as: UInt64.self)
        from += 8
        to += 8
      }
      for _ in 0..<min(8, source.count - from) {
        let byte = source[from]
        from += 1
        if byte >= 0x20 && byte != 0x22 && byte != 0x5c {
          target.storeBytes(of: byte, toByteOffset: to, as: UInt8.self)
          to += 1
        } else {
          to += special(byte, to: target + to)
        }
      }
    }
    return to
  }

  /// Whether one of the eight bytes is a control character, a quote or a backslash.
  private static func hasSpecial(_ word: UInt64) -> Bool {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highs: UInt64 = 0x8080_8080_8080_8080
    let quote = word ^ (ones &* 0x22)
    let backslash = word ^ (ones &* 0x5c)
    let controls = (word &- ones &* 0x20) & ~word
    return (controls | (quote &- ones) & ~quote | (backslash &- ones) & ~backslash) & highs != 0
  }

  private static func special(_ byte: UInt8, to target: UnsafeMutableRawPointer) -> Int {
    var escaped: [UInt8]
    switch byte {
    case 0x22: escaped = [0x5c, 0x22]
    case 0x5c: escaped = [0x5c, 0x5c]
    case 0x0a: escaped = Array("\\n".utf8)
    case 0x0d: escaped = Array("\\r".utf8)
    case 0x09: escaped = Array("\\t".utf8)
    default:
      escaped = Array("\\u00".utf8) + [hexDigits[Int(byte >> 4)], hexDigits[Int(byte & 15)]]
    }
    for (index, byte) in escaped.enumerated() { target.storeBytes(of: byte, toByteOffset: index, as: UInt8.self) }
    return escaped.count
  }

  private static let hexDigits = Array("0123456789abcdef".utf8)
}
