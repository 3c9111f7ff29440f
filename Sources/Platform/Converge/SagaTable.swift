import Kit
public import Store

/// Sagas as they are stored.
public enum SagaTable {
  public static let migrations = [
    Migration(
      room: "converge", number: 1, .expand,
      [
        """
        CREATE TABLE saga (
          id TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, request_id TEXT NOT NULL, user_id TEXT,
          state TEXT NOT NULL, step INTEGER NOT NULL, input TEXT NOT NULL, began INTEGER NOT NULL,
          elapsed_ms INTEGER NOT NULL, attempts INTEGER NOT NULL, retry_at_ms INTEGER NOT NULL, waiting_for TEXT,
          error TEXT)
        """,
        "CREATE INDEX saga_state ON saga (state, id)",
        "CREATE INDEX saga_subject ON saga (subject)",
      ])
  ]

  /// The kind under which the feed tells that a saga moved.
  public static let changeKind = "saga"
  /// Sagas at their end that are kept for those who ask; the oldest go.
  static let endedMax = 1000

  private static let columns = """
    id, kind, subject, request_id, user_id, state, step, input, began, elapsed_ms, attempts, retry_at_ms, waiting_for,
    error
    """

  private static func decode(_ row: any Row) -> Saga {
    Saga(
      id: row.text(0), kind: row.text(1), subject: row.text(2), requestID: row.text(3), userID: row.textOrNil(4),
      state: Saga.State(rawValue: row.text(5)) ?? .failed, step: row.int(6), input: row.text(7), began: row.time(8),
      elapsedMs: row.int(9), attempts: row.int(10), retryAtMs: row.int(11), waitingFor: row.textOrNil(12),
      error: row.textOrNil(13))
  }

  public static func find(_ tx: Transaction, id: String) throws -> Saga? {
    try tx.first("SELECT \(raw: columns) FROM saga WHERE id = \(id)", decode)
  }

  /// The sagas of a subject, at most `endedMax`, the latest first.
  public static func list(_ tx: Transaction, subject: String) throws -> [Saga] {
    try tx.query(
      "SELECT \(raw: columns) FROM saga WHERE subject = \(subject) ORDER BY began DESC, id LIMIT \(endedMax)", decode)
  }

  /// Those of a subject that have not ended.
  public static func open(_ tx: Transaction, subject: String) throws -> [Saga] {
    try tx.query(
      """
      SELECT \(raw: columns) FROM saga WHERE subject = \(subject) AND state IN ('forward', 'unwinding')
      ORDER BY began, id
      """, decode)
  }

  /// Ids of those that have not ended, after `id`.
  static func openIDs(_ tx: Transaction, after id: String, limit: Int) throws -> [String] {
    try tx.query(
      """
      SELECT id FROM saga WHERE state IN ('forward', 'unwinding') AND id > \(id) ORDER BY id LIMIT \(limit)
      """
    ) { $0.text(0) }
  }

  static func insert(_ tx: Transaction, _ saga: Saga) throws {
    try tx.execute(
      """
      INSERT INTO saga (id, kind, subject, request_id, user_id, state, step, input, began, elapsed_ms, attempts,
        retry_at_ms, waiting_for, error)
      VALUES (\(saga.id), \(saga.kind), \(saga.subject), \(saga.requestID), \(saga.userID), \(saga.state.rawValue),
        \(saga.step), \(saga.input), \(saga.began), \(saga.elapsedMs), \(saga.attempts), \(saga.retryAtMs),
        \(saga.waitingFor), \(saga.error))
      """)
    try tx.change(changeKind, saga.id)
  }

  /// Stores where it stands; its time is counted by `count` alone.
  static func save(_ tx: Transaction, _ saga: Saga) throws {
    try tx.execute(
      """
      UPDATE saga SET state = \(saga.state.rawValue), step = \(saga.step), input = \(saga.input),
        attempts = \(saga.attempts), retry_at_ms = \(saga.retryAtMs), waiting_for = \(saga.waitingFor),
        error = \(saga.error)
      WHERE id = \(saga.id)
      """)
    try tx.change(changeKind, saga.id)
  }

  /// Adds to the time of all that have not ended.
  static func count(_ tx: Transaction, milliseconds: Int) throws {
    try tx.execute(
      "UPDATE saga SET elapsed_ms = elapsed_ms + \(milliseconds) WHERE state IN ('forward', 'unwinding')")
  }

  /// Ends a saga without unwinding: whoever calls this puts right, in the same transaction, what it was about.
  public static func supersede(_ tx: Transaction, _ saga: Saga, reason: String) throws {
    var saga = saga
    saga.state = .failed
    saga.waitingFor = nil
    saga.error = reason
    try save(tx, saga)
  }

  static func hasTooMany(_ tx: Transaction) throws -> Bool {
    try tx.exists("SELECT 1 FROM saga WHERE state IN ('done', 'failed') LIMIT 1 OFFSET \(endedMax)")
  }

  static func compact(_ tx: Transaction) throws {
    try tx.execute(
      """
      DELETE FROM saga WHERE id IN (
        SELECT id FROM saga WHERE state IN ('done', 'failed') ORDER BY began DESC, id LIMIT 1000 OFFSET \(endedMax))
      """)
  }
}
