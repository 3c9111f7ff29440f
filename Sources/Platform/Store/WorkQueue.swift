import Foundation
import Kit

/// A bounded queue of work done by threads of its own, each owning what it was started with (a connection).
final class WorkQueue<Job: Sendable>: Sendable {
  /// The job a thread took, and a way to take more at once without waiting.
  struct Taken {
    let first: Job
    let more: () -> Job?
  }

  private struct State: Sendable {
    var jobs: [Job] = []
    var head = 0
    var stopped = false
  }
  private let waitingMax: Int
  private let state: Guarded<State>

  init(waitingMax: Int) {
    self.waitingMax = waitingMax
    state = Guarded(State())
  }

  /// Adds a job; false where too many wait or the queue has stopped.
  func append(_ job: Job) -> Bool {
    state.change { state in
      guard !state.stopped, state.jobs.count - state.head < waitingMax else { return false }
      state.jobs.append(job)
      return true
    }
  }

  /// Jobs that no thread has taken yet.
  var waiting: Int { state.with { $0.jobs.count - $0.head } }

  func stop() { state.change(wakingAll: true) { $0.stopped = true } }

  /// Starts a thread that owns what `open` gives. Throws what `open` throws.
  func start<Owned>(
    name: String, _ open: @escaping @Sendable () throws -> Owned, _ work: @escaping @Sendable (Owned, Taken) -> Void
  ) throws {
    let opened = Guarded<Result<Void, any Error>?>(nil)
    let thread = Thread { [state] in
      let owned: Owned
      do {
        owned = try open()
        opened.change { $0 = .success(()) }
      } catch {
        opened.change { $0 = .failure(error) }
        return
      }
      while let first = state.wait(for: { Self.take(&$0).map(Optional.some) ?? ($0.stopped ? .some(nil) : nil) }) {
        work(owned, Taken(first: first, more: { state.with(Self.take) }))
      }
    }
    thread.name = name
    thread.stackSize = 1 << 20
    thread.start()
    try opened.wait(for: { $0 }).get()
  }

  private static func take(_ state: inout State) -> Job? {
    guard state.head < state.jobs.count else { return nil }
    let job = state.jobs[state.head]
    state.head += 1
    if state.head == state.jobs.count {
      state.jobs.removeAll(keepingCapacity: true)
      state.head = 0
    } else if state.head >= waitingCompaction {
      state.jobs.removeFirst(state.head)
      state.head = 0
    }
    return job
  }

  /// Taken jobs are dropped from the front when there are this many.
  private static var waitingCompaction: Int { 1024 }
}

/// A value behind a lock, with a way to wait until it is as wanted.
///
/// `@unchecked Sendable`: `value` is touched only while `condition` is held.
private final class Guarded<Value: Sendable>: @unchecked Sendable {
  private let condition = NSCondition()
  private var value: Value

  init(_ value: Value) { self.value = value }

  func with<R>(_ body: (inout Value) -> R) -> R {
    condition.lock()
    defer { condition.unlock() }
    return body(&value)
  }

  /// Changes the value and wakes one of those who wait: what was added is for one of them.
  @discardableResult
  func change<R>(wakingAll: Bool = false, _ body: (inout Value) -> R) -> R {
    condition.lock()
    let result = body(&value)
    // Woken after unlocking, so that the one who wakes need not wait again for the lock.
    condition.unlock()
    if wakingAll { condition.broadcast() } else { condition.signal() }
    return result
  }

  /// Waits until `body` gives something.
  func wait<R>(for body: (inout Value) -> R?) -> R {
    condition.lock()
    defer { condition.unlock() }
    while true {
      if let result = body(&value) { return result }
      condition.wait()
    }
  }
}
