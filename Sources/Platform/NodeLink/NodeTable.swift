import Foundation
public import Kit
public import Store

/// The hosts that have spoken to this cloud: one row each, which also carries how fresh everything of theirs is.
public enum NodeTable {
  /// A node that was not heard for so long is down, in seconds.
  public static let downAfterSeconds = 30

  /// The kind under which the feed tells that a node came, went, or has other facts.
  public static let changeKind = "node"

  public static let migrations = [
    Migration(
      room: "nodelink", number: 2, .expand,
      [
        """
        CREATE TABLE node (
          node_id TEXT PRIMARY KEY, hostname TEXT NOT NULL, facts TEXT NOT NULL, up INTEGER NOT NULL,
          first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL)
        """,
        """
        CREATE TABLE step_event (
          number INTEGER PRIMARY KEY AUTOINCREMENT, node_id TEXT NOT NULL, kind TEXT NOT NULL,
          object_id TEXT NOT NULL, request_id TEXT, step TEXT NOT NULL, began INTEGER NOT NULL, ended INTEGER NOT NULL,
          error TEXT)
        """,
        "CREATE INDEX step_event_object ON step_event (kind, object_id, number)",
      ])
  ]

  /// One host.
  public struct Node: Sendable {
    public var id: String
    public var facts: NodeFacts
    /// Whether it was heard of lately; `lastSeen` is for show only, for the host's clock may be stepped.
    public var up: Bool
    public var firstSeen: Timestamp
    public var lastSeen: Timestamp
  }

  /// Every node, by id.
  public static func all(_ tx: Transaction) throws -> [Node] {
    try tx.query("SELECT node_id, facts, up, first_seen, last_seen FROM node ORDER BY node_id", decode)
  }

  /// One node; nil where none of that id ever spoke.
  public static func find(_ tx: Transaction, _ id: String) throws -> Node? {
    try tx.first("SELECT node_id, facts, up, first_seen, last_seen FROM node WHERE node_id = \(id)", decode)
  }

  private static func decode(_ row: any Row) throws -> Node {
    Node(
      id: row.text(0), facts: try JSONDecoder().decode(NodeFacts.self, from: Data(row.text(1).utf8)), up: row.bool(2),
      firstSeen: row.time(3), lastSeen: row.time(4))
  }

  /// A node was heard. The feed carries it only where the node is new, came back, or its facts changed.
  static func heard(_ tx: Transaction, _ id: String, facts: NodeFacts?, at now: Timestamp) throws {
    var text: String?
    if let facts {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      text = String(decoding: try encoder.encode(facts), as: UTF8.self)
    }
    let old = try tx.first("SELECT facts, up FROM node WHERE node_id = \(id)") { ($0.text(0), $0.bool(1)) }
    if let old {
      try tx.execute("UPDATE node SET last_seen = \(now), up = 1 WHERE node_id = \(id)")
      guard !old.1 || (text != nil && text != old.0) else { return }
    } else if facts == nil {
      return
    }
    if let facts, let text {
      try tx.execute(
        """
        INSERT INTO node (node_id, hostname, facts, up, first_seen, last_seen)
        VALUES (\(id), \(facts.hostname), \(text), 1, \(now), \(now))
        ON CONFLICT (node_id) DO UPDATE SET hostname = excluded.hostname, facts = excluded.facts
        """)
    }
    try tx.change(changeKind, id)
  }

  /// Ids of the nodes that are marked up, each with when it was heard last as its row says.
  static func up(_ tx: Transaction) throws -> [(id: String, lastSeen: Timestamp)] {
    try tx.query("SELECT node_id, last_seen FROM node WHERE up = 1 ORDER BY node_id") { ($0.text(0), $0.time(1)) }
  }

  /// Marks a node down, and says so in the feed. Nothing happens where it was heard since `lastSeen`.
  static func markDown(_ tx: Transaction, _ id: String, lastSeen: Timestamp) throws {
    let marked = try tx.execute("UPDATE node SET up = 0 WHERE node_id = \(id) AND up = 1 AND last_seen = \(lastSeen)")
    if marked > 0 { try tx.change(changeKind, id) }
  }
}
