import Drivers
import Kit
import NodeLink
import Simulation
import Synchronization
import Testing

@testable import Agent

@Suite struct ServerLifeTests {
  @Test func createBootsAfterThePortIsWired() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      host.dataplane.set { $0.held = true }
      let (id, portID) = (Identifier.uuid(), Identifier.uuid())
      host.control.put(.network, host.networkID, host.network())
      host.control.put(.port, portID, host.port(portID, server: id, address: "10.0.0.5"))
      host.control.put(.server, id, host.server(id, ports: [portID]))
      try await eventually("defined") { host.hypervisor.count("define") == 1 }
      try await always("not started before the port") { host.hypervisor.count("start") == 0 }
      host.dataplane.set { $0.held = false }
      try await eventually("running") { host.control.seen(.server, id)?.ready == true }
      let seen = host.control.seen(.server, id)
      #expect(seen?.server?.power == .running)
      #expect(seen?.server?.bootEpoch == 1)
      #expect(seen?.server?.rootDiskID == "disk-\(id)")
      #expect(seen?.server?.portIDs == [portID])
      #expect(seen?.server?.step == nil)
      #expect(host.hypervisor.count("define") == 1)
      try await eventually("its steps are told") { host.control.steps(id).contains("start_domain") }
      #expect(host.control.steps(id).contains("make_disk"))
      #expect(host.control.seen(.port, portID)?.ready == true)
    }
  }

  @Test func stopPressesTheButtonAndStartBootsAgain() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, portID) = try await host.bootServer()
      host.control.put(.server, id, host.server(id, ports: [portID]) { $0.power = .stopped })
      try await eventually("stopped") { host.control.seen(.server, id)?.server?.power == .stopped }
      #expect(host.hypervisor.count("shutdown") == 1)
      #expect(host.hypervisor.count("destroy") == 0)
      // The same epoch: it was stopped because that was asked, so this is no power-off to adopt.
      host.control.put(.server, id, host.server(id, ports: [portID]))
      try await eventually("running again") { host.control.seen(.server, id)?.server?.power == .running }
    }
  }

  @Test func aGuestThatDoesNotObeyIsEnded() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, portID) = try await host.bootServer()
      host.hypervisor.set { $0.obeysPowerButton = false }
      host.control.put(
        .server, id,
        host.server(id, ports: [portID]) {
          $0.power = .stopped
          $0.shutdownTimeoutSeconds = 3
        })
      try await eventually("stopped") { host.control.seen(.server, id)?.server?.power == .stopped }
      #expect(host.hypervisor.count("shutdown") > 1)
      #expect(host.hypervisor.count("destroy") == 1)
    }
  }

  @Test func startAskedWhileItShutsDownIsNotLost() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, portID) = try await host.bootServer()
      host.hypervisor.set { $0.obeysPowerButton = false }
      host.control.put(.server, id, host.server(id, ports: [portID]) { $0.power = .stopped })
      try await eventually("pressed") { host.hypervisor.count("shutdown") == 1 }
      host.control.put(.server, id, host.server(id, ports: [portID]))
      try await eventually("seen") { host.control.seen(.server, id)?.ready == true }
      host.hypervisor.happen(id, .stopped)
      try await eventually("running") { host.hypervisor.count("start") == 2 }
    }
  }

  @Test func aGuestThatPowersItselfOffStaysOff() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, _) = try await host.bootServer()
      host.hypervisor.happen(id, .stopped)
      try await eventually("reported") { host.control.seen(.server, id)?.server?.power == .stopped }
      #expect(host.control.seen(.server, id)?.condition?.type == "PoweredOff")
      #expect(host.control.seen(.server, id)?.ready == false)
      host.hypervisor.tell(nil)
      try await always("it stays off") { host.hypervisor.count("start") == 1 }
    }
    // Another process of the agent knows it too.
    try await host.withAgent { _ in
      try await always("it stays off", for: .milliseconds(300)) { host.hypervisor.count("start") == 1 }
    }
  }

  @Test func aCrashedGuestAndARebootedHostBootAgain() async throws {
    let host = try Host()
    var id = ""
    try await host.withAgent { _ in
      (id, _) = try await host.bootServer()
      host.hypervisor.happen(id, .crashed)
      try await eventually("booted again") { host.hypervisor.power(id) == .running }
    }
    host.hypervisor.happen(id, .stopped)
    try await host.withAgent(bootID: "boot-2") { _ in
      try await eventually("booted again") { host.hypervisor.power(id) == .running }
    }
  }

  @Test func hardRebootIsANewEpoch() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, portID) = try await host.bootServer()
      host.control.put(.server, id, host.server(id, ports: [portID]) { $0.bootEpoch = 2 })
      try await eventually("booted at epoch 2") {
        host.control.seen(.server, id)?.server?.bootEpoch == 2 && host.control.seen(.server, id)?.ready == true
      }
      #expect(host.hypervisor.count("destroy") == 1)
      #expect(host.hypervisor.count("start") == 2)
      // A power-off is adopted at the epoch asked; a new epoch boots it.
      host.hypervisor.happen(id, .stopped)
      try await eventually("off") { host.control.seen(.server, id)?.server?.power == .stopped }
      host.control.put(.server, id, host.server(id, ports: [portID]) { $0.bootEpoch = 3 })
      try await eventually("on") { host.control.seen(.server, id)?.server?.bootEpoch == 3 }
    }
  }

  @Test func cardsComeAndGoWhileItRuns() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, first) = try await host.bootServer()
      let second = Identifier.uuid()
      host.control.put(.server, id, host.server(id, ports: [first, second]))
      try await always("the port is not there yet") { host.hypervisor.count("attach") == 0 }
      host.control.put(.port, second, host.port(second, server: id, address: "10.0.0.6"))
      try await eventually("two cards") { host.control.seen(.server, id)?.server?.portIDs == [first, second] }
      host.control.put(.server, id, host.server(id, ports: [second]))
      host.control.bury(.port, first)
      try await eventually("one card") {
        host.control.seen(.server, id)?.server?.portIDs == [second] && host.control.seen(.server, id)?.ready == true
      }
      #expect(host.hypervisor.count("start") == 1)
    }
  }

  @Test func deleteLeavesNothing() async throws {
    let host = try Host()
    try await host.withAgent { agent in
      let (id, portID) = try await host.bootServer()
      let generation = host.control.bury(.server, id)
      host.control.bury(.port, portID)
      try await eventually("gone") { host.control.seen(.server, id)?.removed == true }
      try await eventually("port gone") { host.control.seen(.port, portID)?.removed == true }
      #expect(host.control.seen(.server, id)?.generation == generation)
      #expect(host.hypervisor.power(id) == nil)
      #expect(await host.disks.rootDiskID(serverID: id) == nil)
      #expect(!host.dataplane.state.withLock { $0.standing.contains(ObjectKey(.port, portID)) })
      try await eventually("forgotten") { await agent.manifest.objects.count == 1 }
      #expect(await agent.manifest.records.isEmpty)
    }
    try await host.withAgent { agent in
      try await eventually("read") { await agent.manifest.objects.count == 1 }
    }
  }

  @Test func deleteWhileControlIsAwayIsToldLater() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, _) = try await host.bootServer()
      host.control.set { $0.refuseReports = true }
      host.control.bury(.server, id)
      try await eventually("destroyed") { host.hypervisor.power(id) == nil }
      // The events of its own removal cause no second one.
      try await always("it is removed once") { host.hypervisor.count("destroy") == 1 }
      host.control.cut()
      host.control.set {
        $0.refuseReports = false
        $0.reachable = true
      }
      try await eventually("told") { host.control.seen(.server, id)?.removed == true }
    }
  }
}
