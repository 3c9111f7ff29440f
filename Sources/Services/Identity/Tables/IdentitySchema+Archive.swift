extension IdentitySchema {
  /// What was deleted and can be restored. Its rows are kept one by one, so that a domain of many users is no single
  /// large document, and that a row can move to the entry of another thing that it belonged to.
  static let archive = [
    """
    CREATE TABLE identity_deleted (
      id TEXT PRIMARY KEY, kind TEXT NOT NULL, object_id TEXT NOT NULL, name TEXT NOT NULL, domain_id TEXT,
      deleted_at INTEGER NOT NULL, deleted_by TEXT, request_id TEXT, purge_after INTEGER NOT NULL)
    """,
    "CREATE INDEX identity_deleted_object ON identity_deleted (object_id)",
    "CREATE INDEX identity_deleted_name ON identity_deleted (kind, name)",
    "CREATE INDEX identity_deleted_purge ON identity_deleted (purge_after)",
    """
    CREATE TABLE identity_deleted_row (
      entry_id TEXT NOT NULL REFERENCES identity_deleted (id) ON DELETE CASCADE, ordinal INTEGER NOT NULL,
      table_name TEXT NOT NULL, row_key TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (entry_id, ordinal))
    """,
    "CREATE INDEX identity_deleted_row_key ON identity_deleted_row (table_name, row_key)",
    // When somebody last logged in as a user, or something by an application credential or EC2 key, to the minute. It
    // is not called identity_…: what is remembered of tokens stays good when it changes.
    """
    CREATE TABLE last_use (
      kind TEXT NOT NULL, object_id TEXT NOT NULL, used_at INTEGER NOT NULL, PRIMARY KEY (kind, object_id))
    """,
    "CREATE INDEX last_use_age ON last_use (used_at)",
  ]
}
