import Drivers
import NodeLink
import Simulation

/// What one life of an agent asks of its host: each call takes its time, may fail, may hang, and may be the last.
struct HostCalls: Sendable {
  struct Fault: Error {}

  let world: World
  let host: SimulatedHost
  let life: Life

  /// A call that only looks.
  func look<Result>(_ body: () async throws -> Result) async throws -> Result {
    try await begin(1...4)
    return try await body()
  }

  /// A call that changes the host.
  func act<Result>(_ name: String, _ milliseconds: ClosedRange<Int>, _ body: () async throws -> Result) async throws
    -> Result
  {
    try await begin(milliseconds)
    if world.killsAgent(host, "before \(name)") { throw Life.Over() }
    let result = try await body()
    world.acted(host, name)
    if world.killsAgent(host, "after \(name)") { throw Life.Over() }
    try life.check()
    return result
  }

  private func begin(_ milliseconds: ClosedRange<Int>) async throws {
    try life.check()
    // A hung call does not end because somebody does not wait for it any more.
    let pause = world.hangsDriver(host) ? 10_000...100_000 : milliseconds
    await world.patientPause(milliseconds: pause)
    try life.check()
    if world.failsDriver(host) { throw Fault() }
  }
}

struct LivingHypervisor: HypervisorDriver {
  let calls: HostCalls
  private var base: SimulatedHypervisor { calls.host.hypervisor }

  init(_ calls: HostCalls) { self.calls = calls }

  func facts() async throws -> NodeFacts { try await calls.look { try await base.facts() } }
  func domains() async throws -> [DomainState] { try await calls.look { try await base.domains() } }
  func foreignDomains() async throws -> [String] { try await calls.look { try await base.foreignDomains() } }
  func definition(of spec: DomainSpec) -> DomainDefinition { base.definition(of: spec) }
  func domain(_ serverID: String) async throws -> DomainState? {
    try await calls.look { try await base.domain(serverID) }
  }
  func define(_ spec: DomainSpec) async throws { try await calls.act("define", 5...40) { try await base.define(spec) } }
  func start(_ serverID: String) async throws {
    try await calls.act("start", 100...600) { try await base.start(serverID) }
  }
  func resume(_ serverID: String) async throws {
    try await calls.act("resume", 5...40) { try await base.resume(serverID) }
  }
  func shutdown(_ serverID: String) async throws {
    try await calls.act("shutdown", 5...40) { try await base.shutdown(serverID) }
  }
  func reboot(_ serverID: String) async throws {
    try await calls.act("reboot", 5...40) { try await base.reboot(serverID) }
  }
  func destroy(_ serverID: String) async throws {
    try await calls.act("destroy", 50...300) { try await base.destroy(serverID) }
  }
  func undefine(_ serverID: String) async throws {
    try await calls.act("undefine", 5...40) { try await base.undefine(serverID) }
  }
  func attach(_ card: DomainSpec.Card, to serverID: String) async throws {
    try await calls.act("attach", 20...100) { try await base.attach(card, to: serverID) }
  }
  func replug(_ card: DomainSpec.Card, of serverID: String) async throws {
    try await calls.act("replug", 20...100) { try await base.replug(card, of: serverID) }
  }
  func detach(portID: String, from serverID: String) async throws {
    try await calls.act("detach", 20...2000) { try await base.detach(portID: portID, from: serverID) }
  }
  func events() -> AsyncStream<DomainEvent> { base.events() }
}

struct LivingDataplane: DataplaneDriver {
  let calls: HostCalls
  private var base: SimulatedDataplane { calls.host.dataplane }

  init(_ calls: HostCalls) { self.calls = calls }

  func apply(_ intent: NetworkIntent) async -> NetworkResult {
    let result = try? await calls.act("apply", 5...80) {
      let result = await base.apply(intent)
      calls.host.wire(intent, result)
      return result
    }
    return result ?? NetworkResult()
  }
  func packetPath(portID: String) async -> PacketPath? { await base.packetPath(portID: portID) }
  func tap(portID: String) -> String { base.tap(portID: portID) }
  func events() -> AsyncStream<Void> { base.events() }
  func serveMetadata(_ answer: @escaping @Sendable (MetadataRequest) async -> MetadataReply) async throws {
    try await calls.look { try await base.serveMetadata(answer) }
  }
}

struct LivingDisks: DisksDriver {
  let calls: HostCalls
  private var base: SimulatedDisks { calls.host.disks }

  init(_ calls: HostCalls) { self.calls = calls }

  func ensureBase(_ image: ServerSpec.BaseImage, fetch: BlobFetch) async throws -> String {
    try await calls.act("ensureBase", 5...40) { try await base.ensureBase(image, fetch: fetch) }
  }
  func ensureRoot(_ disk: ServerSpec.RootDisk, serverID: String) async throws -> DiskChain {
    try await calls.act("ensureRoot", 10...80) { try await base.ensureRoot(disk, serverID: serverID) }
  }
  func hasBase(_ image: ServerSpec.BaseImage) async -> Bool { await base.hasBase(image) }
  func rootDiskID(serverID: String) async -> String? { await base.rootDiskID(serverID: serverID) }
  func configDrive(_ metadata: ServerSpec.Metadata, serverID: String) async throws -> String {
    try await calls.act("configDrive", 5...40) { try await base.configDrive(metadata, serverID: serverID) }
  }
  func consoleLogPath(serverID: String) -> String { base.consoleLogPath(serverID: serverID) }
  func consoleLog(serverID: String, bytesMax: Int) async throws -> [UInt8]? {
    try await calls.look { try await base.consoleLog(serverID: serverID, bytesMax: bytesMax) }
  }
  func remove(serverID: String) async throws {
    try await calls.act("removeDisks", 5...40) { try await base.remove(serverID: serverID) }
  }
  func removeUnusedBases(wanted: Set<String>) async throws {
    try await calls.act("removeUnusedBases", 5...40) { try await base.removeUnusedBases(wanted: wanted) }
  }
}
