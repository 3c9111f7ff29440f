import Store

/// Which control process speaks to each node, where several share a store: the socket it serves is its name.
enum NodeStreamTable {
  static let migrations = [
    Migration(
      room: "nodelink", number: 4, .expand,
      ["CREATE TABLE node_stream (node_id TEXT PRIMARY KEY, place TEXT NOT NULL)"])
  ]

  /// The node's stream is this control's from now on.
  static func put(_ tx: Transaction, _ node: String, place: String) throws {
    if try find(tx, node) == place { return }
    try tx.execute(
      """
      INSERT INTO node_stream (node_id, place) VALUES (\(node), \(place))
      ON CONFLICT (node_id) DO UPDATE SET place = excluded.place
      """)
  }

  /// The stream ended; nothing happens where another control has the node by now.
  static func remove(_ tx: Transaction, _ node: String, place: String) throws {
    try tx.execute("DELETE FROM node_stream WHERE node_id = \(node) AND place = \(place)")
  }

  /// The socket of the control that has the node's stream, or had it when it was killed; nil where none has.
  static func find(_ tx: Transaction, _ node: String) throws -> String? {
    try tx.first("SELECT place FROM node_stream WHERE node_id = \(node)") { $0.text(0) }
  }
}
