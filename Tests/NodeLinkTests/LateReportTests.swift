import Kit
import Store
import StoreFixture
import Synchronization
import Testing

@testable import NodeLink

/// Reports that come when newer ones were taken: the store decides, whoever takes them.
@Suite struct LateReportTests {
  private static let key = ObjectKey(.server, "s")
  private static let late = LinkError.refused(
    status: 409, reason: "A newer report of this node was taken, or it has greeted anew.")

  private func hello(_ fixture: LinkFixture, _ life: String?, vcpus: Int = 4) -> Hello {
    var facts = NodeFacts.example
    facts.vcpus = vcpus
    return Hello(nodeID: fixture.node, facts: facts, cloudID: nil, epoch: 0, held: [], life: life)
  }

  /// A report that says its own generation, so that what was believed can be told.
  private func report(_ fixture: LinkFixture, _ life: String?, _ number: Int64, says generation: Int64) -> Report {
    let event = StepEvent(
      key: Self.key, requestID: nil, step: "step-\(generation)", began: .now(), ended: .now(), error: nil)
    return Report(
      nodeID: fixture.node, facts: nil,
      observations: [Observation(key: Self.key, generation: generation, ready: true)], events: [event],
      order: life.map { ReportOrder(life: $0, number: number) })
  }

  /// Generations of the observations that the services were told, in order.
  private func told(_ fixture: LinkFixture) -> [Int64] {
    fixture.observer.reports.withLock { $0.flatMap { $0.observations.map(\.generation) } }
  }

  @Test func aReportAfterANewerOneIsNotBelieved() async throws {
    let fixture = try await LinkFixture()
    let server = fixture.server()
    try await server.take(hello(fixture, "a"))
    try await server.take(report(fixture, "a", 1, says: 1))
    try await server.take(report(fixture, "a", 3, says: 3))
    for number in [2, 3, 1, 0, -1] as [Int64] {
      await #expect(throws: Self.late) { try await server.take(report(fixture, "a", number, says: 2)) }
    }
    try await server.take(report(fixture, "a", 4, says: 4))
    #expect(told(fixture) == [1, 3, 4])
    // Nothing of what came late is kept.
    let steps = try await fixture.store.read { try StepEventTable.events($0, of: Self.key).map(\.event.step) }
    #expect(steps == ["step-1", "step-3", "step-4"])
  }

