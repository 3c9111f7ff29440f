import Kit
import NodeLink
import Store

/// The hosts that reported.
enum HostTable {
  /// `seen_at` is written at most so often, in seconds.
  private static let seenSecondsMin = 10.0

  private static let columns = """
    node_id, number, hostname, hypervisor_version, cpu_model, accelerator, disk_free_gib, disabled, disabled_reason,
    forced_down, seen_at, updated_at
    """

  private static func decode(_ row: any Row) -> ComputeHost {
    ComputeHost(
      nodeID: row.text(0), number: row.int(1), hostname: row.text(2), hypervisorVersion: row.int(3),
      cpuModel: row.text(4), accelerator: row.text(5), diskFreeGiB: row.int(6), disabled: row.bool(7),
      disabledReason: row.textOrNil(8), forcedDown: row.bool(9), seenAt: row.time(10), updatedAt: row.time(11))
  }

  static func all(_ tx: Transaction) throws -> [ComputeHost] {
    try tx.query("SELECT \(raw: columns) FROM compute_host ORDER BY number", decode)
  }

  /// Those of the nodes named that are known.
  static func list(_ tx: Transaction, nodeIDs: Set<String>) throws -> [ComputeHost] {
    if nodeIDs.isEmpty { return [] }
    return try tx.query(
      "SELECT \(raw: columns) FROM compute_host WHERE node_id IN (\(list: nodeIDs.sorted()))", decode)
  }

  static func find(_ tx: Transaction, nodeID: String) throws -> ComputeHost? {
    try tx.first("SELECT \(raw: columns) FROM compute_host WHERE node_id = \(nodeID)", decode)
  }

  /// Takes in that the node was heard of, and what it says of itself.
  static func observe(_ tx: Transaction, node: String, facts: NodeFacts?) throws {
    let now = Timestamp.now()
    if let facts {
      let known = try tx.first("SELECT number FROM compute_host WHERE node_id = \(node)") { $0.int(0) }
      let number = try known ?? tx.count("SELECT COALESCE(max(number), 0) FROM compute_host") + 1
      try tx.execute(
        """
        INSERT INTO compute_host (node_id, number, hostname, hypervisor_version, cpu_model, accelerator, disk_free_gib,
          disabled, forced_down, seen_at, updated_at)
        VALUES (\(node), \(number), \(facts.hostname), \(facts.hypervisorVersion), \(facts.cpuModel),
          \(facts.accelerator), \(facts.diskFreeGiB), 0, 0, \(now), \(now))
        ON CONFLICT (node_id) DO UPDATE SET hostname = excluded.hostname,
          hypervisor_version = excluded.hypervisor_version, cpu_model = excluded.cpu_model,
          accelerator = excluded.accelerator, disk_free_gib = excluded.disk_free_gib, seen_at = excluded.seen_at
        """)
    }
    try tx.execute(
      """
      UPDATE compute_host SET seen_at = \(now)
      WHERE node_id = \(node) AND (seen_at < \(now.adding(seconds: -seenSecondsMin)) OR seen_at > \(now))
      """)
  }

  static func setEnabled(_ tx: Transaction, nodeID: String, enabled: Bool, reason: String?) throws {
    try tx.execute(
      """
      UPDATE compute_host SET disabled = \(!enabled), disabled_reason = \(enabled ? nil : reason),
        updated_at = \(Timestamp.now()) WHERE node_id = \(nodeID)
      """)
  }

  static func setForcedDown(_ tx: Transaction, nodeID: String, _ down: Bool) throws {
    try tx.execute(
      "UPDATE compute_host SET forced_down = \(down), updated_at = \(Timestamp.now()) WHERE node_id = \(nodeID)")
  }
}
