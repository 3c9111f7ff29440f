import Drivers
import NodeLink
import Synchronization

/// A hypervisor in memory: domains, a power button that a guest obeys or not, faults on demand.
final class SimulatedHypervisor: HypervisorDriver {
  struct Fault: Error {}

  struct Domain {
    var spec: DomainSpec
    var live: DomainSpec?
    var power = ServerObservation.Power.stopped
    var instance = 0
  }

  struct State {
    var domains: [String: Domain] = [:]
    var calls: [String] = []
    var failures: [String: Int] = [:]
    var obeysPowerButton = true
    var tellsInstances = true
    var boots = 0
    var listeners: [AsyncStream<DomainEvent>.Continuation] = []
  }

  let state = Mutex(State())

  func set(_ change: @Sendable (inout State) -> Void) { state.withLock { change(&$0) } }
  var calls: [String] { state.withLock { $0.calls } }
  func count(_ call: String) -> Int { calls.filter { $0 == call }.count }
  func power(_ id: String) -> ServerObservation.Power? { state.withLock { $0.domains[id]?.power } }

  /// Something happens to the guest from inside or by an operator's hand.
  func happen(_ id: String, _ power: ServerObservation.Power) {
    set {
      $0.domains[id]?.power = power
      $0.domains[id]?.live = nil
    }
    tell(id)
  }

  func tell(_ id: String?) {
    for listener in state.withLock({ $0.listeners }) { listener.yield(DomainEvent(serverID: id)) }
  }

  private func call(_ name: String) throws {
    try state.withLock { state in
      state.calls.append(name)
      if let left = state.failures[name], left > 0 {
        state.failures[name] = left - 1
        throw Fault()
      }
    }
  }

  func facts() async throws -> NodeFacts { .simulated }

  func domains() async throws -> [DomainState] {
    state.withLock { $0.domains.keys.sorted() }.compactMap { seen($0) }
  }

  func domain(_ serverID: String) async throws -> DomainState? {
    try call("domain")
    return seen(serverID)
  }

  private func seen(_ id: String) -> DomainState? {
    state.withLock { state in
      guard let domain = state.domains[id] else { return nil }
      let spec = domain.live ?? domain.spec
      return DomainState(
        serverID: id, power: domain.power, bootEpoch: spec.bootEpoch, portIDs: spec.cards.map(\.portID),
        instance: domain.live != nil && state.tellsInstances ? "\(domain.instance)" : nil)
    }
  }

  func define(_ spec: DomainSpec) async throws {
    try call("define")
    set { $0.domains[spec.serverID, default: Domain(spec: spec)].spec = spec }
  }

  func start(_ serverID: String) async throws {
    try call("start")
    try state.withLock { state in
      guard var domain = state.domains[serverID], domain.live == nil else { throw Fault() }
      state.boots += 1
      domain.live = domain.spec
      domain.power = .running
      domain.instance = state.boots
      state.domains[serverID] = domain
    }
    tell(serverID)
  }

  func shutdown(_ serverID: String) async throws {
    try call("shutdown")
    if state.withLock({ $0.obeysPowerButton }) { happen(serverID, .stopped) }
  }

  func reboot(_ serverID: String) async throws { try call("reboot") }

  func destroy(_ serverID: String) async throws {
    try call("destroy")
    happen(serverID, .stopped)
  }

  func undefine(_ serverID: String) async throws {
    try call("undefine")
    set { $0.domains[serverID] = nil }
  }

  func attach(_ card: DomainSpec.Card, to serverID: String) async throws {
    try call("attach")
    set {
      $0.domains[serverID]?.live?.cards.append(card)
      $0.domains[serverID]?.spec.cards.append(card)
    }
  }

  func detach(portID: String, from serverID: String) async throws {
    try call("detach")
    set {
      $0.domains[serverID]?.live?.cards.removeAll { $0.portID == portID }
      $0.domains[serverID]?.spec.cards.removeAll { $0.portID == portID }
    }
  }

  func events() -> AsyncStream<DomainEvent> {
    let (stream, continuation) = AsyncStream.makeStream(of: DomainEvent.self, bufferingPolicy: .bufferingNewest(100))
    state.withLock { $0.listeners.append(continuation) }
    return stream
  }
}

extension NodeFacts {
  static let simulated = NodeFacts(
    hostname: "simulated", vcpus: 8, memoryMiB: 16384, diskGiB: 100, diskFreeGiB: 90, hypervisorVersion: 7_002_000,
    libvirtVersion: 9_000_000, accelerator: "qemu", cpuModel: "qemu64")
}
