import Kit

/// What stands before a request's body, checked.
struct RequestHead: Sendable {
  /// How the end of the body is told.
  enum Framing: Sendable, Hashable {
    case none
    case length(Int)
    case chunked
  }

  var method: String
  var isHTTP10 = false
  /// Path and query, beginning with `/`; `*` for an OPTIONS of the whole server.
  var target: String
  var headers: RequestHeaders
  var framing: Framing
  /// Whether the connection is kept for another request.
  var keepsAlive: Bool
  /// Whether the client waits for `100 Continue` before it sends the body.
  var expectsContinue: Bool
  /// The authority it was sent to, checked: nothing but a name or an address, and a port. nil in HTTP/1.0 without one.
  var host: String?
}

/// What makes a message no request of HTTP.
struct MalformedRequest: Error {
  var fault: Fault
  /// As far as it could be read; empty where it could not.
  var method = ""
  var target = ""

  init(_ status: Int, _ message: String) { fault = Fault(status, message) }
}

extension RequestHead {
  /// Reads a head that ends with an empty line. Strict: what two servers could read differently is refused, for
  /// behind a proxy it would be a way to smuggle a request past it. Throws `MalformedRequest`.
  init(parsing bytes: UnsafeRawBufferPointer, limits: EdgeLimits) throws(MalformedRequest) {
    var lines = HeadLines(bytes)
    guard let first = try lines.next() else { throw MalformedRequest(400, "The request is empty.") }
    let line = try RequestLine(first, limits)
    do {
      try self.init(line, &lines, limits)
    } catch {
      var error = error
      (error.method, error.target) = (line.method, line.target)
      throw error
    }
  }

  private init(_ line: RequestLine, _ lines: inout HeadLines, _ limits: EdgeLimits) throws(MalformedRequest) {
    var fields: [(name: String, value: String)] = []
    fields.reserveCapacity(8)
    var facts = HeadFacts(isHTTP11: line.isHTTP11)
    while let bytes = try lines.next() {
      if bytes.isEmpty { break }
      guard fields.count < limits.headersMax else {
        throw MalformedRequest(431, "The request has more than \(limits.headersMax) header fields.")
      }
      let field = try Self.field(bytes)
      try facts.note(field.name, field.value)
      fields.append(field)
    }
    if line.isHTTP11, facts.host == nil { throw MalformedRequest(400, "The request has no Host.") }
    if let authority = line.authority { facts.host = authority }
    if let host = facts.host, !host.isEmpty, !Self.isAuthority(host) {
      throw MalformedRequest(400, "The request's Host is not a name or an address.")
    }
    self.init(
      method: line.method, target: line.target, headers: RequestHeaders(lowered: fields),
      framing: try facts.framing(), keepsAlive: facts.keepsAlive, expectsContinue: facts.expectsContinue,
      host: facts.host.flatMap { $0.isEmpty ? nil : $0 })
    isHTTP10 = !line.isHTTP11
  }

  /// A field's name in lower case and its value without blanks around it.
  private static func field(_ bytes: UnsafeRawBufferPointer) throws(MalformedRequest) -> (name: String, value: String) {
    guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon > 0 else {
      throw MalformedRequest(400, "A header field has no name.")
    }
    var isToken = true
    let name = String(unsafeUninitializedCapacity: colon) { text in
      for place in 0..<colon {
        let byte = bytes[place]
        isToken = isToken && byte.isTokenByte
        text[place] = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte & 0x7f
      }
      return colon
    }
    guard isToken else { throw MalformedRequest(400, "A header field's name has characters that are not allowed.") }
    var start = colon + 1
    var end = bytes.count
    while start < end, bytes[start] == 0x20 || bytes[start] == 0x09 { start += 1 }
    while end > start, bytes[end - 1] == 0x20 || bytes[end - 1] == 0x09 { end -= 1 }
    for place in start..<end where bytes[place] < 0x20 && bytes[place] != 0x09 || bytes[place] == 0x7f {
      throw MalformedRequest(400, "A header field has control characters.")
    }
    return (name, String(decoding: UnsafeRawBufferPointer(rebasing: bytes[start..<end]), as: UTF8.self))
  }

  /// Whether it may be a method: a short token.
  static func isMethod(_ text: String) -> Bool {
    (1...16).contains(text.utf8.count) && text.utf8.allSatisfy(\.isTokenByte)
  }

  /// Whether it is a name or an address with or without a port, and nothing else: it goes into links.
  static func isAuthority(_ text: String) -> Bool {
    guard text.utf8.count <= 262 else { return false }
    var rest = Substring(text)
    if rest.utf8.first == UInt8(ascii: "[") {
      guard let end = rest.firstIndex(of: "]") else { return false }
      let inside = String(rest[rest.index(after: rest.startIndex)..<end])
      guard inside.contains(":"), IPAddress(inside) != nil else { return false }
      rest = rest[rest.index(after: end)...]
    } else {
      let name = rest.utf8.prefix { $0.isHostByte }
      guard !name.isEmpty else { return false }
      rest = rest[name.endIndex...]
    }
    if rest.isEmpty { return true }
    guard rest.utf8.first == UInt8(ascii: ":") else { return false }
    let port = rest.utf8.dropFirst()
    return !port.isEmpty && port.count <= 5 && port.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
  }
}

/// What the header fields say of the message itself.
private struct HeadFacts {
  let isHTTP11: Bool
  var host: String?
  var keepsAlive: Bool
  var expectsContinue = false
  private var length: Int?
  private var isChunked = false

