import NodeLink

@testable import Store

/// What must hold at every moment, whatever fails.
struct Invariants {
  private let world: World

  init(_ world: World) { self.world = world }

  func all() {
    world.count("check")
    ledgers()
    guestsAreWhereTheyBelong()
    addressesAreUnique()
  }

  /// No guest runs twice, none runs without a server or on another host than its server's.
  func guestsAreWhereTheyBelong() {
    var seen: [String: SimulatedHost] = [:]
    for host in world.hosts {
      for guest in host.running {
        if let other = seen[guest.id] { world.fail("the server \(guest.id) runs on \(other.name) and on \(host.name)") }
        seen[guest.id] = host
      }
    }
    guard !seen.isEmpty, let rows = try? world.disk.read(Self.manifests) else { return }
    for (id, host) in seen.sorted(by: { $0.key < $1.key }) where rows[id] != host.id {
      world.fail("a guest of \(id) runs on \(host.name); its manifest is \(rows[id] ?? "nowhere")")
    }
  }

  /// Where each server may run: what is being deleted is still in its host's manifest.
  private static func manifests(_ tx: Transaction) throws -> [String: String] {
    let rows = try tx.query("SELECT object_id, node_id FROM manifest WHERE kind = 'server'") {
      ($0.text(0), $0.text(1))
    }
    return Dictionary(rows, uniquingKeysWith: { "\($0) and \($1)" })
  }

  /// No address and no MAC of a network is wired to two ports, on one host or on two; what was deleted counts for as
  /// long as its host has it.
  func addressesAreUnique() {
    var addresses: [String: String] = [:]
    var cards: [String: String] = [:]
    for host in world.hosts {
      for (id, port) in host.wired.sorted(by: { $0.key < $1.key }) {
        let place = "\(id) on \(host.name)"
        let names = port.fixedIPs.map { "\(port.networkID)/\($0.address)" }
        for name in names {
          if let other = addresses.updateValue(place, forKey: name) {
            world.fail("the address \(name) is wired to \(other) and to \(place)")
          }
        }
        if let other = cards.updateValue(place, forKey: "\(port.networkID)/\(port.mac)") {
          world.fail("the MAC \(port.mac) is wired to \(other) and to \(place)")
        }
      }
    }
  }

  /// Every ledger equals what it counts.
  func ledgers() {
    do {
      for complaint in try world.disk.read(Self.complaints) { world.fail(complaint) }
    } catch { world.fail("the ledgers cannot be read: \(error)") }
  }

  private static func complaints(_ tx: Transaction) throws -> [String] {
    try claims(tx) + ports(tx) + manifest(tx) + actions(tx) + quotas(tx)
  }

  private static func compare(_ tx: Transaction, _ what: String, _ asked: SQL, _ found: SQL) throws -> [String] {
    let left = Set(try tx.query(asked) { $0.text(0) })
    let right = Set(try tx.query(found) { $0.text(0) })
    return left.subtracting(right).sorted().map { "\(what) missing: \($0)" }
      + right.subtracting(left).sorted().map { "\(what) left: \($0)" }
  }

  private static func claims(_ tx: Transaction) throws -> [String] {
    try compare(
      tx, "allocation",
      """
      SELECT id || node_id || 'VCPU' || vcpus FROM server WHERE node_id IS NOT NULL
      UNION SELECT id || node_id || 'MEMORY_MB' || memory_mib FROM server WHERE node_id IS NOT NULL
      UNION SELECT id || node_id || 'DISK_GB' || ((root_disk_bytes + 1073741823) / 1073741824)
        FROM server WHERE node_id IS NOT NULL AND root_disk_bytes > 0
      """, "SELECT consumer || provider || class || used FROM allocation WHERE used > 0")
      + compare(
        tx, "pin", "SELECT 'server/' || id || base_digest FROM server WHERE node_id IS NOT NULL",
        "SELECT holder || digest FROM blob_pin WHERE holder LIKE 'server/%'")
      + tx.query(
        """
        SELECT a.provider || ' ' || a.class FROM allocation a JOIN inventory i ON i.provider = a.provider
          AND i.class = a.class GROUP BY a.provider, a.class, i.total, i.reserved, i.allocation_ratio
        HAVING sum(a.used) > (i.total - i.reserved) * i.allocation_ratio
        """
      ) { "more is allocated than is there: \($0.text(0))" }
  }

  private static func ports(_ tx: Transaction) throws -> [String] {
    try tx.query(
      """
      SELECT p.id FROM port p LEFT JOIN server s ON s.id = p.server_id
      WHERE p.server_id IS NOT NULL AND (s.id IS NULL OR COALESCE(s.node_id, '') <> COALESCE(p.node_id, ''))
        OR p.server_id IS NULL AND (p.made_for_server = 1 OR p.node_id IS NOT NULL)
      """
    ) { "port astray: \($0.text(0))" }
      + compare(
        tx, "card",
        """
        SELECT p.server_id || p.id FROM port p JOIN server s ON s.id = p.server_id
        WHERE s.node_id IS NOT NULL AND (s.deleting = 0 OR EXISTS (SELECT 1 FROM server_card c WHERE c.port_id = p.id))
        """,
        // A port that its owner deletes goes before a server that is being deleted; the card goes with the server.
        """
        SELECT c.server_id || c.port_id FROM server_card c JOIN server s ON s.id = c.server_id
        WHERE s.deleting = 0 OR EXISTS (SELECT 1 FROM port p WHERE p.id = c.port_id)
        """)
      + tx.query("SELECT server_id FROM server_card GROUP BY server_id, slot HAVING count(*) > 1") {
        "two cards in a slot: \($0.text(0))"
      }
      + tx.query(
        "SELECT address FROM port_address GROUP BY network_id, address HAVING count(*) > 1"
      ) { "an address twice: \($0.text(0))" }
      + tx.query("SELECT mac_address FROM port GROUP BY network_id, mac_address HAVING count(*) > 1") {
        "a MAC twice: \($0.text(0))"
      }
  }

  private static func manifest(_ tx: Transaction) throws -> [String] {
    try compare(
      tx, "manifest", "SELECT id || node_id || deleting FROM server WHERE node_id IS NOT NULL",
      "SELECT object_id || node_id || tombstone FROM manifest WHERE kind = 'server'")
      + tx.query(
        """
        SELECT m.object_id FROM manifest m WHERE m.kind = 'server' AND m.tombstone = 0
          AND json_array_length(m.spec, '$.server._0.nics') <>
            (SELECT count(*) FROM server_card c WHERE c.server_id = m.object_id AND c.detaching = 0)
        """
      ) { "manifest with other cards: \($0.text(0))" }
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
        "SELECT id FROM server WHERE status = 'ERROR' AND (fault_message IS NULL OR fault_details IS NULL)"
      ) { "error without a fault: \($0.text(0))" }
  }

  /// No project has more than it may have.
  private static func quotas(_ tx: Transaction) throws -> [String] {
    try tx.query(
      """
      SELECT s.project_id FROM server s JOIN compute_quota q ON q.project_id = s.project_id
        AND q.resource = 'instances' GROUP BY s.project_id, q.hard_limit HAVING count(*) > q.hard_limit
      """
    ) { "more servers than the quota allows: \($0.text(0))" }
  }
}
