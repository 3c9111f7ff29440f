public import NIOCore

/// A request's body, piece by piece.
public struct BodyStream: AsyncSequence, Sendable {
  public typealias Element = ByteBuffer

  enum Source: Sendable {
    case none
    /// It is there already.
    case whole(ByteBuffer)
    /// It comes from a connection.
    case live(IncomingBody)
    /// It comes from somewhere else: each call gives a way to pull its pieces from the first on.
    case other(@Sendable () -> () async throws -> ByteBuffer?)
  }
  let source: Source

  public struct AsyncIterator: AsyncIteratorProtocol {
    private var source: Source
    private let pull: (() async throws -> ByteBuffer?)?

    init(_ source: Source) {
      self.source = source
      if case .other(let make) = source { pull = make() } else { pull = nil }
    }

    /// The next piece, nil after the last. Throws `Fault` 408 for a body that comes too slowly, and an error where the
    /// connection ended before it did.
    public mutating func next() async throws -> ByteBuffer? {
      switch source {
      case .none: return nil
      case .whole(let buffer):
        source = .none
        return buffer
      case .live(let body): return try await body.next()
      case .other: return try await pull?()
      }
    }
  }

  init(_ source: Source) { self.source = source }

  /// A body that is there already.
  public init(bytes: [UInt8]) { source = bytes.isEmpty ? .none : .whole(ByteBuffer(bytes: bytes)) }

  /// A body that comes piece by piece from elsewhere.
  public init<Pieces: AsyncSequence & Sendable>(_ pieces: Pieces) where Pieces.Element == ByteBuffer {
    source = .other {
      var iterator = pieces.makeAsyncIterator()
      return { try await iterator.next() }
    }
  }

  public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(source) }
}
