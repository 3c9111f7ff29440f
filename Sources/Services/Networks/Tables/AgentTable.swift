import Kit
import Store

/// The nodes this service has heard of.
struct NetworkAgent: Sendable {
  /// Without a word for so long a node counts as dead, in seconds.
  static let silenceSecondsMax = 60.0

  var nodeID: String
  var hostname: String
  var createdAt: Timestamp
  var lastSeen: Timestamp

  var isAlive: Bool { Timestamp.now().seconds(since: lastSeen) < Self.silenceSecondsMax }
}

enum AgentTable {
  /// How old a row may grow before a heartbeat is written, in seconds.
  static let freshnessSeconds = 5.0

  static func all(_ tx: Transaction) throws -> [NetworkAgent] {
    try tx.query(
      "SELECT node_id, hostname, created_at, last_seen FROM network_agent ORDER BY created_at, node_id"
    ) {
      NetworkAgent(nodeID: $0.text(0), hostname: $0.text(1), createdAt: $0.time(2), lastSeen: $0.time(3))
    }
  }

  static func nodeIDs(_ tx: Transaction) throws -> [String] { try all(tx).map(\.nodeID) }

  /// Notes that a node spoke; true where it was not known before.
  static func heard(_ tx: Transaction, node: String, hostname: String?, now: Timestamp) throws -> Bool {
    let known = try tx.first("SELECT hostname, last_seen FROM network_agent WHERE node_id = \(node)") {
      ($0.text(0), $0.time(1))
    }
    guard let known else {
      try tx.execute(
        """
        INSERT INTO network_agent (node_id, hostname, created_at, last_seen)
        VALUES (\(node), \(hostname ?? node), \(now), \(now))
        """)
      return true
    }
    let renamed = hostname != nil && hostname != known.0
    // A moment still to come is of before the host's clock was stepped back.
    if renamed || abs(now.seconds(since: known.1)) >= freshnessSeconds {
      try tx.execute(
        """
        UPDATE network_agent SET last_seen = \(now), hostname = \(hostname ?? known.0) WHERE node_id = \(node)
        """)
    }
    return false
  }

  static func remove(_ tx: Transaction, node: String) throws {
    try tx.execute("DELETE FROM network_agent WHERE node_id = \(node)")
  }

  static func hostname(_ tx: Transaction, node: String) throws -> String {
    try tx.first("SELECT hostname FROM network_agent WHERE node_id = \(node)") { $0.text(0) } ?? node
  }
}
