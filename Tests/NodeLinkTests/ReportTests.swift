import Foundation
import Kit
import NodeLink
import Store
import Synchronization
import Testing

@Suite struct ReportTests {
  private func step(_ id: String, _ name: String) -> StepEvent {
    StepEvent(
      key: ObjectKey(.server, id), requestID: "req-1", step: name, began: .now(), ended: .now(), error: nil)
  }

  @Test func aReportReachesTheServicesInOneTransaction() async throws {
    let fixture = try await LinkFixture()
    try await fixture.withLink { _, client in
      let observation = Observation(
        key: ObjectKey(.server, "s"), generation: 7, ready: true,
        server: ServerObservation(
          power: .running, bootEpoch: 1, rootDiskID: "d", step: nil, portIDs: ["p"], operation: nil))
      let report = Report(
        nodeID: fixture.node, facts: .example, observations: [observation], events: [step("s", "start_domain")])
      try await client.report(report)
      let seen = fixture.observer.reports.withLock { $0 }
      #expect(seen.map(\.observations) == [[observation]])
      let (node, steps) = try await fixture.store.read { [node = fixture.node] tx in
        (try NodeTable.find(tx, node), try StepEventTable.events(tx, of: ObjectKey(.server, "s")))
      }
      #expect(node?.facts == .example)
      #expect(node?.up == true)
      #expect(steps.map(\.event.step) == ["start_domain"])
      #expect(steps.first?.nodeID == fixture.node)

      // What a service refuses is not half kept.
      fixture.observer.fails.withLock { $0 = true }
      let lost = Report(nodeID: fixture.node, facts: nil, observations: [], events: [step("s", "lost")])
      await #expect(throws: LinkError.refused(status: 500, reason: "Control could not do that.")) {
        try await client.report(lost)
      }
      let after = try await fixture.store.read { try StepEventTable.events($0, of: ObjectKey(.server, "s")) }
      #expect(after.count == 1)
    }
  }

  @Test func aGreetingTellsTheFacts() async throws {
    let fixture = try await LinkFixture()
    try await fixture.withLink { _, client in
      var messages = Messages(client, fixture.hello())
      _ = try await messages.untilSynced()
      #expect(fixture.observer.reports.withLock { $0.map(\.facts) } == [.example])
    }
  }

  @Test func aHeartbeatDoesNotTouchTheFeed() async throws {
    let fixture = try await LinkFixture()
    try await fixture.withLink { _, client in
      try await client.report(Report(nodeID: fixture.node, facts: .example, observations: [], events: []))
      let read: @Sendable (Transaction) throws -> (Int, Timestamp?) = { [node = fixture.node] tx in
        (try tx.count("SELECT count(*) FROM changes"), try NodeTable.find(tx, node)?.lastSeen)
      }
      let before = try await fixture.store.read(read)
      try await client.report(Report(nodeID: fixture.node, facts: nil, observations: [], events: []))
      try await client.report(Report(nodeID: fixture.node, facts: .example, observations: [], events: []))
      let after = try await fixture.store.read(read)
      #expect(before.0 == after.0)
      let (lastSeen, earlier) = (try #require(after.1), try #require(before.1))
      #expect(lastSeen > earlier)
      var other = NodeFacts.example
      other.vcpus += 1
      try await client.report(Report(nodeID: fixture.node, facts: other, observations: [], events: []))
      #expect(try await fixture.store.read(read).0 == before.0 + 1)
    }
  }

  @Test func aRemovalEndsItsTombstoneOnly() async throws {
    let fixture = try await LinkFixture()
    try await fixture.put("a", [])
    try await fixture.put("b", [])
    try await fixture.bury("a")
    let (node, a, b) = (fixture.node, ObjectKey(.addressSet, "a"), ObjectKey(.addressSet, "b"))
    let rows: @Sendable (Transaction) throws -> [Int64?] = { tx in
      [try ManifestTable.find(tx, node: node, a)?.generation, try ManifestTable.find(tx, node: node, b)?.generation]
    }
    let before = try await fixture.store.read(rows)
    try await fixture.withLink { _, client in
      func report(_ key: ObjectKey, _ generation: Int64) async throws {
        try await client.report(
          Report(
            nodeID: node, facts: nil,
            observations: [Observation(key: key, generation: generation, ready: true, removed: true)], events: []))
      }
      // An older removal, and one of what was never buried, end nothing.
      try await report(a, try #require(before[0]) - 1)
      try await report(b, try #require(before[1]))
      #expect(try await fixture.store.read(rows) == before)
      try await report(a, try #require(before[0]))
      #expect(try await fixture.store.read(rows) == [nil, before[1]])
    }
  }

  @Test func stepsAreBounded() async throws {
    let fixture = try await LinkFixture()
    try await fixture.withLink { _, client in
      let events = (0..<(StepEventTable.perObjectMax + 50)).map { step("s", "step-\($0)") } + [step("t", "other")]
      try await client.report(Report(nodeID: fixture.node, facts: .example, observations: [], events: events))
      let steps = try await fixture.store.read { try StepEventTable.events($0, of: ObjectKey(.server, "s")) }
      #expect(steps.count == StepEventTable.perObjectMax)
      #expect(steps.last?.event.step == "step-\(StepEventTable.perObjectMax + 49)")
      let other = try await fixture.store.read { try StepEventTable.events($0, of: ObjectKey(.server, "t")) }
      #expect(other.count == 1)
    }
  }
}
