import Drivers
import Kit
import NodeLink
import Synchronization

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
  /// Whether the server was as asked at this generation before: then what differs is drift, and not our own delay.
  let settled: Bool
  var record: ServerRecord
  var moment: ServerMoment
  /// The domain as it was looked at last; the outer nil: not yet.
  private(set) var seen: DomainState??
  private let steps = StepCount()
  /// Fields that were compared in this pass and found as asked.
  private(set) var fine: Set<DriftField> = []

  /// Counts the steps of a pass; shared, for a step reads the converger while it runs.
  private final class StepCount: Sendable {
    let count = Atomic(0)
  }

  init(
    spec: ServerSpec, requestID: String?, hypervisor: any HypervisorDriver, dataplane: any DataplaneDriver,
    disks: any DisksDriver, host: any ServerHost, bootID: String, timing: AgentTiming, settled: Bool,
    record: ServerRecord, moment: ServerMoment
  ) {
    self.spec = spec
    self.requestID = requestID
    self.hypervisor = hypervisor
    self.dataplane = dataplane
    self.disks = disks
    self.host = host
    self.bootID = bootID
    self.timing = timing
    self.settled = settled
    self.record = record
    self.moment = moment
  }

  /// Steps that were begun in this pass.
  var acts: Int { steps.count.load(ordering: .relaxed) }

  /// The next steps. Throws `ServerProblem`, or `Overtaken`.
  mutating func converge() async throws -> ServerNext {
    var domain = try await look()
    if domain?.isActive ?? true { moment.defined = nil }
    await rememberLife(domain)
    if let operation = spec.operation {
      let before = acts
      if let next = try await settle(operation, domain) { return next }
      if acts != before { domain = try await look() }
    }
    switch spec.power {
    case .running: return try await run(domain)
    case .stopped: return try await stop(domain)
    }
  }

  // MARK: asked: running

  private mutating func run(_ domain: DomainState?) async throws -> ServerNext {
    guard let domain, domain.isActive else { return try await bootAgain(domain) }
    moment.press = nil
    await forgetPress()
    fine.formUnion([.power, .guestPowerOff])
    if domain.bootEpoch < spec.bootEpoch {
      try await destroy()
      return try await start()
    }
    if domain.power == .paused { return try await resume(domain) }
    fine.insert(.pause)
    if let next = try await settleCards(domain) { return next }
    return try await settleDefinition(domain)
  }

  /// A button that was pressed before the guest was asked to run on may still be obeyed, but not for ever: a guest that
  /// goes off much later does so by itself.
  private mutating func forgetPress() async {
    guard record.pressed else {
      moment.pressedSince = nil
      return
    }
    let since = moment.pressedSince ?? .now
    moment.pressedSince = since
    guard ContinuousClock.now - since > .seconds(spec.shutdownTimeoutSeconds) else { return }
    record.pressed = false
    await keepInTime()
  }

  /// Boots a guest that is off. One that was seen running at this epoch, in this boot of the host, and went off without
  /// anybody pressing its button, has drifted: what it did itself is adopted, what others did is put right.
  private mutating func bootAgain(_ domain: DomainState?) async throws -> ServerNext {
    guard let ran = record.ranEpoch, ran >= spec.bootEpoch, record.ranBootID == bootID, !record.pressed else {
      return try await start()
    }
    if await endedBy(domain) == .itself {
      fine.insert(.power)
      await drifted(
        .guestPowerOff, found: "the guest powered itself off", done: "left off; the server is stopped from then on")
      return ServerNext(waitingType: "PoweredOff", waitingMessage: "The guest powered itself off.")
    }
    await drifted(
      .power, found: domain.map { "off (\($0.reason ?? $0.power.rawValue))" } ?? "its domain is gone",
      done: "booted again")
    return try await start()
  }

  /// Whose doing it was that the guest is off, decided once: libvirt forgets the reason when it is restarted.
  private mutating func endedBy(_ domain: DomainState?) async -> ServerRecord.EndedBy {
    if let known = record.endedBy { return known }
    let itself = domain?.power == .stopped && [nil, "shutdown", "unknown"].contains(domain?.reason)
    record.endedBy = itself ? .itself : .others
    await keepInTime()
    return itself ? .itself : .others
  }

  /// A paused guest runs on. Where QEMU paused it because its disk failed, that is tried with growing pauses.
  private mutating func resume(_ domain: DomainState) async throws -> ServerNext {
    let diskFailed = domain.reason == "ioerror"
    await drifted(
      .pause, found: diskFailed ? "QEMU paused it: its disk could not be read or written" : "paused",
      done: diskFailed ? "told to run on now and then" : "resumed")
    let waiting = ServerNext(
      waitingType: "GuestPaused",
      waitingMessage: diskFailed
        ? "QEMU paused the guest because its disk cannot be read or written: is the host's disk full or failing? The "
          + "guest runs on when that has ended."
        : "The guest is paused; it is told to run on.")
    var next = waiting
    next.lookAgain = moment.resumes.wait(timing)
    if next.lookAgain != nil { return next }
    try await step(.resumeDomain) { try await hypervisor.resume(spec.id) }
    if try await look()?.power == .running { return .settled }
    next.lookAgain = timing.retryFirst
    return next
  }

  // MARK: asked: stopped

  private mutating func stop(_ domain: DomainState?) async throws -> ServerNext {
    guard let domain, domain.isActive else {
      moment.press = nil
      fine.formUnion([.power, .guestPowerOff, .pause, .cards])
      if record.ranEpoch != nil || record.pressed || record.endedBy != nil {
        (record.ranEpoch, record.pressed, record.endedBy) = (nil, false, nil)
        await keepInTime()
      }
      return try await settleDefinition(domain)
    }
    fine.insert(.guestPowerOff)
    if settled { await drifted(.power, asked: "stopped", found: "running", done: "stopped again") }
    if !record.pressed {
      record.pressed = true
      await keepInTime()
    }
    let patience = domain.power == .paused ? 0 : spec.shutdownTimeoutSeconds
    return try await pressOrDestroy(deadline: .now + .seconds(patience)) ?? .settled
  }

  /// Presses the power button (again, now and then) until the deadline of the first press, then ends the process and
  /// returns nil. The deadline is of the monotonic clock: setting the host's clock neither shortens nor stretches it.
  mutating func pressOrDestroy(deadline: ContinuousClock.Instant) async throws -> ServerNext? {
    let now = ContinuousClock.now
    let limit = min(deadline, moment.press?.deadline ?? deadline)
    if now >= limit {
      moment.press = nil
      try await destroy()
      return nil
    }
    if moment.press.map({ now - $0.last >= timing.pressAgain }) ?? true {
      moment.press = .init(deadline: limit, last: now)
      try await step(.shutdownDomain) { try await hypervisor.shutdown(spec.id) }
    }
    return ServerNext(
      lookAgain: min(limit - now, timing.pressAgain) + .milliseconds(1), step: "shutting_down")
  }

  // MARK: drift

  /// Says that a field is not as asked though nobody asked for that.
  func drifted(_ field: DriftField, asked: String = "running", found: String, done: String) async {
    await host.drifted(field, serverID: spec.id, asked: asked, found: found, done: done)
  }

  mutating func found(fine field: DriftField) { fine.insert(field) }

  // MARK: records

  /// On the disk when this returns: for what must not be done twice.
  func keep() async throws {
    CrashPoint.pass(.writeRecord, .before, spec.id)
    do { try await host.keep(record, serverID: spec.id) } catch {
      throw ServerProblem(step: .writeRecord, error: error)
    }
    CrashPoint.pass(.writeRecord, .after, spec.id)
  }

  /// On the disk too where that can be had: a full disk must not keep us from stopping a guest.
  func keepInTime() async {
    do { try await keep() } catch {
      await host.keepInTime(record, serverID: spec.id)
    }
  }

  /// A guest that is seen running at an epoch has had its first boot of it.
  private mutating func rememberLife(_ domain: DomainState?) async {
    guard let domain, domain.isActive, spec.power == .running, domain.bootEpoch >= spec.bootEpoch else { return }
    if record.ranEpoch == domain.bootEpoch, record.ranBootID == bootID, record.endedBy == nil, record.defined == true {
      return
    }
    (record.ranEpoch, record.ranBootID) = (domain.bootEpoch, bootID)
    (record.endedBy, record.defined) = (nil, true)
    await keepInTime()
  }

  // MARK: steps

  @discardableResult
  private mutating func look() async throws -> DomainState? {
    CrashPoint.pass(.lookAtDomain, .before, spec.id)
    do {
      let domain = try await hypervisor.domain(spec.id)
      seen = .some(domain)
      CrashPoint.pass(.lookAtDomain, .after, spec.id)
      return domain
    } catch {
      throw ServerProblem(step: .lookAtDomain, error: error)
    }
  }

  func destroy() async throws {
    try await step(.destroyDomain) { try await hypervisor.destroy(spec.id) }
  }

  func card(_ nic: ServerSpec.NIC) -> DomainSpec.Card {
    .init(tap: dataplane.tap(portID: nic.portID), mac: nic.mac, slot: nic.slot, mtu: nic.mtu, portID: nic.portID)
  }

  /// Does one step, unless somebody has asked to delete the server; tells `explain` of it, and turns its error into a
  /// problem.
  @discardableResult
  func step<Result: Sendable>(_ step: Step, _ body: () async throws -> Result) async throws -> Result {
    guard await host.isAsked(serverID: spec.id) else { throw Overtaken() }
    steps.count.add(1, ordering: .relaxed)
    let began = Timestamp.now()
    var event = StepEvent(
      key: ObjectKey(.server, spec.id), requestID: requestID, step: step.rawValue, began: began, ended: began,
      error: nil)
    CrashPoint.pass(step, .before, spec.id)
    do {
      let result = try await body()
      CrashPoint.pass(step, .after, spec.id)
      event.ended = .now()
      await host.trace(event)
      return result
    } catch {
      let problem = ServerProblem(step: step, error: error)
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
