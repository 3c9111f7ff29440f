import API
import Kit
import Logging
import Store
import Synchronization

/// Takes requests down: at once into a bounded buffer, and from there into the store, many at a time.
final class RequestLog: RequestRecorder {
  /// Requests that may wait for the store; more are dropped and counted.
  static let waitingMax = 10_000
  /// How long a request waits for company before it is written.
  static let gather = Duration.milliseconds(500)

  private struct State {
    var waiting: [RequestRecord] = []
    var writing = 0
    var dropped = 0
  }
  private let store: any Store
  private let logger: Logger
  private let state = Mutex(State())
  private let wakes: AsyncStream<Void>
  private let wake: AsyncStream<Void>.Continuation

  init(store: any Store, logger: Logger) {
    self.store = store
    self.logger = logger
    (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
  }

  /// Requests that could not be kept since this process began.
  var dropped: Int { state.withLock { $0.dropped } }

  func record(_ request: RequestRecord) {
    state.withLock { state in
      if state.waiting.count < Self.waitingMax { state.waiting.append(request) } else { state.dropped += 1 }
    }
    wake.yield()
  }

  /// Writes what comes until the task is cancelled; `flush` must be called once more after the last request.
  func run() async {
    for await _ in wakes {
      guard (try? await Task.sleep(for: Self.gather)) != nil else { break }
      await flush()
    }
  }

  /// Returns when everything that was recorded before is in the store, or could not be written.
  func flush() async {
    let (batch, others) = state.withLock { state in
      let batch = state.waiting
      state.waiting = []
      state.writing += 1
      return (batch, state.writing - 1)
    }
    defer { state.withLock { $0.writing -= 1 } }
    // Another's batch is ahead in the store's queue: an empty write comes after it.
    if batch.isEmpty, others == 0 { return }
    do {
      try await store.write { try RequestTable.append($0, batch) }
    } catch {
      let left = state.withLock { state in
        let room = max(0, Self.waitingMax - state.waiting.count)
        state.waiting = batch.suffix(room) + state.waiting
        state.dropped += max(0, batch.count - room)
        return state.waiting.count
      }
      logger.warning("requests could not be taken down", metadata: ["error": "\(error)", "waiting": "\(left)"])
    }
  }
}
