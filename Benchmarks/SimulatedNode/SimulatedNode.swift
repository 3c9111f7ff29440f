import Agent
import Cloud
import Foundation
import Logging
import NodeLink
import Simulation

/// A node whose hypervisor, network and disks are in memory, in the place of a cloud's real one: what control and the
/// agent cost by themselves. usage: simulated-node STATE-DIR (as root; the real node must
/// be down; ends by SIGTERM)
@main
struct SimulatedNode {
  /// More than any benchmark fills.
  static let facts = NodeFacts(
    hostname: "simulated", vcpus: 1000, memoryMiB: 1 << 20, diskGiB: 100_000, diskFreeGiB: 100_000,
    hypervisorVersion: 7_002_000, libvirtVersion: 9_000_000, accelerator: "qemu", cpuModel: "qemu64")

  static func main() async throws {
    guard CommandLine.arguments.count == 2 else { throw CloudProblem("usage: simulated-node STATE-DIR") }
    let state = StateDirectory(CommandLine.arguments[1])
    guard let settings = try state.readSettings() else { throw CloudProblem("There is no cloud in \(state.path).") }
    let node = try String(contentsOfFile: state.node + "/node-id", encoding: .utf8)
    let logger = Logger(label: "simulated-node")
    let hypervisor = SimulatedHypervisor()
    hypervisor.set { $0.facts = facts }
    let folder = state.path + "/simulated-node"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let link = NodeLinkClient(
      socketPath: state.linkSocket, controlUID: try SystemUser(named: SystemUser.control).uid, logger: logger)
    let agent = NodeAgent(
      nodeID: node.trimmingCharacters(in: .whitespacesAndNewlines), cloudID: settings.cloudID, directory: folder,
      hypervisor: hypervisor, dataplane: SimulatedDataplane(), disks: SimulatedDisks(), link: link, logger: logger)
    try await agent.run()
  }
}
