import Drivers
import Kit
import NodeLink

/// Brings one server from what is seen to what is asked: takes the next steps and returns. It never waits for a guest,
/// an image or a port; it says what it waits for and is called again.
struct ServerConverger: Sendable {
  let spec: ServerSpec
  let requestID: String?
  let hypervisor: any HypervisorDriver
  let dataplane: any DataplaneDriver
  let disks: any DisksDriver
  let host: any ServerHost
  /// The boot of this host in which we are.
  let bootID: String
  let timing: AgentTiming
  var record: ServerRecord
  var moment: ServerMoment

  /// The next steps. Throws `ServerProblem`.
  mutating func converge() async throws -> ServerNext {
    var domain = try await look()
    if domain?.isActive ?? true { moment.defined = nil }
    try await rememberLife(domain)
    if let operation = spec.operation {
      if let next = try await settle(operation, domain) { return next }
      domain = try await look()
    }
    switch spec.power {
    case .running: return try await run(domain)
    case .stopped: return try await stop(domain)
    }
  }

  // MARK: asked: running

  private mutating func run(_ domain: DomainState?) async throws -> ServerNext {
    guard let domain, domain.isActive else {
      if poweredItselfOff(domain) {
        return ServerNext(waitingType: "PoweredOff", waitingMessage: "The guest powered itself off.")
      }
      return try await start()
    }
    if domain.bootEpoch < spec.bootEpoch {
      try await destroy()
      return try await start()
    }
    if domain.power == .paused {
      return ServerNext(waitingType: "GuestPaused", waitingMessage: "The guest is paused; a hard reboot ends that.")
    }
    return try await settleCards(domain)
  }

  /// Drift of power is adopted: a guest that was seen running at this epoch, in this boot of the host, and went off
  /// without anybody pressing its button, stays off. A crashed one does not.
  private func poweredItselfOff(_ domain: DomainState?) -> Bool {
    domain?.power == .stopped && record.ranEpoch == spec.bootEpoch && record.ranBootID == bootID && !record.pressed
  }

  /// The cards of a running guest become those that are asked, by difference.
  private func settleCards(_ domain: DomainState) async throws -> ServerNext {
    let asked = Set(spec.nics.map(\.portID))
    for portID in domain.portIDs where !asked.contains(portID) {
      try await step("detach_card") { try await hypervisor.detach(portID: portID, from: spec.id) }
    }
    for nic in spec.nics where !domain.portIDs.contains(nic.portID) {
      switch await host.ports([nic.portID], for: spec.id) {
      case .pending: return ServerNext(step: "plugging")
      case .failed(let problem): return .waitingForPort(problem)
      case .ready: try await step("attach_card") { try await hypervisor.attach(card(nic), to: spec.id) }
      }
    }
    return .settled
  }

  // MARK: asked: stopped

  private mutating func stop(_ domain: DomainState?) async throws -> ServerNext {
    guard let domain, domain.isActive else {
      moment.press = nil
      if record.ranEpoch != nil || record.pressed {
        record.ranEpoch = nil
        record.pressed = false
        try await keep()
      }
      return .settled
    }
    if !record.pressed {
      record.pressed = true
      try await keep()
    }
    let patience = domain.power == .paused ? 0 : spec.shutdownTimeoutSeconds
    return try await pressOrDestroy(deadline: Timestamp.now().adding(seconds: Double(patience))) ?? .settled
  }

  /// Presses the power button (again, now and then) until the deadline of the first press, then ends the process and
  /// returns nil.
  mutating func pressOrDestroy(deadline: Timestamp) async throws -> ServerNext? {
    let now = Timestamp.now()
    let limit = min(deadline, moment.press?.deadline ?? deadline)
    if now >= limit {
      moment.press = nil
      try await destroy()
      return nil
    }
    let interval = timing.pressAgain.inSeconds
    if moment.press.map({ now.seconds(since: $0.last) >= interval }) ?? true {
      moment.press = .init(deadline: limit, last: now)
      try await step("shutdown_domain") { try await hypervisor.shutdown(spec.id) }
    }
    let wait = min(limit.seconds(since: now), interval)
    return ServerNext(lookAgain: .milliseconds(Int64(wait * 1000) + 1), step: "shutting_down")
  }

  // MARK: steps

  func look() async throws -> DomainState? {
    do { return try await hypervisor.domain(spec.id) } catch {
      throw ServerProblem(step: "look_at_domain", error: error)
    }
  }

  func destroy() async throws {
    try await step("destroy_domain") { try await hypervisor.destroy(spec.id) }
  }

  func keep() async throws {
    do { try await host.keep(record, serverID: spec.id) } catch {
      throw ServerProblem(step: "write_record", error: error)
    }
  }

  /// A guest that is seen running at an epoch has had its first boot of it.
  private mutating func rememberLife(_ domain: DomainState?) async throws {
    guard let domain, domain.isActive, spec.power == .running, domain.bootEpoch >= spec.bootEpoch,
      record.ranEpoch != domain.bootEpoch || record.ranBootID != bootID
    else { return }
    record.ranEpoch = domain.bootEpoch
    record.ranBootID = bootID
    try await keep()
  }

  func card(_ nic: ServerSpec.NIC) -> DomainSpec.Card {
    .init(tap: dataplane.tap(portID: nic.portID), mac: nic.mac, slot: nic.slot, mtu: nic.mtu, portID: nic.portID)
  }

  /// Does one step, tells `explain` of it, and turns its error into a problem.
  @discardableResult
  func step<Result: Sendable>(_ name: String, _ body: () async throws -> Result) async throws -> Result {
    let began = Timestamp.now()
    var event = StepEvent(
      key: ObjectKey(.server, spec.id), requestID: requestID, step: name, began: began, ended: began, error: nil)
    do {
      let result = try await body()
      event.ended = .now()
      await host.trace(event)
      return result
    } catch {
      let problem = ServerProblem(step: name, error: error)
      event.ended = .now()
      event.error = problem.message
      await host.trace(event)
      throw problem
    }
  }
}

extension DomainState {
  /// Whether a QEMU process stands behind it.
  var isActive: Bool { power == .running || power == .paused }
}

extension Duration {
  /// This duration in seconds.
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
