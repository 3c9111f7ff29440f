import Drivers
import Kit
import Synchronization

/// Hands domain events to everyone who listens, each with a buffer of `bufferMax`.
final class DomainEvents: Sendable {
  /// A listener that is further behind loses single events and gets one that says: compare everything.
  static let bufferMax = 256

  private let listeners = Mutex<[String: AsyncStream<DomainEvent>.Continuation]>([:])

  func stream() -> AsyncStream<DomainEvent> {
    let id = Identifier.hex()
    let (stream, continuation) = AsyncStream.makeStream(
      of: DomainEvent.self, bufferingPolicy: .bufferingNewest(Self.bufferMax))
    continuation.onTermination = { [weak self] _ in self?.listeners.withLock { $0[id] = nil } }
    listeners.withLock { $0[id] = continuation }
    return stream
  }

  func send(_ event: DomainEvent) {
    // Yielded outside the lock: a listener that ends calls back into it.
    for listener in listeners.withLock({ Array($0.values) }) {
      if case .dropped = listener.yield(event) { listener.yield(DomainEvent(serverID: nil)) }
    }
  }
}
