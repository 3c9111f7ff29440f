import Dispatch
import Synchronization

/// Runs blocking calls on threads of their own, off the cooperative pool: `width` at once, `waitingMax` in line. A
/// call that does not come back in time is given up by its caller, and keeps its thread until it does: so no more than
/// `width` threads are ever stuck, and one for each server. Each call is told its thread's number, so that every thread
/// can have a connection of its own.
final class BlockingCalls: Sendable {
  static let waitingMax = 256
  /// Longer than anything libvirt does for us, and than it takes to notice that libvirtd hangs.
  static let secondsMax = 120

  private struct Lane: Sendable {
    var number: Int
    var queue: DispatchQueue
  }
  private struct State {
    var idle: [Lane]
    var waiting: [@Sendable (_ lane: Int) -> Void] = []
    /// Servers with a call that its caller gave up and that has not come back.
    var stuck: Set<String> = []
  }
  private let state: Mutex<State>
  private let waitingMax: Int
  private let limit: Duration

  /// - Parameter firstLane: the number of the first thread.
  init(
    width: Int, firstLane: Int = 0, waitingMax: Int = BlockingCalls.waitingMax,
    limit: Duration = .seconds(BlockingCalls.secondsMax)
  ) {
    // Serial queues: each blocked one gets a thread, where a concurrent queue would stop at the number of cores.
    let lanes = (firstLane..<firstLane + width).map {
      Lane(number: $0, queue: DispatchQueue(label: "haneul.libvirt.\($0)"))
    }
    state = Mutex(State(idle: lanes))
    self.waitingMax = waitingMax
    self.limit = limit
  }

  /// Throws what `body` throws, `HypervisorError.overloaded`, or `noAnswer` where it takes longer than the limit: its
  /// outcome is unknown then, unless it never began. While one for a server has not come back, another is not begun.
  func run<T: Sendable>(
    for serverID: String? = nil, _ body: @escaping @Sendable (_ lane: Int) throws -> T
  ) async throws -> T {
    let tooLate = HypervisorError.noAnswer(seconds: Int(limit.components.seconds))
    if let serverID, state.withLock({ $0.stuck.contains(serverID) }) { throw tooLate }
    return try await withCheckedThrowingContinuation { continuation in
      let answer = OneAnswer(continuation)
      let clock = Task { [limit] in
        guard (try? await Task.sleep(for: limit)) != nil else { return }
        answer.give(.failure(tooLate)) { begun in
          if let serverID, begun { self.state.withLock { _ = $0.stuck.insert(serverID) } }
        }
      }
      let accepted = accept { lane in
        // Nobody waits for it any more: it is not begun.
        guard answer.begin() else { return }
        answer.give(Result { try body(lane) })
        if let serverID { self.state.withLock { _ = $0.stuck.remove(serverID) } }
        clock.cancel()
      }
      if !accepted {
        clock.cancel()
        answer.give(.failure(HypervisorError.overloaded))
      }
    }
  }

  private func accept(_ work: @escaping @Sendable (Int) -> Void) -> Bool {
    state.withLock { state in
      if let lane = state.idle.popLast() {
        lane.queue.async { self.work(on: lane, from: work) }
      } else if state.waiting.count < waitingMax {
        state.waiting.append(work)
      } else {
        return false
      }
      return true
    }
  }

  /// Works on one lane until nobody waits.
  private func work(on lane: Lane, from first: @escaping @Sendable (Int) -> Void) {
    var next: (@Sendable (Int) -> Void)? = first
    while let work = next {
      work(lane.number)
      next = state.withLock { state in
        guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
        state.idle.append(lane)
        return nil
      }
    }
  }
}

/// Resumes one who waits, once: the answer and the clock race for it.
private final class OneAnswer<T: Sendable>: Sendable {
  private struct State {
    var waiting: CheckedContinuation<T, any Error>?
    var begun = false
  }
  private let state: Mutex<State>

  init(_ continuation: CheckedContinuation<T, any Error>) { state = Mutex(State(waiting: continuation)) }

  /// Whether somebody still waits; from then on the work is under way.
  func begin() -> Bool {
    state.withLock { state in
      state.begun = state.waiting != nil
      return state.begun
    }
  }

  /// - Parameter first: called before the one who waits goes on, and only if this is his answer; with whether the work
  ///   was under way.
  func give(_ result: Result<T, any Error>, first: (_ begun: Bool) -> Void = { _ in }) {
    let continuation = state.withLock { state in
      defer { state.waiting = nil }
      // Under the lock, so that the work cannot come back between.
      if state.waiting != nil { first(state.begun) }
      return state.waiting
    }
    continuation?.resume(with: result)
  }
}
