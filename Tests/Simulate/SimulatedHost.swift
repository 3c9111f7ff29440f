import Agent
import CSimulation
import Cloud
import Drivers
import Foundation
import Logging
import NodeLink
import Simulation
import Synchronization

/// One host of the cloud: its guests, disks and network outlive the agents that work on it.
///
/// `@unchecked Sendable`: everything of the simulation runs on its one thread.
final class SimulatedHost: @unchecked Sendable {
  /// Enough of everything that quotas and not hosts bound most wishes, and some hosts are full now and then.
  static let facts = NodeFacts(
    hostname: "", vcpus: 4, memoryMiB: 8192, diskGiB: 200, diskFreeGiB: 180, hypervisorVersion: 7_002_000,
    libvirtVersion: 9_000_000, accelerator: "kvm", cpuModel: "host")

  let number: Int
  let id: String
  let wire: Wire
  let hypervisor = SimulatedHypervisor()
  let dataplane = SimulatedDataplane()
  let disks = SimulatedDisks()
  private let world: World
  private(set) var life: Life?
  private(set) var agent: NodeAgent?
  private var lives = 0
  private var boots = 1
  /// Addresses that are wired to a tap now, by port.
  private(set) var wired: [String: PortSpec] = [:]

  init(number: Int, world: World) {
    self.number = number
    self.world = world
    let text = String(number + 1_000_000_000_000)
    id = "00000000-0000-4000-8000-\(text.suffix(12))"
    wire = Wire(world: world)
    var facts = Self.facts
    facts.hostname = name
    let given = facts
    hypervisor.set { $0.facts = given }
  }

  var name: String { "host-\(number)" }
  private var directory: String { world.directory + "/\(name)/\(lives)" }

  /// Starts an agent on what the last one left.
  func startAgent() {
    guard life == nil else { return }
    let before = directory
    lives += 1
    do {
      try FileManager.default.createDirectory(atPath: directory + "/manifest", withIntermediateDirectories: true)
      if let journal { try journal.write(to: URL(filePath: directory + "/manifest/journal")) }
      try? FileManager.default.removeItem(atPath: before)
    } catch { world.fail("\(name) has no disk: \(error)") }
    let life = Life()
    self.life = life
    let calls = HostCalls(world: world, host: self, life: life)
    let agent = NodeAgent(
      nodeID: id, cloudID: world.settings.cloudID, directory: directory, hypervisor: LivingHypervisor(calls),
      dataplane: LivingDataplane(calls), disks: LivingDisks(calls),
      link: SimulatedLink(world: world, host: self, life: life), hostBootID: "\(id)-\(boots)",
      logger: world.logger(name))
    self.agent = agent
    let task = Task.detached {
      do { try await agent.run() } catch { if !life.isOver { self.world.fail("\(self.name)'s agent ended: \(error)") } }
    }
    life.atEnd { task.cancel() }
  }

  /// What the agent's disk held when it died: what its tasks write later is not of this world.
  private var journal: Data?

  /// `kill -9` of the agent.
  func killAgent() {
    guard let life else { return }
    journal = FileManager.default.contents(atPath: directory + "/manifest/journal")
    self.life = nil
    agent = nil
    life.end()
    dataplane.set { $0.listeners = [] }
    hypervisor.set { $0.listeners = [] }
  }

  /// Power is lost: the guests are off, what was only in the kernel is gone.
  func losePower() {
    killAgent()
    boots += 1
    hypervisor.set { state in
      for id in state.domains.keys {
        state.domains[id]?.live = nil
        state.domains[id]?.power = .stopped
        state.domains[id]?.reason = nil
        if state.domains[id]?.spec == nil { state.domains[id] = nil }
      }
    }
    dataplane.set { $0.standing = [] }
    wired = [:]
  }

  /// What a look at the network has wired and unwired.
  func wire(_ intent: NetworkIntent, _ result: NetworkResult) {
    for (id, spec) in intent.ports where result.outcomes[ObjectKey(.port, id)]?.ready == true { wired[id] = spec }
    for key in intent.removed where key.kind == .port && result.outcomes[key]?.ready == true { wired[key.id] = nil }
  }

  /// Guests that run now, with their cards.
  var running: [(id: String, cards: [DomainSpec.Card])] {
    hypervisor.state.withLock { state in
      state.domains.compactMap { id, domain in domain.live.map { (id, $0.cards) } }.sorted { $0.0 < $1.0 }
    }
  }

  var domains: [String] { hypervisor.state.withLock { $0.domains.keys.sorted() } }
}
