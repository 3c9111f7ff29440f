import Kit
import NodeLink
import Store
import Testing

/// Every ledger against what it counts: nothing may differ, whatever has just happened.
extension Fixture {
  func ledgersAgree(_ sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let complaints = try await store.read { tx in
      try Self.claims(tx) + Self.ports(tx) + Self.cards(tx) + Self.manifest(tx) + Self.actions(tx)
    }
    #expect(complaints.isEmpty, sourceLocation: sourceLocation)
    for project in ["alice", "bob"] {
      let used = await get("/v2.1/limits", as: project)["limits"]?["absolute"]
      let real = try await store.read { tx in
        try tx.first(
          "SELECT count(*), COALESCE(sum(vcpus), 0), COALESCE(sum(memory_mib), 0) FROM server WHERE project_id = \(project)"
        ) { [$0.int(0), $0.int(1), $0.int(2)] }
      }
      let shown = ["totalInstancesUsed", "totalCoresUsed", "totalRAMUsed"].map { used?[$0]?.int }
      #expect(shown == real, "quota of \(project)", sourceLocation: sourceLocation)
    }
  }

  /// Nothing is left of any server but the records of what was done.
  func isCleanSlate(_ sourceLocation: SourceLocation = #_sourceLocation) async throws {
    try await ledgersAgree(sourceLocation)
    for table in ["server", "server_tag", "server_card", "fake_claim", "fake_pin", "manifest"] {
      #expect(try await count(table) == 0, "\(table)", sourceLocation: sourceLocation)
    }
    #expect(try await count("fake_port WHERE made = 1 OR server_id IS NOT NULL") == 0, sourceLocation: sourceLocation)
    #expect(try await count("saga WHERE state IN ('forward', 'unwinding')") == 0, sourceLocation: sourceLocation)
    #expect(try await count("instance_action WHERE finished_at IS NULL") == 0, sourceLocation: sourceLocation)
  }

  /// Whether the same rows come from both sides.
  private static func compare(_ tx: Transaction, _ what: String, _ asked: SQL, _ found: SQL) throws -> [String] {
    let left = Set(try tx.query(asked) { $0.text(0) })
    let right = Set(try tx.query(found) { $0.text(0) })
    return left.subtracting(right).map { "\(what) missing: \($0)" }
      + right.subtracting(left).map { "\(what) left: \($0)" }
  }

  private static func claims(_ tx: Transaction) throws -> [String] {
    try compare(
      tx, "claim",
      """
      SELECT id || node_id || '/' || vcpus || '/' || memory_mib || '/' || ((root_disk_bytes + 1073741823) / 1073741824)
      FROM server WHERE node_id IS NOT NULL
      """, "SELECT server_id || node_id || '/' || vcpus || '/' || memory_mib || '/' || disk_gib FROM fake_claim")
      + compare(
        tx, "pin", "SELECT 'server/' || id || base_digest FROM server WHERE node_id IS NOT NULL",
        "SELECT holder || digest FROM fake_pin")
  }

  private static func ports(_ tx: Transaction) throws -> [String] {
    try tx.query(
      """
      SELECT p.id FROM fake_port p LEFT JOIN server s ON s.id = p.server_id
      WHERE p.server_id IS NOT NULL AND (s.id IS NULL OR COALESCE(s.node_id, '') <> COALESCE(p.node_id, ''))
        OR p.server_id IS NULL AND (p.made = 1 OR p.node_id IS NOT NULL)
      """
    ) { "port astray: \($0.text(0))" }
  }

  private static func cards(_ tx: Transaction) throws -> [String] {
    try compare(
      tx, "card",
      """
      SELECT p.server_id || p.id FROM fake_port p JOIN server s ON s.id = p.server_id
      WHERE s.node_id IS NOT NULL AND (s.deleting = 0 OR EXISTS (SELECT 1 FROM server_card c WHERE c.port_id = p.id))
      """, "SELECT server_id || port_id FROM server_card")
      + tx.query("SELECT server_id FROM server_card GROUP BY server_id, slot HAVING count(*) > 1") {
        "two cards in a slot: \($0.text(0))"
      }
      + tx.query(
        """
        SELECT c.port_id FROM server_card c JOIN server s ON s.id = c.server_id
        WHERE c.detaching = 1 AND s.deleting = 0 AND NOT EXISTS (SELECT 1 FROM saga
          WHERE state IN ('forward', 'unwinding') AND subject = c.server_id AND input LIKE '%' || c.port_id || '%')
        """
      ) { "card on its way out that nobody sees to: \($0.text(0))" }
  }

  private static func manifest(_ tx: Transaction) throws -> [String] {
    try compare(
      tx, "manifest", "SELECT id || node_id || deleting FROM server WHERE node_id IS NOT NULL",
      "SELECT object_id || node_id || tombstone FROM manifest WHERE kind = 'server'")
      + tx.query(
        """
        SELECT m.object_id, m.spec,
          (SELECT count(*) FROM server_card c WHERE c.server_id = m.object_id AND c.detaching = 0)
        FROM manifest m WHERE m.tombstone = 0 AND m.kind = 'server'
        """
      ) { row in
        try nics(row.text(1)) == row.int(2) ? [] : ["manifest with other cards: \(row.text(0))"]
      }.flatMap { $0 }
  }

  /// How many network cards a server's spec tells of.
  static func nics(_ spec: String) throws -> Int {
    try JSONValue(parsing: spec)["server"]?["_0"]?["nics"]?.array?.count ?? 0
  }

  /// What goes on is recorded as going on, and nothing else is.
  private static func actions(_ tx: Transaction) throws -> [String] {
    try compare(
      tx, "open action",
      """
      SELECT id || action_request_id FROM server WHERE action IS NOT NULL
      UNION SELECT subject || request_id FROM saga WHERE state IN ('forward', 'unwinding')
      UNION SELECT server_id || request_id FROM instance_action a JOIN server s ON s.id = a.server_id
        WHERE a.action = 'delete' AND s.deleting = 1
      """, "SELECT server_id || request_id FROM instance_action WHERE finished_at IS NULL")
      + tx.query(
        """
        SELECT g.subject FROM saga g LEFT JOIN server s ON s.id = g.subject
        WHERE g.state IN ('forward', 'unwinding') AND (s.id IS NULL OR s.deleting = 1)
        """
      ) { "saga of a server that goes: \($0.text(0))" }
      + tx.query(
        "SELECT id FROM server WHERE status = 'ERROR' AND (fault_message IS NULL OR fault_details IS NULL)"
      ) { "error without a fault: \($0.text(0))" }
  }
}
