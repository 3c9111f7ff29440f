import Kit
import NodeLink
import Store

/// Addresses and MACs that a host may still use though the cloud asks for them no more: their port was deleted, taken
/// off its server or given others, and the host has not said yet that it has done so. It may be dead or cut off, with a
/// guest that runs on. Nobody else gets them until then.
enum HeldAddressTable {
  static let migration = Migration(
    room: "networks", number: 2, .expand,
    [
      // `held` is an address or a MAC; the generation is the manifest's that asks for it no more.
      """
      CREATE TABLE held_address (
        network_id TEXT NOT NULL, held TEXT NOT NULL, node_id TEXT NOT NULL, port_id TEXT NOT NULL,
        generation INTEGER NOT NULL, PRIMARY KEY (network_id, held, node_id, port_id))
      """,
      "CREATE INDEX held_address_port ON held_address (port_id)",
      "CREATE INDEX held_address_node ON held_address (node_id)",
    ])

  /// Notes what a node no longer is asked to use for a port, from this generation of it on.
  static func hold(
    _ tx: Transaction, _ held: Set<String>, of port: PortSpec, node: String, generation: Int64
  ) throws {
    for name in held.sorted() {
      try tx.execute(
        """
        INSERT INTO held_address (network_id, held, node_id, port_id, generation)
        VALUES (\(port.networkID), \(name), \(node), \(port.id), \(generation))
        ON CONFLICT (network_id, held, node_id, port_id) DO UPDATE SET generation = excluded.generation
        """)
    }
  }

  /// The node has done what this generation of a port, or its tombstone, asks.
  static func release(_ tx: Transaction, node: String, portID: String, upTo generation: Int64) throws {
    try tx.execute(
      "DELETE FROM held_address WHERE port_id = \(portID) AND node_id = \(node) AND generation <= \(generation)")
  }

  /// The operator's word that nothing runs on the node any more.
  static func release(_ tx: Transaction, node: String) throws {
    try tx.execute("DELETE FROM held_address WHERE node_id = \(node)")
  }

  /// Drops what no host is asked to do anything about any more.
  static func dropForgotten(_ tx: Transaction) throws {
    try tx.execute(
      """
      DELETE FROM held_address WHERE NOT EXISTS (
        SELECT 1 FROM manifest m WHERE m.node_id = held_address.node_id AND m.kind = \(ObjectKind.port.rawValue)
          AND m.object_id = held_address.port_id)
      """)
  }

  /// Whether a host may still use the address or MAC for another port than this one.
  static func isHeld(_ tx: Transaction, _ held: String, network: String, except portID: String?) throws -> Bool {
    try tx.exists(
      """
      SELECT 1 FROM held_address
      WHERE network_id = \(network) AND held = \(held) AND port_id <> \(portID ?? "") LIMIT 1
      """)
  }

  /// Whether a node other than this one may still wire the port.
  static func isWiredElsewhere(_ tx: Transaction, portID: String, than node: String) throws -> Bool {
    try tx.exists("SELECT 1 FROM held_address WHERE port_id = \(portID) AND node_id <> \(node) LIMIT 1")
  }
}

extension PortSpec {
  /// What nobody else on the network may use while a host does.
  var taken: Set<String> { Set(fixedIPs.map(\.address) + [mac]) }
}
