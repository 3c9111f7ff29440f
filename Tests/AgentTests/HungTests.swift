import Drivers
import Kit
import NodeLink
import Simulation
import Synchronization
import Testing

@testable import Agent

/// A hypervisor that does not answer holds up nobody but who needs it.
@Suite struct HungTests {
  private func hungHost() throws -> Host {
    try Host {
      $0.lookPatience = .milliseconds(60)
      $0.actPatience = .milliseconds(60)
    }
  }

  @Test func guestsThatCannotBeSeenAreNotCalledAbsent() async throws {
    let host = try hungHost()
    try await host.withAgent { agent in
      let (id, portID) = try await host.bootServer()
      host.fuse.hold("domain")
      host.hypervisor.tell(id)
      try await eventually("told") { host.control.seen(.server, id)?.condition?.type == "HypervisorUnavailable" }
      let seen = try #require(host.control.seen(.server, id))
      #expect(!seen.ready)
      #expect(seen.server?.power == .running, "the last that was seen stands")
      // Metadata and the network do not wait for it.
      let reply = await host.dataplane.ask(
        network: host.networkID, address: "10.0.0.5", path: "/openstack/latest/meta_data.json")
      #expect(reply?.status == 200)
      let group = Identifier.uuid()
      host.control.put(.port, group, host.port(group, server: "none", address: "10.0.0.9"))
      try await eventually("wired") { host.control.seen(.port, group)?.ready == true }
      #expect(host.fuse.waiting("domain") == 1, "a hung guest is not asked again")
      host.fuse.letGo("domain")
      try await eventually("well") { host.control.seen(.server, id)?.ready == true }
      #expect(await agent.manifest.records[id]?.ranEpoch == 1)
      _ = portID
    }
    // An agent that has never seen the guest claims nothing.
    host.fuse.hold("domain")
    let reports = host.control.state.withLock { $0.history.count }
    try await host.withAgent { _ in
      try await eventually("told") {
        host.control.state.withLock { state in
          state.history.dropFirst(reports).contains {
            $0.condition?.type == "HypervisorUnavailable" && $0.server == nil
          }
        }
      }
      host.fuse.letGo("domain")
      try await eventually("well") {
        host.control.state.withLock { $0.history.last { $0.key.kind == .server }?.ready == true }
      }
    }
    #expect(host.hypervisor.count("start") == 1)
  }

  @Test func noMoreThanAFewCallsHang() async throws {
    let host = try hungHost()
    try await host.withAgent { agent in
      var ids: [String] = []
      for _ in 0..<12 { ids.append(host.askForServer().server) }
      let all = ids
      try await eventually("all run") { all.allSatisfy { host.control.seen(.server, $0)?.ready == true } }
      host.fuse.hold("domain")
      await agent.lookAtEverything()
      try await eventually("all are told") {
        all.allSatisfy { host.control.seen(.server, $0)?.condition?.type == "HypervisorUnavailable" }
      }
      await agent.lookAtEverything()
      try await always("few hang") { host.fuse.waiting("domain") <= PatientHypervisor.stuckMax }
      host.fuse.letGo("domain")
      try await eventually("all are well") { all.allSatisfy { host.control.seen(.server, $0)?.ready == true } }
    }
  }

  @Test func aStepThatHangsIsGivenUpAndItsEndIsSeen() async throws {
    let host = try hungHost()
    try await host.withAgent { _ in
      host.fuse.hold("start")
      let (id, _) = host.askForServer()
      try await eventually("told") { host.control.seen(.server, id)?.condition?.type == "HypervisorUnavailable" }
      host.fuse.letGo("start")
      try await eventually("runs") { host.control.seen(.server, id)?.ready == true }
      #expect(host.hypervisor.count("start") == 1)
    }
  }

  @Test func anAgentEndsThoughACallHangs() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      host.fuse.hold("define")
      _ = host.askForServer()
      try await eventually("under way") { host.fuse.waiting("define") == 1 }
    }
    #expect(host.fuse.waiting("define") == 1)
    host.fuse.letGo("define")
  }
}
