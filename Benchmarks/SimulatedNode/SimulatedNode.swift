import Agent
import Cloud
import Foundation
import Kit
import Logging
import NodeLink
import Simulation

/// Nodes whose hypervisor, network and disks are in memory: what control and the agent cost by themselves. One stands in
/// the place of a cloud's real node; many are hosts of their own.
/// usage: simulated-node STATE-DIR [NODES] (as root; the real node must be down; ends by SIGTERM)
@main
struct SimulatedNode {
  /// A single node: more than any benchmark fills.
  static let facts = NodeFacts(
    hostname: "simulated", vcpus: 1000, memoryMiB: 1 << 20, diskGiB: 100_000, diskFreeGiB: 100_000,
    hypervisorVersion: 7_002_000, libvirtVersion: 9_000_000, accelerator: "qemu", cpuModel: "qemu64")
  /// One of many nodes: a common host.
  static let hostFacts = NodeFacts(
    hostname: "", vcpus: 64, memoryMiB: 256 << 10, diskGiB: 4000, diskFreeGiB: 4000,
    hypervisorVersion: 7_002_000, libvirtVersion: 9_000_000, accelerator: "kvm", cpuModel: "qemu64")
  /// Many nodes come one after the other over so many milliseconds each, so that their clocks stay apart.
  static let apartMilliseconds = 20

  static func main() async throws {
    let arguments = CommandLine.arguments.dropFirst()
    guard (1...2).contains(arguments.count), let folder = arguments.first,
      let count = arguments.count == 1 ? 1 : Int(arguments.last ?? ""), (1...10_000).contains(count)
    else { throw CloudProblem("usage: simulated-node STATE-DIR [NODES]") }
    let state = StateDirectory(folder)
    guard let settings = try state.readSettings() else { throw CloudProblem("There is no cloud in \(state.path).") }
    let uid = try SystemUser(named: SystemUser.control).uid
    var logger = Logger(label: "simulated-node")
    if count > 1 { logger.logLevel = .warning }
    if count == 1 {
      let node = try String(contentsOfFile: state.node + "/node-id", encoding: .utf8)
      try await run(
        node.trimmingCharacters(in: .whitespacesAndNewlines), facts, settings.cloudID, state.linkSocket, uid,
        directory: state.path + "/simulated-node", AgentTiming(), logger)
      return
    }
    // What a thousand agents write and sync is not what is measured.
    let memory = "/dev/shm/haneul-simulated-\(ProcessInfo.processInfo.processIdentifier)"
    var timing = AgentTiming()
    timing.sweep = .seconds(300)
    timing.facts = .seconds(600)
    try await withThrowingDiscardingTaskGroup { group in
      for number in 1...count {
        var facts = hostFacts
        facts.hostname = "simulated-" + String(10_000 + number).dropFirst()
        group.addTask { [facts, timing, logger] in
          try await run(
            Identifier.uuid(), facts, settings.cloudID, state.linkSocket, uid, directory: "\(memory)/\(number)", timing,
            logger)
        }
        try await Task.sleep(for: .milliseconds(apartMilliseconds))
      }
    }
  }

  private static func run(
    _ node: String, _ facts: NodeFacts, _ cloudID: String, _ socket: String, _ controlUID: UInt32, directory: String,
    _ timing: AgentTiming, _ logger: Logger
  ) async throws {
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let hypervisor = SimulatedHypervisor()
    hypervisor.set { $0.facts = facts }
    let agent = NodeAgent(
      nodeID: node, cloudID: cloudID, directory: directory, hypervisor: hypervisor, dataplane: SimulatedDataplane(),
      disks: SimulatedDisks(), link: NodeLinkClient(socketPath: socket, controlUID: controlUID, logger: logger),
      timing: timing, logger: logger)
    try await agent.run()
  }
}
