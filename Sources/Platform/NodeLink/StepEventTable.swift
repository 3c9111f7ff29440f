public import Store

/// What the nodes did, step by step: the newest of each object, for `explain`. It outlives the object.
public enum StepEventTable {
  /// Kept of one object.
  public static let perObjectMax = 200
  /// Kept in all.
  public static let rowsMax = 200_000

  /// A step, and where it was taken.
  public struct Entry: Sendable {
    public var nodeID: String
    public var event: StepEvent
  }

  /// The steps taken for an object, oldest first, at most `perObjectMax`.
  public static func events(_ tx: Transaction, of key: ObjectKey) throws -> [Entry] {
    try tx.query(
      """
      SELECT node_id, request_id, step, began, ended, error FROM step_event
      WHERE kind = \(key.kind.rawValue) AND object_id = \(key.id) ORDER BY number LIMIT \(perObjectMax)
      """
    ) { row in
      Entry(
        nodeID: row.text(0),
        event: StepEvent(
          key: key, requestID: row.textOrNil(1), step: row.text(2), began: row.time(3), ended: row.time(4),
          error: row.textOrNil(5)))
    }
  }

  static func append(_ tx: Transaction, node: String, _ events: [StepEvent]) throws {
    guard !events.isEmpty else { return }
    for event in events {
      try tx.execute(
        """
        INSERT INTO step_event (node_id, kind, object_id, request_id, step, began, ended, error)
        VALUES (\(node), \(event.key.kind.rawValue), \(event.key.id), \(event.requestID), \(event.step),
          \(event.began), \(event.ended), \(event.error))
        """)
    }
    for key in Set(events.map(\.key)) {
      try tx.execute(
        """
        DELETE FROM step_event WHERE kind = \(key.kind.rawValue) AND object_id = \(key.id) AND number <= (
          SELECT number FROM step_event WHERE kind = \(key.kind.rawValue) AND object_id = \(key.id)
          ORDER BY number DESC LIMIT 1 OFFSET \(perObjectMax))
        """)
    }
    let newest = try tx.count("SELECT max(number) FROM step_event")
    try tx.execute("DELETE FROM step_event WHERE number <= \(newest - rowsMax)")
  }
}
