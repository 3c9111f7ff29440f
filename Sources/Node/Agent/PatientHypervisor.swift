import Drivers
import NodeLink
import Synchronization

/// The hypervisor did not answer in time, or calls that hang already are as many as may.
struct HypervisorSilent: Error {}

/// The hypervisor with an end to patience: a call that hangs is left to itself, and whoever asked goes on.
///
/// A hung call cannot be ended. So who has one gets no other until it returns, and when calls about `stuckMax` guests
/// hang, no guest is asked about any more; when one returns, `freed` is raised.
final class PatientHypervisor: HypervisorDriver {
  /// Guests whose calls may hang at once.
  static let stuckMax = NodeAgent.serversAtOnce

  private let driver: any HypervisorDriver
  private let timing: AgentTiming
  /// Whom the hung calls are about: guests, and what is asked about the host.
  private let stuck = Mutex<(guests: Set<String>, host: Set<String>)>(([], []))
  let freed = Signal()

  /// How many passes over servers may be under way: as many more as may hang, and all where none hangs any more because
  /// nobody asks.
  var passesMax: Int {
    let hung = stuck.withLock { $0.guests.count }
    return hung >= Self.stuckMax ? NodeAgent.serversAtOnce : NodeAgent.serversAtOnce - hung
  }

  init(_ driver: any HypervisorDriver, timing: AgentTiming) {
    self.driver = driver
    self.timing = timing
  }

  /// One call, waited for by whoever comes first: its end, the clock, or the agent's own end.
  private final class Wait<Value: Sendable>: Sendable {
    private enum State {
      case open
      case waiting(CheckedContinuation<Value, any Error>)
      case over(Result<Value, any Error>)
      case closed
    }
    private let state = Mutex(State.open)

    /// Whether this was the first end.
    @discardableResult
    func end(_ result: Result<Value, any Error>) -> Bool {
      let (first, continuation) = state.withLock { state -> (Bool, CheckedContinuation<Value, any Error>?) in
        switch state {
        case .open:
          state = .over(result)
          return (true, nil)
        case .waiting(let continuation):
          state = .closed
          return (true, continuation)
        case .over, .closed: return (false, nil)
        }
      }
      continuation?.resume(with: result)
      return first
    }

    var value: Value {
      get async throws {
        try await withCheckedThrowingContinuation { continuation in
          let result = state.withLock { state -> Result<Value, any Error>? in
            if case .over(let result) = state {
              state = .closed
              return result
            }
            state = .waiting(continuation)
            return nil
          }
          if let result { continuation.resume(with: result) }
        }
      }
    }
  }

  /// Whom a call is about.
  private enum Subject: Sendable {
    case guest(String)
    case host(String)
  }

  private func mayAsk(_ subject: Subject) -> Bool {
    stuck.withLock { stuck in
      switch subject {
      case .guest(let id): stuck.guests.count < Self.stuckMax && !stuck.guests.contains(id)
      case .host(let name): !stuck.host.contains(name)
      }
    }
  }

  private func note(_ subject: Subject, hangs: Bool) {
    stuck.withLock { stuck in
      switch (subject, hangs) {
      case (.guest(let id), true): stuck.guests.insert(id)
      case (.guest(let id), false): stuck.guests.remove(id)
      case (.host(let name), true): stuck.host.insert(name)
      case (.host(let name), false): stuck.host.remove(name)
      }
    }
  }

  private func call<Value: Sendable>(
    _ subject: Subject, _ patience: Duration, _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    guard mayAsk(subject) else { throw HypervisorSilent() }
    let wait = Wait<Value>()
    let work = Task {
      let result: Result<Value, any Error>
      do { result = .success(try await body()) } catch { result = .failure(error) }
      guard !wait.end(result) else { return }
      note(subject, hangs: false)
      freed.raise()
    }
    let clock = Task {
      guard (try? await Task.sleep(for: patience)) != nil else { return }
      // Noted before anybody is told, and taken back where the call ended at this very moment.
      note(subject, hangs: true)
      if !wait.end(.failure(HypervisorSilent())) { note(subject, hangs: false) }
    }
    defer { clock.cancel() }
    return try await withTaskCancellationHandler {
      try await wait.value
    } onCancel: {
      wait.end(.failure(CancellationError()))
      work.cancel()
    }
  }

  private func look<Value: Sendable>(
    _ serverID: String, _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    try await call(.guest(serverID), timing.lookPatience, body)
  }

  private func act(_ serverID: String, _ body: @escaping @Sendable () async throws -> Void) async throws {
    try await call(.guest(serverID), timing.actPatience, body)
  }

  private func ask<Value: Sendable>(
    _ name: String, _ patience: Duration, _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    try await call(.host(name), patience, body)
  }

  // MARK: HypervisorDriver

  func facts() async throws -> NodeFacts {
    try await ask("facts", timing.actPatience) { try await self.driver.facts() }
  }
  func domains() async throws -> [DomainState] {
    try await ask("domains", timing.lookPatience) { try await self.driver.domains() }
  }
  func foreignDomains() async throws -> [String] {
    try await ask("foreign domains", timing.lookPatience) { try await self.driver.foreignDomains() }
  }
  func definition(of spec: DomainSpec) -> DomainDefinition { driver.definition(of: spec) }
  func domain(_ serverID: String) async throws -> DomainState? {
    try await look(serverID) { try await self.driver.domain(serverID) }
  }
  func define(_ spec: DomainSpec) async throws { try await act(spec.serverID) { try await self.driver.define(spec) } }
  func start(_ serverID: String) async throws { try await act(serverID) { try await self.driver.start(serverID) } }
  func resume(_ serverID: String) async throws { try await act(serverID) { try await self.driver.resume(serverID) } }
  func shutdown(_ serverID: String) async throws {
    try await act(serverID) { try await self.driver.shutdown(serverID) }
  }
  func reboot(_ serverID: String) async throws { try await act(serverID) { try await self.driver.reboot(serverID) } }
  func destroy(_ serverID: String) async throws { try await act(serverID) { try await self.driver.destroy(serverID) } }
  func undefine(_ serverID: String) async throws {
    try await act(serverID) { try await self.driver.undefine(serverID) }
  }
  func attach(_ card: DomainSpec.Card, to serverID: String) async throws {
    try await act(serverID) { try await self.driver.attach(card, to: serverID) }
  }
  func replug(_ card: DomainSpec.Card, of serverID: String) async throws {
    try await act(serverID) { try await self.driver.replug(card, of: serverID) }
  }
  func detach(portID: String, from serverID: String) async throws {
    try await act(serverID) { try await self.driver.detach(portID: portID, from: serverID) }
  }
  func events() -> AsyncStream<DomainEvent> { driver.events() }
}
