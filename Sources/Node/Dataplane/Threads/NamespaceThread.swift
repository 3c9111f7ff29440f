import CLinux
import Foundation
import Kit
import Synchronization

/// The one thread that enters network namespaces. Everything on it is synchronous: a task never sees a foreign
/// namespace. Also the home of libnftables, whose contexts belong to the namespace they were made in.
final class NamespaceThread: Sendable {
  /// At most this many jobs wait; more are refused.
  static let jobsMax = 4096

  private let queue: JobQueue

  init() {
    let queue = JobQueue()
    self.queue = queue
    let thread = Thread { queue.work() }
    thread.name = "haneul-netns"
    thread.start()
  }

  deinit { queue.stop() }

  /// Runs `body` on the thread, in the namespace called `namespace` (nil: the host's). Throws what `body` throws, or a
  /// `Refusal` where the namespace is not there.
  func run<Value: Sendable>(
    in namespace: String? = nil, _ body: @escaping @Sendable () throws -> Value
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      let accepted = queue.add { home in
        continuation.resume(with: Result { try home.visit(namespace, body) })
      }
      if !accepted { continuation.resume(throwing: Refusal("Overloaded", "The namespace thread has too much to do.")) }
    }
  }
}

/// The namespace the thread comes from, and the way back to it.
struct HomeNamespace {
  private let descriptor: Int32

  init() { descriptor = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC) }

  static func path(_ namespace: String) -> String { "/run/netns/\(namespace)" }

  func visit<Value>(_ namespace: String?, _ body: () throws -> Value) throws -> Value {
    guard let namespace else { return try body() }
    let target = open(Self.path(namespace), O_RDONLY | O_CLOEXEC)
    guard target >= 0 else { throw Refusal("NamespaceMissing", "The network namespace \(namespace) is not there.") }
    defer { close(target) }
    guard descriptor >= 0, clinux_setns_net(target) == 0 else {
      throw Refusal("NamespaceMissing", "The network namespace \(namespace) cannot be entered.")
    }
    defer { comeHome() }
    return try body()
  }

  /// Without the way home every later job would act in the wrong namespace: ending the process is the safe thing.
  private func comeHome() {
    precondition(clinux_setns_net(descriptor) == 0, "cannot return to the host's network namespace")
  }
}

/// Jobs in order, bounded, between any caller and the one thread.
private final class JobQueue: Sendable {
  typealias Job = @Sendable (HomeNamespace) -> Void
  private struct State {
    var jobs: [Job] = []
    var stopped = false
  }
  private let state = Mutex(State())
  private let wake = DispatchSemaphore(value: 0)

  func add(_ job: @escaping Job) -> Bool {
    let accepted = state.withLock { state in
      guard !state.stopped, state.jobs.count < NamespaceThread.jobsMax else { return false }
      state.jobs.append(job)
      return true
    }
    if accepted { wake.signal() }
    return accepted
  }

  func stop() {
    state.withLock { $0.stopped = true }
    wake.signal()
  }

  func work() {
    let home = HomeNamespace()
    while true {
      wake.wait()
      let (jobs, stopped) = state.withLock { state in
        defer { state.jobs = [] }
        return (state.jobs, state.stopped)
      }
      for job in jobs { job(home) }
      if stopped { return }
    }
  }
}
