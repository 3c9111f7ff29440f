import NIOCore
import Synchronization

/// A body on its way from a connection's thread to the task that reads it: bounded, because the connection reads no
/// more from its socket while `bytesMax` wait here.
final class IncomingBody: Sendable {
  /// Bytes that may wait for the reader.
  static let bytesMax = 64 * 1024
  /// A piece smaller than this joins the one before it: a body sent in chunks of a byte costs no more than another.
  private static let smallBytes = 1024
  private static let joinedBytesMax = 16 * 1024

  /// The connection ended in the middle of the body.
  struct Ended: Error {}

  private struct State {
    var pieces = CircularBuffer<ByteBuffer>()
    var waiting = 0
    var total = 0
    var isComplete = false
    var failure: (any Error)?
    var reader: CheckedContinuation<ByteBuffer?, any Error>?
    var paused = false
  }
  private let state = Mutex(State())
  /// Called when a first piece is asked for, and when there is room again.
  private let wanted: @Sendable () -> Void

  init(wanted: @escaping @Sendable () -> Void) { self.wanted = wanted }

  /// Bytes that have come so far.
  var total: Int { state.withLock { $0.total } }

  /// Whether the reader is behind: read no more from the socket until `wanted` is called.
  func append(_ piece: ByteBuffer) -> Bool {
    let (reader, full) = state.withLock { state -> (CheckedContinuation<ByteBuffer?, any Error>?, Bool) in
      state.total += piece.readableBytes
      if let reader = state.reader.take() { return (reader, false) }
      Self.keep(piece, &state.pieces)
      state.waiting += piece.readableBytes
      state.paused = state.waiting >= Self.bytesMax
      return (nil, state.paused)
    }
    reader?.resume(returning: piece)
    return full
  }

  private static func keep(_ piece: ByteBuffer, _ pieces: inout CircularBuffer<ByteBuffer>) {
    guard piece.readableBytes < smallBytes, let size = pieces.last?.readableBytes, size < joinedBytesMax else {
      return pieces.append(piece)
    }
    // Taken out, so that it is written where it stands.
    var joined = pieces.removeLast()
    joined.writeImmutableBuffer(piece)
    pieces.append(joined)
  }

  func finish() {
    let reader = state.withLock { state in
      state.isComplete = true
      return state.reader.take()
    }
    reader?.resume(returning: nil)
  }

  func fail(_ error: any Error) {
    let reader = state.withLock { state -> CheckedContinuation<ByteBuffer?, any Error>? in
      guard !state.isComplete, state.failure == nil else { return nil }
      state.failure = error
      return state.reader.take()
    }
    reader?.resume(throwing: error)
  }

  func next() async throws -> ByteBuffer? {
    enum Step { case piece(ByteBuffer, resumes: Bool), end, failed(any Error), wait }
    return try await withCheckedThrowingContinuation { continuation in
      let step = state.withLock { state -> Step in
        if !state.pieces.isEmpty {
          let piece = state.pieces.removeFirst()
          state.waiting -= piece.readableBytes
          let resumes = state.paused && state.waiting < Self.bytesMax / 2
          if resumes { state.paused = false }
          return .piece(piece, resumes: resumes)
        }
        if let failure = state.failure { return .failed(failure) }
        if state.isComplete { return .end }
        state.reader = continuation
        return .wait
      }
      switch step {
      case .piece(let piece, let resumes):
        if resumes { wanted() }
        continuation.resume(returning: piece)
      case .end: continuation.resume(returning: nil)
      case .failed(let error): continuation.resume(throwing: error)
      case .wait: wanted()
      }
    }
  }
}
