import Kit
import NodeLink
import Store
import Testing

/// The ledgers are compared with the servers that exist, and put right: a hand damages them, the loop repairs.
struct LedgerKeeperTests {
  /// Ways to damage what belongs to the server with the id `ID`.
  static let damages = [
    "DELETE FROM fake_claim WHERE server_id = 'ID'", "UPDATE fake_claim SET vcpus = 7 WHERE server_id = 'ID'",
    "UPDATE fake_claim SET node_id = 'elsewhere' WHERE server_id = 'ID'", "DELETE FROM fake_pin",
    "UPDATE fake_pin SET holder = 'server/nobody'", "DELETE FROM manifest",
    "INSERT INTO fake_claim (server_id, node_id, vcpus, memory_mib, disk_gib) VALUES ('nobody', 'n', 1, 1, 1)",
    "INSERT INTO fake_pin (digest, holder) VALUES ('\(Fixture.digest)', 'server/nobody')",
    "INSERT INTO fake_pin (digest, holder) VALUES ('other', 'server/ID')",
    """
    INSERT INTO fake_port (number, id, server_id, project_id, network, address, mac, groups, made)
    VALUES ((SELECT max(number) + 1 FROM fake_port), 'lost', 'nobody', 'alice', 'net', '10.9.9.9', 'fa:16:3e:00:00:01', 'default', 1)
    """,
    "UPDATE server_card SET detaching = 1",
  ]

  @Test(arguments: damages) func isRepaired(_ damage: String) async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    try await cloud.observe(id, .running)
    try await cloud.ledgersAgree()
    try await cloud.store.write { _ = try $0.execute(SQL(raw: damage.replacing("ID", with: id))) }
    try await cloud.pass(seconds: 1)
    if damage.contains("detaching") {
      // Asked to go by a release that kept no saga: it goes.
      try await cloud.observe(id, .running)
      #expect(try await cloud.count("fake_port") == 0)
    }
    try await cloud.ledgersAgree()
    #expect(await cloud.status(id) == "ACTIVE")
  }

  @Test func comparingWritesNothingWhereNothingDiffers() async throws {
    let cloud = try await Fixture()
    for number in 0..<3 { _ = try await cloud.running(name: "s\(number)") }
    _ = try await cloud.create(name: "building")
    let before = try await cloud.count("changes")
    try await cloud.pass(seconds: 30)
    #expect(try await cloud.count("changes") == before)
  }

  /// More of everything than one page holds.
  @Test func everyPageIsCompared() async throws {
    let cloud = try await Fixture(vcpus: 10_000)
    try await cloud.store.write { tx in
      for resource in ["instances", "cores", "ram"] {
        try tx.execute(
          "INSERT INTO compute_quota (project_id, resource, hard_limit) VALUES ('alice', \(resource), -1)")
      }
    }
    for _ in 0..<23 {
      let body = Fixture.body(#""min_count": 10, "max_count": 10, "#)
      #expect(await cloud.send("POST", "/v2.1/servers", body).status == 202)
    }
    try await cloud.store.write { tx in
      try tx.execute("DELETE FROM fake_claim WHERE server_id IN (SELECT id FROM server ORDER BY id DESC LIMIT 3)")
      try tx.execute("DELETE FROM fake_pin WHERE holder IN (SELECT holder FROM fake_pin ORDER BY holder LIMIT 33)")
      for number in 0..<150 {
        try tx.execute(
          """
          INSERT INTO fake_claim (server_id, node_id, vcpus, memory_mib, disk_gib)
          VALUES (\(Identifier.uuid()), 'n', \(number), 1, 1)
          """)
        try tx.execute("INSERT INTO fake_pin (digest, holder) VALUES ('x', \("server/" + Identifier.uuid()))")
      }
      try tx.execute("INSERT INTO fake_pin (digest, holder) VALUES ('x', 'snapshot/1'), ('x', 'volume/1')")
    }
    try await cloud.pass(seconds: 1)
    #expect(try await cloud.count("fake_pin WHERE holder LIKE 'snapshot/%' OR holder LIKE 'volume/%'") == 2)
    try await cloud.store.write { _ = try $0.execute("DELETE FROM fake_pin WHERE digest = 'x' AND holder LIKE '%/1'") }
    try await cloud.ledgersAgree()
  }

  @Test func aDeleteThatNobodyCarriesOutIsFinished() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    _ = await cloud.send("DELETE", "/v2.1/servers/\(id)")
    try await cloud.store.write { _ = try $0.execute("DELETE FROM manifest") }
    try await cloud.pass(seconds: 1)
    try await cloud.isCleanSlate()
  }

  /// Absence never deletes: a manifest whose server is unknown is left as it is.
  @Test func aManifestOfAnUnknownServerIsLeftAlone() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    try await cloud.store.write { tx in
      _ = try tx.execute("DELETE FROM server")
    }
    try await cloud.pass(seconds: 120)
    #expect(try await cloud.count("manifest WHERE object_id = '\(id)' AND tombstone = 0") == 1)
  }

  @Test func bytesThatAreGoneAreSaid() async throws {
    let cloud = try await Fixture()
    let id = try await cloud.running()
    try await cloud.store.write { tx in
      try tx.execute("DELETE FROM fake_pin")
      try tx.execute("DELETE FROM fake_image")
    }
    for _ in 0..<3 { try await cloud.pass(seconds: 1) }
    #expect(try await cloud.count("server WHERE condition_type = 'ImageBytesMissing'") == 1)
    #expect(await cloud.status(id) == "ACTIVE")
    #expect(await cloud.send("DELETE", "/v2.1/servers/\(id)").status == 204)
    try await cloud.observeRemoved(id)
    try await cloud.isCleanSlate()
  }
}
