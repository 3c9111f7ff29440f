package import Drivers
package import NodeLink
package import Synchronization

/// A hypervisor in memory: domains, a power button that a guest obeys or not, hands that meddle, faults on demand.
package final class SimulatedHypervisor: HypervisorDriver {
  package struct Fault: Error {}

  package struct Domain: Sendable {
    /// The definition that outlives the guest; nil where somebody undefined it under a running guest.
    package var spec: DomainSpec?
    package var live: DomainSpec?
    package var power = ServerObservation.Power.stopped
    package var reason: String?
    /// The name somebody gave it; nil: its own.
    package var name: String?
    package var instance = 0
  }

  package struct State: Sendable {
    package var domains: [String: Domain] = [:]
    package var calls: [String] = []
    package var failures: [String: Int] = [:]
    package var obeysPowerButton = true
    package var tellsInstances = true
    package var tellsReasons = true
    /// Whether `define` changes anything.
    package var defines = true
    /// Whether a paused guest runs on when it is told to.
    package var resumes = true
    package var foreign: [String] = []
    package var facts = NodeFacts.simulated
    package var boots = 0
    package var listeners: [AsyncStream<DomainEvent>.Continuation] = []
    /// Cards that were plugged in anew, by port.
    package var replugged: [String] = []
  }

  package let state = Mutex(State())
  package let fuse: Fuse

  package init(fuse: Fuse = Fuse()) { self.fuse = fuse }

  package func set(_ change: @Sendable (inout State) -> Void) { state.withLock { change(&$0) } }
  package var calls: [String] { state.withLock { $0.calls } }
  package func count(_ call: String) -> Int { calls.filter { $0 == call }.count }
  package func power(_ id: String) -> ServerObservation.Power? { state.withLock { $0.domains[id]?.power } }

  // MARK: What others do

  /// Something happens to the guest from inside or by an operator's hand.
  package func happen(_ id: String, _ power: ServerObservation.Power, _ reason: String = "shutdown") {
    set {
      $0.domains[id]?.power = power
      $0.domains[id]?.reason = reason
      if power != .paused, power != .running { $0.domains[id]?.live = nil }
      if $0.domains[id]?.live == nil, $0.domains[id]?.spec == nil { $0.domains[id] = nil }
    }
    tell(id)
  }

  /// `virsh start`.
  package func startByHand(_ id: String) {
    set { Self.boot(&$0, id) }
    tell(id)
  }

  /// `virsh undefine`.
  package func undefineByHand(_ id: String) {
    set {
      $0.domains[id]?.spec = nil
      if $0.domains[id]?.live == nil { $0.domains[id] = nil }
    }
    tell(id)
  }

  /// `virsh edit`, `domrename`, `attach-interface`, `detach-interface`.
  package func change(_ id: String, _ change: @Sendable (inout Domain) -> Void) {
    set {
      guard var domain = $0.domains[id] else { return }
      change(&domain)
      $0.domains[id] = domain
    }
    tell(id)
  }

  package func tell(_ id: String?) {
    for listener in state.withLock({ $0.listeners }) { listener.yield(DomainEvent(serverID: id)) }
  }

  // MARK: The driver

  private func act(_ name: String, _ body: @Sendable (inout State) throws -> Void) async throws {
    try await fuse.act(name) {
      try state.withLock { state in
        try Self.note(name, &state)
        try body(&state)
      }
    }
  }

  private static func note(_ name: String, _ state: inout State) throws {
    state.calls.append(name)
    if let left = state.failures[name], left > 0 {
      state.failures[name] = left - 1
      throw Fault()
    }
  }

  package func facts() async throws -> NodeFacts {
    try await fuse.read("facts")
    return state.withLock { $0.facts }
  }

  package func domains() async throws -> [DomainState] {
    try await fuse.read("domains")
    return state.withLock { $0.domains.keys.sorted() }.compactMap { seen($0) }
  }

  package func foreignDomains() async throws -> [String] {
    try await fuse.read("foreignDomains")
    return state.withLock { $0.foreign }
  }

  package func domain(_ serverID: String) async throws -> DomainState? {
    try await fuse.read("domain")
    try state.withLock { try Self.note("domain", &$0) }
    return seen(serverID)
  }

  package func definition(of spec: DomainSpec) -> DomainDefinition {
    Self.definition(spec, name: "haneul-\(spec.serverID)", persistent: true)
  }

  private static func definition(_ spec: DomainSpec, name: String, persistent: Bool) -> DomainDefinition {
    DomainDefinition(
      name: name, persistent: persistent, vcpus: spec.vcpus, memoryMiB: spec.memoryMiB,
      overlayPath: spec.rootDisk.overlayPath, basePath: spec.rootDisk.basePath,
      cards: spec.cards.map { "\($0.tap) \($0.mac) \($0.slot)" })
  }

  private func seen(_ id: String) -> DomainState? {
    state.withLock { state in
      guard let domain = state.domains[id], let spec = domain.live ?? domain.spec else { return nil }
      return DomainState(
        serverID: id, power: domain.power, bootEpoch: spec.bootEpoch, portIDs: spec.cards.map(\.portID),
        instance: domain.live != nil && state.tellsInstances ? "\(domain.instance)" : nil,
        reason: state.tellsReasons ? domain.reason : nil,
        definition: Self.definition(
          domain.spec ?? spec, name: domain.name ?? "haneul-\(id)", persistent: domain.spec != nil))
    }
  }

  package func define(_ spec: DomainSpec) async throws {
    try await act("define") { state in
      guard state.defines else { return }
      state.domains[spec.serverID, default: Domain()].spec = spec
      state.domains[spec.serverID]?.name = nil
    }
    tell(spec.serverID)
  }

  package func start(_ serverID: String) async throws {
    try await act("start") { state in
      guard let domain = state.domains[serverID], domain.spec != nil, domain.live == nil else { throw Fault() }
      Self.boot(&state, serverID)
    }
    tell(serverID)
  }

  private static func boot(_ state: inout State, _ id: String) {
    guard var domain = state.domains[id] else { return }
    state.boots += 1
    domain.live = domain.spec
    (domain.power, domain.reason, domain.instance) = (.running, "booted", state.boots)
    state.domains[id] = domain
  }

  package func resume(_ serverID: String) async throws {
    try await act("resume") { state in
      guard state.resumes, state.domains[serverID]?.power == .paused else { return }
      state.domains[serverID]?.power = .running
      state.domains[serverID]?.reason = "unpaused"
    }
    tell(serverID)
  }

  package func shutdown(_ serverID: String) async throws {
    try await act("shutdown") { state in if state.obeysPowerButton { Self.end(&state, serverID, "shutdown") } }
    tell(serverID)
  }

  package func reboot(_ serverID: String) async throws { try await act("reboot") { _ in } }

  package func destroy(_ serverID: String) async throws {
    try await act("destroy") { state in
      if state.domains[serverID]?.live != nil { Self.end(&state, serverID, "destroyed") }
    }
    tell(serverID)
  }

  private static func end(_ state: inout State, _ id: String, _ reason: String) {
    state.domains[id]?.live = nil
    state.domains[id]?.power = .stopped
    state.domains[id]?.reason = reason
    if state.domains[id]?.spec == nil { state.domains[id] = nil }
  }

  package func undefine(_ serverID: String) async throws {
    try await act("undefine") { state in state.domains[serverID] = nil }
    tell(serverID)
  }

  package func attach(_ card: DomainSpec.Card, to serverID: String) async throws {
    try await act("attach") { state in
      state.domains[serverID]?.live?.cards.removeAll { $0.portID == card.portID }
      state.domains[serverID]?.live?.cards.append(card)
      state.domains[serverID]?.spec?.cards.removeAll { $0.portID == card.portID }
      state.domains[serverID]?.spec?.cards.append(card)
    }
  }

  package func replug(_ card: DomainSpec.Card, of serverID: String) async throws {
    try await act("replug") { state in state.replugged.append(card.portID) }
  }

  package func detach(portID: String, from serverID: String) async throws {
    try await act("detach") { state in
      state.domains[serverID]?.live?.cards.removeAll { $0.portID == portID }
      state.domains[serverID]?.spec?.cards.removeAll { $0.portID == portID }
    }
  }

  package func events() -> AsyncStream<DomainEvent> {
    let (stream, continuation) = AsyncStream.makeStream(of: DomainEvent.self, bufferingPolicy: .bufferingNewest(100))
    state.withLock { $0.listeners.append(continuation) }
    return stream
  }
}

extension NodeFacts {
  package static let simulated = NodeFacts(
    hostname: "simulated", vcpus: 8, memoryMiB: 16384, diskGiB: 100, diskFreeGiB: 90, hypervisorVersion: 7_002_000,
    libvirtVersion: 9_000_000, accelerator: "qemu", cpuModel: "qemu64")
}
