import Kit
import NodeLink
import Store

/// What each node says of each object it was asked to hold: whether it is as asked, and if not, why. Written only when
/// it changes.
enum SightTable {
  struct Sight: Sendable, Hashable {
    var nodeID: String
    /// The manifest generation it speaks of.
    var generation: Int64
    var ready: Bool
    var condition: Condition?
    /// When it became so.
    var at: Timestamp
  }

  private static let columns = """
    node_id, generation, ready, condition_type, condition_message, condition_since, condition_attempts, at
    """

  private static func decode(_ row: any Row) -> Sight {
    var condition: Condition?
    if let type = row.textOrNil(3) {
      condition = Condition(type: type, message: row.text(4), since: row.time(5), attempts: row.int(6))
    }
    return Sight(
      nodeID: row.text(0), generation: Int64(row.int(1)), ready: row.bool(2), condition: condition, at: row.time(7))
  }

  /// Takes in what a node saw.
  static func note(_ tx: Transaction, node: String, _ observations: [Observation], at now: Timestamp) throws {
    for observation in observations {
      let key = observation.key
      if observation.removed {
        try tx.execute(
          """
          DELETE FROM sight WHERE node_id = \(node) AND kind = \(key.kind.rawValue) AND object_id = \(key.id)
            AND generation <= \(observation.generation)
          """)
        continue
      }
      let new = Sight(
        nodeID: node, generation: observation.generation, ready: observation.ready, condition: observation.condition,
        at: now)
      if let old = try find(tx, node: node, key) {
        guard !same(old, new) else { continue }
      } else if try ManifestTable.find(tx, node: node, key) == nil {
        // Of what nobody asked for nothing is kept: it would never be taken away.
        continue
      }
      try put(tx, key, new)
    }
  }

  private static func same(_ old: Sight, _ new: Sight) -> Bool {
    old.generation == new.generation && old.ready == new.ready && old.condition == new.condition
  }

  private static func find(_ tx: Transaction, node: String, _ key: ObjectKey) throws -> Sight? {
    try tx.first(
      """
      SELECT \(raw: columns) FROM sight
      WHERE node_id = \(node) AND kind = \(key.kind.rawValue) AND object_id = \(key.id)
      """, decode)
  }

  private static func put(_ tx: Transaction, _ key: ObjectKey, _ sight: Sight) throws {
    try tx.execute(
      """
      INSERT INTO sight (node_id, kind, object_id, generation, ready, condition_type, condition_message,
        condition_since, condition_attempts, at)
      VALUES (\(sight.nodeID), \(key.kind.rawValue), \(key.id), \(sight.generation), \(sight.ready),
        \(sight.condition?.type), \(sight.condition?.message), \(sight.condition?.since), \(sight.condition?.attempts),
        \(sight.at))
      ON CONFLICT (node_id, kind, object_id) DO UPDATE SET generation = excluded.generation, ready = excluded.ready,
        condition_type = excluded.condition_type, condition_message = excluded.condition_message,
        condition_since = excluded.condition_since, condition_attempts = excluded.condition_attempts, at = excluded.at
      """)
  }

  /// What every node says of one object.
  static func of(_ tx: Transaction, _ key: ObjectKey) throws -> [Sight] {
    try tx.query(
      """
      SELECT \(raw: columns) FROM sight WHERE kind = \(key.kind.rawValue) AND object_id = \(key.id) ORDER BY node_id
      """, decode)
  }

  /// Objects of a node that are not as asked, oldest trouble first.
  static func troubled(
    _ tx: Transaction, node: String, limit: Int
  ) throws -> [(key: ObjectKey, condition: Condition)] {
    try tx.query(
      """
      SELECT kind, object_id, condition_type, condition_message, condition_since, condition_attempts FROM sight
      WHERE node_id = \(node) AND condition_type IS NOT NULL ORDER BY condition_since LIMIT \(limit)
      """
    ) { row in
      ObjectKind(rawValue: row.text(0)).map { kind in
        (
          ObjectKey(kind, row.text(1)),
          Condition(type: row.text(2), message: row.text(3), since: row.time(4), attempts: row.int(5))
        )
      }
    }.compactMap { $0 }
  }

  /// How many objects are as asked and how many are not, by kind.
  static func counts(_ tx: Transaction) throws -> [(kind: String, ready: Int, all: Int)] {
    try tx.query("SELECT kind, sum(ready), count(*) FROM sight GROUP BY kind ORDER BY kind") {
      ($0.text(0), $0.int(1), $0.int(2))
    }
  }
}
