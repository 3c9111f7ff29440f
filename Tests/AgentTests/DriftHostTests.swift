import Drivers
import Foundation
import Kit
import NodeLink
import Simulation
import Synchronization
import Testing

@testable import Agent

/// What somebody does to the host's network, and what is on the host that is not ours or not known.
@Suite struct DriftHostTests {
  private func replugs(_ host: Host) -> [String] { host.hypervisor.state.withLock { $0.replugged } }

  @Test func aTapTakenAwayIsMadeAgainAndItsCardPluggedIn() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (_, portID) = try await host.bootServer()
      #expect(host.control.drift(.tap).isEmpty, "the first making is no drift")
      host.dataplane.takeAway(ObjectKey(.port, portID))
      try await eventually("over") { host.settled(.tap, "port/\(portID)") != nil }
      #expect(replugs(host) == [portID])
      try await always("once") { replugs(host) == [portID] }
      #expect(host.control.openDrift(.tap).isEmpty)
    }
  }

  @Test func aTapOfAGuestThatIsOffIsMadeAgainOnly() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, portID) = try await host.bootServer()
      host.control.put(.server, id, host.server(id, ports: [portID]) { $0.power = .stopped })
      try await eventually("stopped") { host.control.seen(.server, id)?.server?.power == .stopped }
      host.dataplane.takeAway(ObjectKey(.port, portID))
      try await eventually("over") { host.settled(.tap, "port/\(portID)") != nil }
      host.control.put(.server, id, host.server(id, ports: [portID]))
      try await eventually("runs") {
        host.control.seen(.server, id)?.ready == true && host.hypervisor.power(id) == .running
      }
      try await always("no card is touched") { replugs(host).isEmpty }
    }
  }

  /// The agent was killed between the making of the tap and the plugging: no change tells of it any more.
  @Test func aCardThatHangsLooseIsFoundByALaterAgent() async throws {
    let host = try Host()
    var portID = ""
    try await host.withAgent { _ in (_, portID) = try await host.bootServer() }
    let port = portID
    host.dataplane.set { $0.unplugged = [port] }
    try await host.withAgent { _ in
      try await eventually("plugged in") { replugs(host) == [port] }
      host.dataplane.set { $0.unplugged = [] }
      host.dataplane.tell()
      try await eventually("over") { host.settled(.tap, "port/\(port)") != nil }
      #expect(replugs(host) == [port])
    }
  }

  /// The look at the network is older than the guest's boot: the tap was free then.
  @Test func aTapThatWasFreeBeforeTheBootIsNoLooseCard() async throws {
    let host = try Host()
    try await host.withAgent { agent in
      let (id, portID) = host.askForServer()
      host.dataplane.set { $0.unplugged = [portID] }
      try await eventually("runs") { host.control.seen(.server, id)?.ready == true }
      host.dataplane.set { $0.unplugged = [] }
      for _ in 0..<5 {
        await agent.lookAtEverything()
        try await Task.sleep(for: .milliseconds(20))
      }
      #expect(replugs(host).isEmpty)
    }
  }

  @Test func whatStoodBeforeAndIsGoneIsDriftForTheNextAgentToo() async throws {
    let host = try Host()
    try await host.withAgent { agent in
      _ = try await host.bootServer()
      try await eventually("remembered") { await agent.unwritten.isEmpty }
    }
    let key = ObjectKey(.network, host.networkID)
    host.dataplane.set { $0.standing.remove(key) }
    try await host.withAgent { _ in
      try await eventually("told") { host.settled(.bridge, "\(key)") != nil }
      #expect(host.settled(.bridge)?.done == "made again")
      #expect(host.control.drift(.tap).isEmpty)
    }
  }

  @Test func aNewGenerationIsMadeAndNotRepaired() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      _ = try await host.bootServer()
      let key = ObjectKey(.network, host.networkID)
      host.dataplane.set { $0.held = true }
      host.dataplane.tell()
      let generation = host.control.put(.network, host.networkID, host.network())
      host.dataplane.set {
        $0.standing.remove(key)
        $0.held = false
      }
      try await eventually("made") { host.control.seen(.network, host.networkID)?.generation == generation }
      // The look that was under way still had the old generation; whether it told depends on it alone.
      host.dataplane.set { _ = $0.standing.remove(key) }
      host.control.put(.network, host.networkID, host.network())
      try await eventually("made again") { host.dataplane.state.withLock { $0.standing.contains(key) } }
      #expect(host.control.drift(.bridge).count <= 2)
    }
  }

  @Test func whatCannotBeMadeAgainStaysOpen() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      _ = try await host.bootServer()
      let key = ObjectKey(.network, host.networkID)
      host.dataplane.set {
        $0.damage = [NetworkChange(key: key, field: .dhcpDaemon, asked: "dnsmasq", found: "killed", done: "started")]
        $0.broken[key] = NetworkOutcome(ready: false, problemType: "DaemonFailed", problem: "no dnsmasq")
      }
      host.dataplane.tell()
      try await eventually("told") { host.control.openDrift(.dhcpDaemon).first?.done == "not yet: no dnsmasq" }
      host.dataplane.set { $0.broken = [:] }
      try await eventually("over") { host.settled(.dhcpDaemon)?.done == "started" }
    }
  }

  @Test func rulesOfTheHostDriftAfterTheFirstLook() async throws {
    let host = try Host()
    let change = NetworkChange(key: nil, field: .rules, asked: "our tables", found: "flushed", done: "loaded again")
    host.dataplane.set { $0.damage = [change] }
    try await host.withAgent { agent in
      _ = try await host.bootServer()
      try await eventually("looked at whole") { await agent.manifest.networkEpoch == 1 }
      try await eventually("written") { await agent.unwritten.isEmpty }
      #expect(host.control.drift(.rules).isEmpty)
      host.dataplane.set { $0.damage = [change] }
      host.dataplane.tell()
      try await eventually("told") { host.settled(.rules, "host") != nil }
    }
    host.dataplane.set { $0.damage = [change] }
    let told = host.control.drift(.rules).count
    try await host.withAgent { _ in
      try await eventually("told by the next agent") { host.control.drift(.rules).count > told }
    }
  }

  // MARK: others' things

  @Test func foreignThingsAreShownAndLeftAlone() async throws {
    let host = try Host { $0.sweep = .milliseconds(20) }
    host.hypervisor.set { $0.foreign = ["web1"] }
    host.dataplane.set { $0.foreignBridges = ["br0"] }
    try await host.withAgent { _ in
      try await eventually("shown") {
        host.control.openDrift(.foreignDomain).map(\.subject) == ["domain web1"]
          && host.control.openDrift(.foreignBridge).map(\.subject) == ["bridge br0"]
      }
      #expect(host.control.openDrift(.foreignDomain).first?.done == "left alone")
      host.hypervisor.set { $0.foreign = [] }
      host.dataplane.set { $0.foreignBridges = [] }
      try await eventually("gone") {
        host.control.openDrift(.foreignDomain).isEmpty && host.control.openDrift(.foreignBridge).isEmpty
      }
    }
  }

  // MARK: quarantine

  private func forgetEverything(_ host: Host, epoch: Int64) {
    host.control.cut()
    host.control.set {
      $0.objects = [:]
      $0.generations = [:]
      $0.epoch = epoch
      $0.generation = 0
      $0.reachable = true
    }
  }

  @Test func whatControlDoesNotKnowStandsInQuarantine() async throws {
    let host = try Host()
    var (id, portID) = ("", "")
    try await host.withAgent { _ in
      (id, portID) = try await host.bootServer()
      forgetEverything(host, epoch: 2)
      try await eventually("shown") { host.control.openDrift(.unknownObject).count == 3 }
      let (id, portID) = (id, portID)
      #expect(
        Set(host.control.openDrift(.unknownObject).map(\.subject)) == [
          "server/\(id)", "port/\(portID)", "network/\(host.networkID)",
        ])
      // Its network is repaired, and its guest too.
      host.dataplane.takeAway(ObjectKey(.port, portID))
      try await eventually("its tap is made again") { host.settled(.tap) != nil }
      host.hypervisor.happen(id, .stopped, "destroyed")
      try await eventually("it is booted again") { host.hypervisor.power(id) == .running }
    }
    // Another agent, which only hears what control says of what it holds.
    try await host.withAgent { _ in
      let (id, portID) = (id, portID)
      try await eventually("known again") { host.control.state.withLock { $0.hellos.count } >= 3 }
      try await eventually("still shown") { host.control.openDrift(.unknownObject).count == 3 }
      // An object takes its server back, a tombstone ends another, whatever their generations.
      host.control.put(.server, id, host.server(id, ports: [portID]) { $0.name = "back" })
      try await eventually("adopted") { host.control.openDrift(.unknownObject).count == 2 }
      try await eventually("at its generation") { host.control.seen(.server, id)?.generation == 1 }
      host.control.bury(.server, id)
      host.control.bury(.port, portID)
      host.control.bury(.network, host.networkID)
      try await eventually("removed") {
        host.control.seen(.server, id)?.removed == true && host.control.seen(.network, host.networkID)?.removed == true
      }
      try await eventually("nothing in quarantine") { host.control.openDrift(.unknownObject).isEmpty }
      #expect(host.hypervisor.state.withLock { $0.domains.isEmpty })
    }
  }

  @Test func aDomainThatNoManifestNamesIsLeftAloneUntilToldOtherwise() async throws {
    let host = try Host { $0.sweep = .milliseconds(20) }
    try await host.withAgent { _ in
      let (id, _) = try await host.bootServer()
      let stranger = Identifier.uuid()
      host.hypervisor.set { $0.domains[stranger] = $0.domains[id] }
      try await eventually("shown") { host.control.openDrift(.unknownObject).map(\.subject) == ["server/\(stranger)"] }
      try await always("left alone") { host.hypervisor.power(stranger) == .running }
      host.control.bury(.server, stranger)
      try await eventually("removed") { host.hypervisor.power(stranger) == nil }
      try await eventually("over") { host.control.openDrift(.unknownObject).isEmpty }
      #expect(host.hypervisor.power(id) == .running)
    }
  }

  // MARK: telling

  @Test func afterAReconnectAllIsSaidAndTheRestIsOver() async throws {
    let host = try Host { $0.sweep = .milliseconds(20) }
    host.hypervisor.set { $0.foreign = ["web1", "web2"] }
    try await host.withAgent { _ in
      try await eventually("shown") { host.control.openDrift(.foreignDomain).count == 2 }
    }
    // Gone while no agent ran: only the whole can say so.
    host.hypervisor.set { $0.foreign = ["web2"] }
    let wholes = host.control.state.withLock { $0.wholes }
    try await host.withAgent { _ in
      try await eventually("said whole") { host.control.state.withLock { $0.wholes } > wholes }
      try await eventually("one left") { host.control.openDrift(.foreignDomain).map(\.subject) == ["domain web2"] }
    }
  }

  @Test func aLostReportIsSaidAgain() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, _) = try await host.bootServer()
      host.control.set { $0.refuseReports = true }
      host.hypervisor.happen(id, .stopped, "destroyed")
      try await eventually("booted again") { host.hypervisor.count("start") == 2 }
      try await always("nothing is told") { host.control.drift(.power).isEmpty }
      host.control.set { $0.refuseReports = false }
      try await eventually("told") { host.settled(.power, "server/\(id)") != nil }
    }
  }

  @Test func theWayOfPacketsIsReadByQuery() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let path = PacketPath(hops: [.init(kind: "tap", name: "h0t1", state: "up", passes: true, packets: 3)])
      host.dataplane.set { $0.paths["p"] = path }
      host.control.set { $0.reachable = true }
      try await eventually("connected") { host.control.state.withLock { $0.stream != nil } }
      host.control.ask(NodeQuery(id: "q1", subject: .packetPath(portID: "p")))
      host.control.ask(NodeQuery(id: "q2", subject: .packetPath(portID: "other")))
      try await eventually("answered") { host.control.state.withLock { $0.answers.count == 2 } }
      let answers = host.control.state.withLock { $0.answers }
      let body = try #require(answers.first { $0.queryID == "q1" }?.bodyBase64.flatMap { Data(base64Encoded: $0) })
      #expect(try JSONDecoder().decode(PacketPath.self, from: body) == path)
      #expect(answers.first { $0.queryID == "q2" }?.error != nil)
    }
  }
}
