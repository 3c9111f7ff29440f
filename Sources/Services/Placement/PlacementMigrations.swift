import Store

/// The schema of the placement service.
enum PlacementMigrations {
  static let all = [
    Migration(
      room: "placement", number: 1, .expand,
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
      ]),
    Migration(room: "placement", number: 2, .expand, room),
  ]

  /// How much room each host has, counted from its inventory and allocations: what a claim looks for is found by an
  /// index, however many hosts there are. A host's row is counted anew whenever anything of it changes, and whenever
  /// its node comes.
  private static let room = [
    """
    CREATE TABLE provider_room (
      provider TEXT PRIMARY KEY REFERENCES resource_provider (uuid) ON DELETE CASCADE, vcpus INTEGER NOT NULL,
      memory_mib INTEGER NOT NULL, disk_gib INTEGER NOT NULL, consumers INTEGER NOT NULL)
    """,
    "CREATE INDEX provider_room_most ON provider_room (memory_mib DESC, consumers, provider)",
    "CREATE INDEX allocation_use ON allocation (provider, class, used, consumer)",
  ]
}