  init(isHTTP11: Bool) {
    self.isHTTP11 = isHTTP11
    keepsAlive = isHTTP11
  }

  mutating func note(_ name: String, _ value: String) throws(MalformedRequest) {
    switch name {
    case "host":
      guard host == nil else { throw MalformedRequest(400, "The request has more than one Host.") }
      host = value
    case "content-length":
      let digits = value.utf8
      guard length == nil, (1...18).contains(digits.count), digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
        let number = Int(value)
      else { throw MalformedRequest(400, "Content-Length is not one number.") }
      length = number
    case "transfer-encoding":
      guard isHTTP11, !isChunked, value.lowercased() == "chunked" else {
        throw MalformedRequest(501, "The one transfer coding is chunked.")
      }
      isChunked = true
    case "connection":
      let words = value.lowercased().split(separator: ",").map { $0.trimmingBlanks }
      if words.contains("close") { keepsAlive = false } else if words.contains("keep-alive") { keepsAlive = true }
    case "expect":
      guard value.lowercased() == "100-continue" else { throw MalformedRequest(417, "That cannot be expected.") }
      expectsContinue = isHTTP11
    default: break
    }
  }

  func framing() throws(MalformedRequest) -> RequestHead.Framing {
    guard !(isChunked && length != nil) else {
      throw MalformedRequest(400, "A body has a length or is chunked, not both.")
    }
    if isChunked { return .chunked }
    guard let length, length > 0 else { return .none }
    return .length(length)
  }
}

/// The first line: method, target and version.
private struct RequestLine {
  var method: String
  var target: String
  /// The authority of a target in absolute form.
  var authority: String?
  var isHTTP11: Bool

  init(_ bytes: UnsafeRawBufferPointer, _ limits: EdgeLimits) throws(MalformedRequest) {
    guard let space = bytes.firstIndex(of: 0x20), (1...16).contains(space) else {
      throw MalformedRequest(400, "The request has no method.")
    }
    for place in 0..<space where !bytes[place].isTokenByte {
      throw MalformedRequest(400, "The request's method has characters that are not allowed.")
    }
    guard let last = bytes.lastIndex(of: 0x20), last > space else {
      throw MalformedRequest(400, "The request has no version.")
    }
    guard last - space - 1 <= limits.targetBytesMax else {
      throw MalformedRequest(414, "The request's target is longer than \(limits.targetBytesMax) bytes.")
    }
    for place in (space + 1)..<last where bytes[place] <= 0x20 || bytes[place] >= 0x7f || bytes[place] == 0x23 {
      throw MalformedRequest(400, "The request's target has characters that are not allowed.")
    }
    let version = UnsafeRawBufferPointer(rebasing: bytes[(last + 1)...])
    guard version.count == 8, version.starts(with: "HTTP/".utf8), version[6] == UInt8(ascii: ".") else {
      throw MalformedRequest(400, "The request's version is none.")
    }
    guard version[5] == UInt8(ascii: "1"), version[7] == UInt8(ascii: "1") || version[7] == UInt8(ascii: "0") else {
      throw MalformedRequest(505, "The server speaks HTTP/1.1.")
    }
    isHTTP11 = version[7] == UInt8(ascii: "1")
    method = String(decoding: UnsafeRawBufferPointer(rebasing: bytes[0..<space]), as: UTF8.self)
    target = String(decoding: UnsafeRawBufferPointer(rebasing: bytes[(space + 1)..<last]), as: UTF8.self)
    if target.utf8.first != UInt8(ascii: "/") { try readOtherForm() }
  }

  /// `http://host/path`, or `*`.
  private mutating func readOtherForm() throws(MalformedRequest) {
    if target == "*", method == "OPTIONS" { return }
    for scheme in ["http://", "https://"] where target.lowercased().hasPrefix(scheme) {
      let rest = target.dropFirst(scheme.count)
      let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
      authority = String(rest[..<end])
      target = rest[end...].first == "/" ? String(rest[end...]) : "/" + rest[end...]
      return
    }
    throw MalformedRequest(400, "The request's target is not a path.")
  }
}

/// The lines of a head: each ends with CR LF, and neither stands anywhere else.
private struct HeadLines {
  private let bytes: UnsafeRawBufferPointer
  private var place = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  mutating func next() throws(MalformedRequest) -> UnsafeRawBufferPointer? {
    guard place < bytes.count else { return nil }
    var end = place
    while end < bytes.count, bytes[end] != 0x0d, bytes[end] != 0x0a { end += 1 }
    guard end + 1 < bytes.count, bytes[end] == 0x0d, bytes[end + 1] == 0x0a else {
      throw MalformedRequest(400, "A line of the request does not end with CR LF.")
    }
    defer { place = end + 2 }
    return UnsafeRawBufferPointer(rebasing: bytes[place..<end])
  }
}

extension UInt8 {
  /// Whether it may stand in a token of RFC 9110.
  fileprivate var isTokenByte: Bool {
    switch self {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
    case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
      UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
      true
    default: false
    }
  }

  /// Whether it may stand in a host's name.
  fileprivate var isHostByte: Bool {
    switch self {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
    default: false
    }
  }
}

extension StringProtocol {
  /// Without blanks and tabs at both ends.
  var trimmingBlanks: String {
    var text = self[...]
    while text.first == " " || text.first == "\t" { text.removeFirst() }
    while text.last == " " || text.last == "\t" { text.removeLast() }
    return String(text)
  }
}
