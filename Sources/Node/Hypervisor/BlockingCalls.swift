import Dispatch
import Synchronization

/// Runs blocking calls on threads of their own, off the cooperative pool: `width` at once, `waitingMax` in line.
final class BlockingCalls: Sendable {
  static let width = 8
  static let waitingMax = 256

  private struct State {
    var idle: [DispatchQueue]
    var waiting: [@Sendable () -> Void] = []
  }
  private let state: Mutex<State>

  init() {
    // Serial queues: each blocked one gets a thread, where a concurrent queue would stop at the number of cores.
    state = Mutex(State(idle: (1...Self.width).map { DispatchQueue(label: "haneul.libvirt.\($0)") }))
  }

  /// Throws what `body` throws, or `HypervisorError.overloaded`.
  func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
      let work: @Sendable () -> Void = { continuation.resume(with: Result { try body() }) }
      let accepted = state.withLock { state in
        if let lane = state.idle.popLast() {
          lane.async { self.work(on: lane, from: work) }
        } else if state.waiting.count < Self.waitingMax {
          state.waiting.append(work)
        } else {
          return false
        }
        return true
      }
      if !accepted { continuation.resume(throwing: HypervisorError.overloaded) }
    }
  }

  /// Works on one lane until nobody waits.
  private func work(on lane: DispatchQueue, from first: @escaping @Sendable () -> Void) {
    var next: (@Sendable () -> Void)? = first
    while let work = next {
      work()
      next = state.withLock { state in
        guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
        state.idle.append(lane)
        return nil
      }
    }
  }
}
