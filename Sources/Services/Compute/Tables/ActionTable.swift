import Kit
import Store

/// One thing that was done to a server, with its one event.
struct InstanceAction: Sendable {
  var serverID: String
  var requestID: String
  var action: String
  var projectID: String
  /// nil where the cloud itself did it.
  var userID: String?
  var host: String?
  var message: String?
  var startedAt: Timestamp
  var updatedAt: Timestamp
  var finishedAt: Timestamp?
  /// `Success` or `Error`; nil while it goes on.
  var result: String?
  /// What went wrong, for people.
  var details: String?
}

/// What was done to servers: kept while the server lives, and `keepSeconds` after.
enum ActionTable {
  /// Actions kept of one server at the most: the oldest go.
  static let perServerMax = 500
  static let keepSeconds = 7.0 * 86400

  private static let columns = """
    server_id, request_id, action, project_id, user_id, host, message, started_at, updated_at, finished_at, result,
    details
    """

  private static func decode(_ row: any Row) -> InstanceAction {
    InstanceAction(
      serverID: row.text(0), requestID: row.text(1), action: row.text(2), projectID: row.text(3),
      userID: row.textOrNil(4), host: row.textOrNil(5), message: row.textOrNil(6), startedAt: row.time(7),
      updatedAt: row.time(8), finishedAt: row.timeOrNil(9), result: row.textOrNil(10), details: row.textOrNil(11))
  }

  static func begin(
    _ tx: Transaction, _ server: Server, _ action: String, requestID: String, userID: String?,
    message: String? = nil
  ) throws {
    let now = Timestamp.now()
    try tx.execute(
      """
      INSERT INTO instance_action (server_id, request_id, action, project_id, user_id, host, message, started_at,
        updated_at)
      VALUES (\(server.id), \(requestID), \(action), \(server.projectID), \(userID), \(server.host), \(message),
        \(now), \(now))
      ON CONFLICT (server_id, request_id) DO NOTHING
      """)
    try tx.execute(
      """
      DELETE FROM instance_action WHERE server_id = \(server.id) AND request_id IN (
        SELECT request_id FROM instance_action WHERE server_id = \(server.id)
        ORDER BY started_at DESC, request_id DESC LIMIT 1000 OFFSET \(perServerMax))
      """)
  }

  /// Ends an action; `error` nil means it went well.
  static func finish(_ tx: Transaction, server: String, requestID: String, error: String?) throws {
    let now = Timestamp.now()
    let message: String? = error == nil ? nil : "Error"
    try tx.execute(
      """
      UPDATE instance_action SET finished_at = \(now), updated_at = \(now),
        result = \(error == nil ? "Success" : "Error"), details = \(error), message = COALESCE(\(message), message)
      WHERE server_id = \(server) AND request_id = \(requestID) AND finished_at IS NULL
      """)
  }

  /// Says of an action that goes on what it meets.
  static func note(_ tx: Transaction, server: String, requestID: String, details: String?) throws {
    try tx.execute(
      """
      UPDATE instance_action SET details = \(details), updated_at = \(Timestamp.now())
      WHERE server_id = \(server) AND request_id = \(requestID) AND finished_at IS NULL
      """)
  }

  /// An action that is done as it is recorded.
  static func record(
    _ tx: Transaction, _ server: Server, _ action: String, requestID: String, userID: String?
  ) throws {
    try begin(tx, server, action, requestID: requestID, userID: userID)
    try finish(tx, server: server.id, requestID: requestID, error: nil)
  }

  static func find(_ tx: Transaction, server: String, requestID: String) throws -> InstanceAction? {
    try tx.first(
      "SELECT \(raw: columns) FROM instance_action WHERE server_id = \(server) AND request_id = \(requestID)", decode)
  }

  /// Newest first, after `marker`.
  static func list(
    _ tx: Transaction, server: String, after marker: InstanceAction?, since: Timestamp?, before: Timestamp?, limit: Int
  ) throws -> [InstanceAction] {
    var conditions: [SQL] = ["server_id = \(server)"]
    if let marker {
      conditions.append(
        """
        (started_at < \(marker.startedAt) OR started_at = \(marker.startedAt) AND request_id < \(marker.requestID))
        """)
    }
    if let since { conditions.append("updated_at >= \(since)") }
    if let before { conditions.append("updated_at <= \(before)") }
    return try tx.query(
      """
      SELECT \(raw: columns) FROM instance_action \(SQL.whereAll(conditions))
      ORDER BY started_at DESC, request_id DESC LIMIT \(limit)
      """, decode)
  }

  /// Whose server it was, of one that is gone.
  static func projectOfGone(_ tx: Transaction, server: String) throws -> String? {
    try tx.first("SELECT project_id FROM instance_action WHERE server_id = \(server) LIMIT 1") { $0.text(0) }
  }

  /// Drops old actions of servers that are gone, at most `limit`.
  static func compact(_ tx: Transaction, before: Timestamp, limit: Int) throws {
    try tx.execute(
      """
      DELETE FROM instance_action WHERE server_id IN (
        SELECT a.server_id FROM instance_action a LEFT JOIN server s ON s.id = a.server_id
        WHERE s.id IS NULL AND a.updated_at < \(before) LIMIT \(limit))
        AND updated_at < \(before)
      """)
  }
}