  /// What failed is not taken: an older one may still come, and the same one again.
  @Test func aReportThatCouldNotBeStoredDoesNotCount() async throws {
    let fixture = try await LinkFixture()
    let server = fixture.server()
    try await server.take(hello(fixture, "a"))
    fixture.observer.fails.withLock { $0 = true }
    await #expect(throws: RememberingObserver.Failure.self) {
      try await server.take(report(fixture, "a", 2, says: 2))
    }
    fixture.observer.fails.withLock { $0 = false }
    try await server.take(report(fixture, "a", 1, says: 1))
    try await server.take(report(fixture, "a", 2, says: 2))
    #expect(told(fixture) == [1, 2])
  }

  @Test func anOlderLifeIsNotBelievedAndANewOneIsAtOnce() async throws {
    let fixture = try await LinkFixture()
    let server = fixture.server()
    try await server.take(hello(fixture, "a"))
    for number in 1...9 as ClosedRange<Int64> { try await server.take(report(fixture, "a", number, says: number)) }
    // Started anew, it counts from the first again; before that first report the old life's is late already.
    try await server.take(hello(fixture, "b", vcpus: 8))
    await #expect(throws: Self.late) { try await server.take(report(fixture, "a", 10, says: 10)) }
    try await server.take(report(fixture, "b", 1, says: 11))
    await #expect(throws: Self.late) { try await server.take(report(fixture, "a", 11, says: 12)) }
    // A report that carries no order is of before the first life.
    await #expect(throws: Self.late) { try await server.take(report(fixture, nil, 0, says: 13)) }
    #expect(told(fixture) == Array(1...9) + [11])
    let node = try await fixture.store.read { [id = fixture.node] in try NodeTable.find($0, id) }
    #expect(node?.facts.vcpus == 8)
  }

  /// A greeting that is stored late names a life that nobody lives: the agent is told so by its next report, greets
  /// anew, and is believed.
  @Test func aLateGreetingIsFollowedByANewOne() async throws {
    let fixture = try await LinkFixture()
    let server = fixture.server()
    try await server.take(hello(fixture, "b"))
    try await server.take(hello(fixture, "a"))
    await #expect(throws: Self.late) { try await server.take(report(fixture, "b", 1, says: 1)) }
    try await server.take(hello(fixture, "c"))
    try await server.take(report(fixture, "c", 1, says: 2))
    #expect(told(fixture) == [2])
  }

  /// An agent of an older release speaks without an order, also after one of this release.
  @Test func anOlderAgentIsBelieved() async throws {
    let fixture = try await LinkFixture()
    let server = fixture.server()
    try await server.take(report(fixture, nil, 0, says: 1))
    try await server.take(hello(fixture, "a"))
    try await server.take(report(fixture, "a", 1, says: 2))
    try await server.take(hello(fixture, nil))
    try await server.take(report(fixture, nil, 0, says: 3))
    await #expect(throws: Self.late) { try await server.take(report(fixture, "a", 2, says: 4)) }
    #expect(told(fixture) == [1, 2, 3])
  }

  /// Two control processes on one store: of each number at most one report is believed, and never an older one after a
  /// newer one, in whatever order they come to the two.
  private func agree(_ fixture: LinkFixture, _ controls: [NodeLinkServer]) async throws {
    try await controls[0].take(hello(fixture, "a"))
    try await controls[0].take(report(fixture, "a", 2, says: 2))
    await #expect(throws: Self.late) { try await controls[1].take(report(fixture, "a", 1, says: 1)) }
    await withTaskGroup(of: Void.self) { group in
      for number in (3...40 as ClosedRange<Int64>).shuffled() {
        for control in controls {
          group.addTask { try? await control.take(report(fixture, "a", number, says: number)) }
        }
      }
    }
    let believed = told(fixture)
    #expect(believed == Set(believed).sorted())
    #expect(believed.last == 40)
    // It goes over to the other one: what the first still has of before is late.
    try await controls[1].take(hello(fixture, "b"))
    await #expect(throws: Self.late) { try await controls[0].take(report(fixture, "a", 41, says: 41)) }
    try await controls[1].take(report(fixture, "b", 1, says: 42))
    #expect(told(fixture).last == 42)
  }

  @Test func twoControlsAgree() async throws {
    let fixture = try await LinkFixture()
    try await agree(fixture, [fixture.server(), fixture.server()])
  }

  /// Each with a store of its own on the same database, as two processes have.
  @Test func twoControlsOnOnePostgreSQLAgree() async throws {
    let fixture = try await LinkFixture()
    let server = try PostgresServer.shared.get()
    let address = try server.address()
    var controls: [NodeLinkServer] = []
    for _ in 1...2 {
      let store = try PostgresStore(url: address, readers: 2)
      try await store.claim(cloudID: fixture.cloudID, epoch: 1)
      try await store.migrate(NodeLinkServer.migrations)
      controls.append(
        NodeLinkServer(
          store: store, cloudID: fixture.cloudID, blobs: fixture.blobs, observers: [fixture.observer], logger: .quiet))
    }
    try await agree(fixture, controls)
  }

  @Test func itIsTheSameOverTheSocket() async throws {
    let fixture = try await LinkFixture()
    try await fixture.withLink { server, client in
      var messages = Messages(client, hello(fixture, "a"))
      _ = try await messages.untilSynced()
      try await client.report(report(fixture, "a", 2, says: 2))
      await #expect(throws: Self.late) { try await client.report(report(fixture, "a", 1, says: 1)) }
      try await client.report(report(fixture, "a", 3, says: 3))
      #expect(told(fixture) == [2, 3])
      var page = MetricsPage()
      server.meter.write(&page)
      #expect(page.text.contains("haneul_node_late_reports_total{node=\"\(fixture.node)\"} 1"))
      let long = hello(fixture, String(repeating: "x", count: 65))
      var refused = Messages(client, long)
      await #expect(throws: LinkError.self) { _ = try await refused.next() }
    }
  }
}
