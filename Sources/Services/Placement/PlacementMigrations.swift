import Store

/// The schema of the placement service.
enum PlacementMigrations {
  static let all = [
    Migration(
      room: "placement", number: 1,
      [
        """
        CREATE TABLE resource_provider (
          uuid TEXT PRIMARY KEY, name TEXT NOT NULL, generation INTEGER NOT NULL, enabled INTEGER NOT NULL,
          created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL)
        """,
        // Freshness: one row a node, apart from what changes rarely.
        """
        CREATE TABLE resource_provider_seen (
          provider TEXT PRIMARY KEY REFERENCES resource_provider (uuid) ON DELETE CASCADE, at INTEGER NOT NULL)
        """,
        """
        CREATE TABLE inventory (
          provider TEXT NOT NULL REFERENCES resource_provider (uuid) ON DELETE CASCADE, class TEXT NOT NULL,
          total INTEGER NOT NULL, reserved INTEGER NOT NULL, allocation_ratio DOUBLE PRECISION NOT NULL,
          PRIMARY KEY (provider, class))
        """,
        """
        CREATE TABLE consumer (
          uuid TEXT PRIMARY KEY, project_id TEXT NOT NULL, user_id TEXT NOT NULL, generation INTEGER NOT NULL,
          created_at INTEGER NOT NULL)
        """,
        "CREATE INDEX consumer_project ON consumer (project_id, user_id)",
        """
        CREATE TABLE allocation (
          consumer TEXT NOT NULL REFERENCES consumer (uuid) ON DELETE CASCADE,
          provider TEXT NOT NULL REFERENCES resource_provider (uuid), class TEXT NOT NULL, used INTEGER NOT NULL,
          PRIMARY KEY (consumer, provider, class))
        """,
        "CREATE INDEX allocation_provider ON allocation (provider, class)",
      ])
  ]
}
