import NIOCore
import Synchronization

/// How many requests are worked on at once; others wait in order, but not for long: an answer that says "later" is
/// better than one that comes when nobody waits for it any more.
final class Admission: Sendable {
  private struct Waiting {
    let id: UInt64
    let since: NIODeadline
    let continuation: CheckedContinuation<Bool, Never>
  }
  private struct State {
    var running = 0
    var waiting = CircularBuffer<Waiting>()
    var nextID: UInt64 = 0
    /// Since when somebody has waited without a break.
    var standingSince: NIODeadline?
    var timer: Task<Void, Never>?
  }
  private let state = Mutex(State())
  private let limits: EdgeLimits

  init(_ limits: EdgeLimits) { self.limits = limits }

  /// Requests that are worked on, and that wait.
  var load: (running: Int, waiting: Int) { state.withLock { ($0.running, $0.waiting.count) } }

  /// Takes a place where one is free at once.
  func tryEnter() -> Bool {
    state.withLock { state in
      guard state.running < limits.requestsMax else { return false }
      state.running += 1
      return true
    }
  }

  /// Waits for a place; false where it took too long, or too many wait already.
  func wait() async -> Bool {
    await withCheckedContinuation { continuation in
      let now = NIODeadline.now()
      let answer = state.withLock { state -> Bool? in
        if state.running < limits.requestsMax {
          state.running += 1
          return true
        }
        guard state.waiting.count < limits.waitingMax else { return false }
        if state.waiting.isEmpty { state.standingSince = now }
        state.nextID += 1
        state.waiting.append(Waiting(id: state.nextID, since: now, continuation: continuation))
        if state.timer == nil { state.timer = Task { await self.expire() } }
        return nil
      }
      if let answer { continuation.resume(returning: answer) }
    }
  }

  /// Gives the place to who has waited longest and may still be served.
  func leave() {
    let now = NIODeadline.now()
    let (late, next) = state.withLock { state -> ([Waiting], Waiting?) in
      let late = takeLate(&state, now)
      guard let next = state.waiting.popFirst() else {
        state.running -= 1
        state.standingSince = nil
        return (late, nil)
      }
      if state.waiting.isEmpty { state.standingSince = nil }
      return (late, next)
    }
    for request in late { request.continuation.resume(returning: false) }
    next?.continuation.resume(returning: true)
  }

  private func takeLate(_ state: inout State, _ now: NIODeadline) -> [Waiting] {
    guard let since = state.standingSince else { return [] }
    let standing = now - since > .milliseconds(Int64(limits.standingMilliseconds))
    let patience = TimeAmount.milliseconds(
      Int64(standing ? limits.standingWaitMilliseconds : limits.waitMilliseconds))
    var late: [Waiting] = []
    while let first = state.waiting.first, now - first.since > patience {
      late.append(first)
      state.waiting.removeFirst()
    }
    return late
  }

  /// Turns away who waits too long even when nobody leaves.
  private func expire() async {
    while true {
      try? await Task.sleep(for: .milliseconds(100))
      let (late, isDone) = state.withLock { state -> ([Waiting], Bool) in
        let late = takeLate(&state, NIODeadline.now())
        guard state.waiting.isEmpty else { return (late, false) }
        state.standingSince = nil
        state.timer = nil
        return (late, true)
      }
      for request in late { request.continuation.resume(returning: false) }
      if isDone { return }
    }
  }
}

/// A bounded amount of something: bytes in memory, uploads at once.
final class Budget: Sendable {
  private let used = Atomic(0)
  let maximum: Int

  init(_ maximum: Int) { self.maximum = maximum }

  var inUse: Int { used.load(ordering: .relaxed) }

  /// Takes `amount` where it is left.
  func take(_ amount: Int) -> Bool {
    let (_, now) = used.add(amount, ordering: .relaxed)
    if now <= maximum { return true }
    used.subtract(amount, ordering: .relaxed)
    return false
  }

  /// Takes `amount` even beyond the bound.
  func force(_ amount: Int) { used.add(amount, ordering: .relaxed) }

  func give(_ amount: Int) { used.subtract(amount, ordering: .relaxed) }
}
