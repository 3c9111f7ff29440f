/// Wakes one loop: raising it many times before the loop looks wakes it once.
struct Signal: Sendable {
  /// What the loop iterates; at most one wake-up waits in it.
  let stream: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation

  init() { (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

  func raise() { continuation.yield() }
}
