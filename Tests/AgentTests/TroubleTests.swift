import Drivers
import Kit
import NodeLink
import Simulation
import Synchronization
import Testing

@testable import Agent

@Suite struct TroubleTests {
  @Test func dataIsMadeOnce() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, portID) = try await host.bootServer()
      host.disks.set { $0.roots[id] = nil }
      host.disks.set { $0.everMade = [] }
      host.control.put(.server, id, host.server(id, ports: [portID]) { $0.bootEpoch = 2 })
      try await eventually("told") { host.control.seen(.server, id)?.condition?.type == "DataMissing" }
      try await always("nothing is made in its place") { host.disks.state.withLock { $0.roots[id] == nil } }
      #expect(host.hypervisor.count("start") == 1)
    }
  }

  @Test func controlKnowsADiskThisNodeForgot() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let id = Identifier.uuid()
      host.control.put(.server, id, host.server(id) { $0.rootDisk.made = true })
      try await eventually("told") { host.control.seen(.server, id)?.condition?.type == "DataMissing" }
      #expect(host.disks.count("ensureRoot") == 0)
    }
  }

  @Test func failuresAreToldAndTriedAgain() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      host.hypervisor.set { $0.failures["start"] = 3 }
      let id = Identifier.uuid()
      host.control.put(.server, id, host.server(id))
      try await eventually("running at last") { host.control.seen(.server, id)?.ready == true }
      let conditions = host.control.history(.server, id).compactMap(\.condition)
      #expect(conditions.contains { $0.type == "BootFailed" && $0.attempts >= 1 })
      #expect(Set(conditions.filter { $0.type == "BootFailed" }.map(\.since)).count == 1)
      #expect(host.control.seen(.server, id)?.condition == nil)
      #expect(host.hypervisor.count("start") == 4)
    }
  }

  @Test func causesStayOnTheNode() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      host.disks.set { $0.rootFailures = 1000 }
      let id = Identifier.uuid()
      host.control.put(.server, id, host.server(id))
      try await eventually("told") { host.control.seen(.server, id)?.condition?.type == "DiskFailed" }
      #expect(host.control.seen(.server, id)?.condition?.message.contains("secret") == false)
      try await eventually("tried often") { (host.control.seen(.server, id)?.condition?.attempts ?? 0) >= 3 }
    }
  }

  @Test func pausesGrow() {
    var ledger = RetryLedger()
    let (key, timing) = (ObjectKey(.server, "s"), AgentTiming())
    let pauses = (0..<8).map { _ in
      ledger.failed(key, generation: 1, type: "BootFailed", message: "", timing: timing).pause
    }
    #expect(pauses == [1, 2, 4, 8, 16, 32, 60, 60].map { .seconds($0) })
    #expect(ledger.pause(key, generation: 1) != nil)
    #expect(ledger.pause(key, generation: 2) == nil)
    #expect(ledger.failed(key, generation: 2, type: "BootFailed", message: "", timing: timing).pause == .seconds(1))
  }

  @Test func aBaseThatDoesNotComeIsFetchedAgain() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      host.disks.set { [digest = host.digest] in $0.unavailable = [digest] }
      let id = Identifier.uuid()
      host.control.put(.server, id, host.server(id))
      try await eventually("told") { host.control.seen(.server, id)?.condition?.type == "BaseImageUnavailable" }
      host.disks.set { $0.unavailable = [] }
      try await eventually("running") { host.control.seen(.server, id)?.ready == true }
      // Its file is taken away behind our back: the next boot looks again.
      host.disks.set { $0.bases = [] }
      host.hypervisor.set { $0.failures["start"] = 1 }
      host.control.put(.server, id, host.server(id) { $0.bootEpoch = 2 })
      try await eventually("running again") {
        host.control.seen(.server, id)?.server?.bootEpoch == 2 && host.control.seen(.server, id)?.ready == true
      }
      #expect(host.disks.state.withLock { $0.bases.contains(host.digest) })
    }
  }

  @Test func aBadPortHoldsItsServerOnly() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let bad = Identifier.uuid()
      host.dataplane.set {
        $0.broken[ObjectKey(.port, bad)] = NetworkOutcome(ready: false, problemType: "RulesRejected", problem: "bad")
      }
      let (id, other) = (Identifier.uuid(), Identifier.uuid())
      host.control.put(.port, bad, host.port(bad, server: id, address: "10.0.0.9"))
      host.control.put(.server, id, host.server(id, ports: [bad]))
      host.control.put(.server, other, host.server(other))
      try await eventually("the other runs") { host.control.seen(.server, other)?.ready == true }
      try await eventually("told") { host.control.seen(.server, id)?.condition?.type == "PortNotReady" }
      #expect(host.control.seen(.port, bad)?.condition?.type == "RulesRejected")
      host.dataplane.set { $0.broken = [:] }
      try await eventually("runs") { host.control.seen(.server, id)?.ready == true }
    }
  }

  @Test func aNetworkGoesAfterItsPorts() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, portID) = try await host.bootServer()
      host.control.bury(.network, host.networkID)
      try await always("it stands under a port") { host.dataplane.state.withLock { $0.removals.isEmpty } }
      host.control.bury(.server, id)
      host.control.bury(.port, portID)
      try await eventually("gone") { host.control.seen(.network, host.networkID)?.removed == true }
      #expect(
        host.dataplane.state.withLock { $0.removals } == [
          ObjectKey(.port, portID), ObjectKey(.network, host.networkID),
        ])
    }
  }

  @Test func unusedBasesGoOnlyAfterControlHasSpoken() async throws {
    let host = try Host { $0.unusedBases = .milliseconds(30) }
    host.control.set { $0.reachable = false }
    host.disks.set { $0.bases = ["old"] }
    try await host.withAgent { _ in
      try await always("nothing goes") { host.disks.state.withLock { $0.prunedTo == nil } }
      host.control.set { $0.reachable = true }
      _ = try await host.bootServer()
      try await eventually("the old one goes") { host.disks.state.withLock { !$0.bases.contains("old") } }
      #expect(host.disks.state.withLock { $0.bases } == [host.digest])
    }
  }

  @Test func theOutboxIsBounded() {
    var outbox = Outbox()
    let event = StepEvent(
      key: ObjectKey(.server, "s"), requestID: nil, step: "x", began: .now(), ended: .now(), error: nil)
    for _ in 0..<(Outbox.eventsMax + 5) { outbox.put(event) }
    #expect(outbox.eventsDropped == 5)
    let taken = outbox.take()
    #expect(taken.events.count == LinkLimit.eventsPerReportMax)
    outbox.putBack([], taken.events)
    #expect(outbox.take().events.count == LinkLimit.eventsPerReportMax)
  }
}
