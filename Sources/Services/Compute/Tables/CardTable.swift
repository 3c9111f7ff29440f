import NodeLink
import Store

/// A server's network cards: the PCI slot each got at its first attach, kept for its life.
enum CardTable {
  /// The others are the hypervisor's own.
  static let slots = ServerSpec.NIC.slots

  struct Card: Sendable {
    var portID: String
    var slot: Int
    /// Asked to go, and still in the guest.
    var detaching: Bool
  }

  static func cards(_ tx: Transaction, server id: String) throws -> [Card] {
    try tx.query(
      "SELECT port_id, slot, detaching FROM server_card WHERE server_id = \(id) ORDER BY slot"
    ) { Card(portID: $0.text(0), slot: $0.int(1), detaching: $0.bool(2)) }
  }

  /// Gives a port the lowest free slot; the one it has where it has one. nil where all are taken.
  static func add(_ tx: Transaction, server id: String, port: String) throws -> Int? {
    let cards = try cards(tx, server: id)
    if let known = cards.first(where: { $0.portID == port }) { return known.slot }
    let taken = Set(cards.map(\.slot))
    guard let slot = slots.first(where: { !taken.contains($0) }) else { return nil }
    try tx.execute("INSERT INTO server_card (server_id, port_id, slot) VALUES (\(id), \(port), \(slot))")
    return slot
  }

  /// A card that is on its way out is not in the manifest, and users do not see it.
  static func setDetaching(_ tx: Transaction, server id: String, port: String, _ detaching: Bool) throws {
    try tx.execute("UPDATE server_card SET detaching = \(detaching) WHERE server_id = \(id) AND port_id = \(port)")
    try tx.change(ServerTable.changeKind, id)
  }

  static func remove(_ tx: Transaction, server id: String, ports: [String]) throws {
    try tx.execute("DELETE FROM server_card WHERE server_id = \(id) AND port_id IN (\(list: ports))")
    try tx.change(ServerTable.changeKind, id)
  }

  /// Ports on their way out, of all servers: there are never many.
  static func detaching(_ tx: Transaction) throws -> Set<String> {
    Set(try tx.query("SELECT port_id FROM server_card WHERE detaching = 1") { $0.text(0) })
  }
}
