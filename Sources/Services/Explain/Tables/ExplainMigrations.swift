import Store

/// The tables of the explain service.
enum ExplainMigrations {
  static let all = [
    Migration(
      room: "explain", number: 1, .expand,
      [
        """
        CREATE TABLE request_log (
          number INTEGER PRIMARY KEY AUTOINCREMENT, request_id TEXT NOT NULL, global_request_id TEXT,
          method TEXT NOT NULL, path TEXT NOT NULL, user_id TEXT NOT NULL, user_name TEXT NOT NULL, project_id TEXT,
          project_name TEXT, as_admin INTEGER NOT NULL, began INTEGER NOT NULL, microseconds INTEGER NOT NULL,
          status INTEGER NOT NULL)
        """,
        "CREATE INDEX request_log_request ON request_log (request_id)",
        "CREATE INDEX request_log_global ON request_log (global_request_id) WHERE global_request_id IS NOT NULL",
        // Which requests speak of an object: by its id in their path or in their answer.
        """
        CREATE TABLE request_subject (
          object_id TEXT NOT NULL, number INTEGER NOT NULL, made INTEGER NOT NULL, PRIMARY KEY (object_id, number))
        """,
        "CREATE INDEX request_subject_number ON request_subject (number)",
        // What each node says of each object it was asked to hold, as it was said last.
        """
        CREATE TABLE sight (
          node_id TEXT NOT NULL, kind TEXT NOT NULL, object_id TEXT NOT NULL, generation INTEGER NOT NULL,
          ready INTEGER NOT NULL, condition_type TEXT, condition_message TEXT, condition_since INTEGER,
          condition_attempts INTEGER, at INTEGER NOT NULL, PRIMARY KEY (node_id, kind, object_id))
        """,
        "CREATE INDEX sight_object ON sight (kind, object_id)",
        """
        CREATE TABLE step_count (
          step TEXT PRIMARY KEY, taken INTEGER NOT NULL, failed INTEGER NOT NULL, microseconds INTEGER NOT NULL)
        """,
      ]),
    // Logins and refusals, and what an audit asks for.
    Migration(
      room: "explain", number: 2, .expand,
      [
        "ALTER TABLE request_log ADD COLUMN kind TEXT NOT NULL DEFAULT 'change'",
        "ALTER TABLE request_log ADD COLUMN times INTEGER NOT NULL DEFAULT 1",
        "ALTER TABLE request_log ADD COLUMN trace_id TEXT",
        "ALTER TABLE request_log ADD COLUMN service TEXT",
        "ALTER TABLE request_log ADD COLUMN route TEXT",
        "ALTER TABLE request_log ADD COLUMN permission TEXT",
        "ALTER TABLE request_log ADD COLUMN address TEXT",
        "ALTER TABLE request_log ADD COLUMN agent TEXT",
        "ALTER TABLE request_log ADD COLUMN target_id TEXT",
        "CREATE INDEX request_log_kind ON request_log (kind, number)",
        "CREATE INDEX request_log_user ON request_log (user_id, number)",
        "CREATE INDEX request_log_target ON request_log (target_id, number)",
      ]),
    // What a request changed of access (JSON), and with what roles and scope it was asked.
    Migration(
      room: "explain", number: 3, .expand,
      [
        "ALTER TABLE request_log ADD COLUMN changes TEXT",
        "ALTER TABLE request_log ADD COLUMN roles TEXT",
        "ALTER TABLE request_log ADD COLUMN scope TEXT",
      ]),
  ]
}
