import Kit
import NodeLink
import Store
import Testing

/// What comes late, from elsewhere or of nobody changes nothing.
struct ObservationTests {
  private static func seen(
    _ id: String, _ power: ServerObservation.Power, generation: Int64, removed: Bool = false,
    condition: Condition? = nil
  ) -> Observation {
    Observation(
      key: ObjectKey(.server, id), generation: generation, ready: true, removed: removed,
      server: .init(power: power, bootEpoch: 1, rootDiskID: nil, step: nil, portIDs: [], operation: nil),
      condition: condition)
  }

  /// The whole row of every server, manifest and port, for comparison.
  private static func everything(_ cloud: Fixture) async throws -> [String] {
    try await cloud.store.read { tx in
      try tx.query("SELECT id || status || updated_at || COALESCE(seen_power, '') || deleting FROM server") {
        $0.text(0)
      }
        + tx.query("SELECT object_id || generation || tombstone || spec FROM manifest") { $0.text(0) }
        + tx.query("SELECT id || COALESCE(server_id, '') FROM fake_port") { $0.text(0) }
        + tx.query("SELECT request_id || COALESCE(result, '') FROM instance_action") { $0.text(0) }
    }
  }

  private static func changesNothing(
    _ cloud: Fixture, _ observations: [Observation], node: String = Fixture.nodeID,
    _ sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let before = try await everything(cloud)
    try await cloud.report(observations, node: node)
    #expect(try await everything(cloud) == before, sourceLocation: sourceLocation)
  }

  @Test func anOlderGenerationDoesNotOverwriteANewerOne() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    let old = try await cloud.generation(id)
    try await cloud.observe(id, .running)
    _ = await cloud.act(id, #"{"os-stop": null}"#)
    try await cloud.observe(id, .stopped)
    #expect(await cloud.status(id) == "SHUTOFF")
    try await Self.changesNothing(
      cloud,
      [
        Self.seen(id, .running, generation: old), Self.seen(id, .running, generation: 1),
        Self.seen(id, .absent, generation: old, condition: cloud.condition("DataMissing")),
      ])
    try await cloud.ledgersAgree()
  }

  @Test func nothingResurrectsADeletedServer() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    let old = try await cloud.generation(id)
    _ = await cloud.send("DELETE", "/v2.1/servers/\(id)")
    let tombstone = try await cloud.generation(id)
    try await Self.changesNothing(
      cloud,
      [
        Self.seen(id, .running, generation: old), Self.seen(id, .running, generation: tombstone),
        Self.seen(id, .absent, generation: old, removed: true),
      ])
    #expect(await cloud.server(id)["OS-EXT-STS:task_state"]?.string == "deleting")
    try await cloud.observeRemoved(id)
    try await cloud.isCleanSlate()
    try await Self.changesNothing(
      cloud,
      [
        Self.seen(id, .running, generation: old), Self.seen(id, .running, generation: tombstone + 5),
        Self.seen(id, .absent, generation: tombstone, removed: true),
      ])
    #expect(await cloud.send("GET", "/v2.1/servers/\(id)").status == 404)
  }

  @Test func unknownServersAndOtherNodesAreIgnored() async throws {
    let cloud = try await Fixture(hosts: 2)
    let id = try await cloud.running()
    let now = try await cloud.generation(id)
    try await Self.changesNothing(cloud, [Self.seen(Identifier.uuid(), .running, generation: 5)])
    try await Self.changesNothing(
      cloud,
      [Self.seen(id, .stopped, generation: now), Self.seen(id, .absent, generation: now + 9, removed: true)],
      node: Fixture.node(1))
    try await Self.changesNothing(cloud, [], node: "aaaaaaaa-0000-4000-8000-00000000ffff")
    #expect(await cloud.status(id) == "ACTIVE")
    try await cloud.ledgersAgree()
  }

  /// After a store was restored from a backup a node may hold generations that this store has yet to reach: what it
  /// sees is true, what it was asked is not what is asked now, and the generations to come are not held back by it.
  @Test func aGenerationOfAnotherStoreSettlesNothing() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    try await cloud.observe(id, .running)
    _ = await cloud.act(id, #"{"os-stop": null}"#)
    let now = try await cloud.generation(id)
    try await cloud.observe(id, .stopped, generation: now + 1000)
    #expect(await cloud.server(id)["OS-EXT-STS:task_state"]?.string == "powering-off")
    try await cloud.observe(id, .running)
    try await cloud.observe(id, .stopped)
    #expect(await cloud.status(id) == "SHUTOFF")
    #expect(await cloud.server(id)["OS-EXT-STS:task_state"] == .null)
    try await cloud.ledgersAgree()
  }
}
