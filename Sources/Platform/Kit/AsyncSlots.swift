import Synchronization

/// Lets at most `count` tasks do something at once; a bounded number may wait for their turn, in order.
public final class AsyncSlots: Sendable {
  /// Too many wait already: answer 503.
  public struct Full: Error, Sendable {
    public init() {}
  }

  private struct State {
    var free: Int
    var waiting: [CheckedContinuation<Void, Never>] = []
  }
  private let state: Mutex<State>
  private let waitingMax: Int

  public init(count: Int, waitingMax: Int) {
    state = Mutex(State(free: count))
    self.waitingMax = waitingMax
  }

  /// Runs `body` in a slot. Throws `Full`, or what `body` throws.
  @discardableResult
  public func use<T: Sendable>(_ body: @Sendable () async throws -> T) async throws -> T {
    try await enter()
    defer { leave() }
    return try await body()
  }

  private func enter() async throws {
    enum Entry { case entered, full, queued }
    let entry: Entry = state.withLock { state in
      if state.free > 0 {
        state.free -= 1
        return .entered
      }
      return state.waiting.count < waitingMax ? .queued : .full
    }
    switch entry {
    case .entered: return
    case .full: throw Full()
    case .queued:
      await withCheckedContinuation { continuation in
        let now = state.withLock { state in
          if state.free > 0 {
            state.free -= 1
            return true
          }
          state.waiting.append(continuation)
          return false
        }
        if now { continuation.resume() }
      }
    }
  }

  private func leave() {
    let next: CheckedContinuation<Void, Never>? = state.withLock { state in
      if state.waiting.isEmpty {
        state.free += 1
        return nil
      }
      return state.waiting.removeFirst()
    }
    next?.resume()
  }
}
