public import Kit

/// What a route answers.
public struct Reply: Sendable {
  /// Takes pieces of a streamed body; returns when the socket has room for more.
  public typealias Sink = @Sendable (_ bytes: [UInt8]) async throws -> Void

  public enum Body: Sendable {
    case none
    case bytes([UInt8], contentType: String)
    /// Written piece by piece; `length` is its size in bytes where it is known.
    case stream(contentType: String, length: Int?, _ write: @Sendable (@escaping Sink) async throws -> Void)
  }

  public var status: Int
  public var headers: [(name: String, value: String)]
  public var body: Body

  public init(status: Int, headers: [(name: String, value: String)] = [], body: Body = .none) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// What a HEAD gets: everything but the body, whose size and type are said.
  mutating func dropBody() {
    switch body {
    case .none: return
    case .bytes(let bytes, let type): headers += [("Content-Type", type), ("Content-Length", String(bytes.count))]
    case .stream(let type, let length, _):
      headers.append(("Content-Type", type))
      if let length { headers.append(("Content-Length", String(length))) }
    }
    body = .none
  }

  /// A JSON object, its members written by `build`.
  public static func json(
    _ status: Int = 200, headers: [(name: String, value: String)] = [], _ build: (inout JSONWriter) -> Void
  ) -> Reply {
    var writer = JSONWriter()
    writer.object(build)
    return Reply(status: status, headers: headers, body: .bytes(writer.takeBytes(), contentType: "application/json"))
  }

  /// JSON text that is ready: what a list encoded inside its read closure.
  public static func json(_ status: Int = 200, bytes: [UInt8]) -> Reply {
    Reply(status: status, body: .bytes(bytes, contentType: "application/json"))
  }

  /// A list that may be longer than one chunk: `{"<name>":[…]<trailer>}`, read from the store in chunks and written to
  /// the socket one after the other, so that no read stays open while a slow client takes its time.
  ///
  /// `chunk` gets where to go on (nil at first) and returns elements already encoded with commas between them
  /// (no brackets), and where to go on, nil after the last. The first chunk is read before the status is sent.
  public static func list<Cursor: Sendable>(
    _ name: String, trailer: [UInt8] = [],
    chunk: @escaping @Sendable (Cursor?) async throws -> (elements: [UInt8], next: Cursor?)
  ) async throws -> Reply {
    let first = try await chunk(nil)
    let opening = Array("{\"\(name)\":[".utf8)
    let closing = [UInt8(ascii: "]")] + trailer + [UInt8(ascii: "}")]
    guard first.next != nil else { return .json(bytes: opening + first.elements + closing) }
    return Reply(
      status: 200,
      body: .stream(contentType: "application/json", length: nil) { sink in
        try await sink(opening + first.elements)
        var cursor = first.next
        while let position = cursor {
          let piece = try await chunk(position)
          if !piece.elements.isEmpty { try await sink([UInt8(ascii: ",")] + piece.elements) }
          cursor = piece.next
        }
        try await sink(closing)
      })
  }
}

extension JSONWriter {
  /// Encoded elements with commas between them and no brackets: a chunk of `Reply.list`.
  public static func elements<S: Sequence>(_ values: S, _ body: (inout JSONWriter, S.Element) -> Void) -> [UInt8] {
    var writer = JSONWriter(capacity: 64 * 1024)
    writer.array(values, body)
    return Array(writer.takeBytes().dropFirst().dropLast())
  }
}
