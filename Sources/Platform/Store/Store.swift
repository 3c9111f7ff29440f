/// Where everything that was asked and observed is kept. One store serves all services.
public protocol Store: Sendable {
  /// Runs `body` on a consistent snapshot. Writing in it fails. Throws what `body` throws, or `StoreError`.
  func read<T: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T

  /// Runs `body` in a transaction and returns when it is durable. Where `body` throws, nothing of it is kept.
  /// Throws what `body` throws, or `StoreError`.
  @discardableResult
  func write<T: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T

  /// Wakes those who follow what changes.
  var feed: ChangeFeed { get }
}

/// One numbered change of the schema. Numbers count from 1 within a room; what has run is never edited.
public struct Migration: Sendable {
  public var room: String
  public var number: Int
  /// One statement each.
  public var statements: [String]

  public init(room: String, number: Int, _ statements: [String]) {
    self.room = room
    self.number = number
    self.statements = statements
  }
}

extension Store {
  /// Runs the migrations that have not run yet, in the order given, each room's in order of number.
  public func migrate(_ migrations: [Migration]) async throws {
    try await write { tx in
      try tx.execute(
        "CREATE TABLE IF NOT EXISTS migration (room TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (room, number))"
      )
      try tx.execute(
        """
        CREATE TABLE IF NOT EXISTS changes (
          revision INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, object_id TEXT NOT NULL, at INTEGER NOT NULL)
        """)
    }
    for migration in migrations {
      try await write { tx in
        let done = try tx.exists(
          "SELECT 1 FROM migration WHERE room = \(migration.room) AND number = \(migration.number)")
        if done { return }
        for statement in migration.statements { try tx.execute(SQL(raw: statement)) }
        try tx.execute("INSERT INTO migration (room, number) VALUES (\(migration.room), \(migration.number))")
      }
    }
  }

  /// Drops all but the newest `keeping` rows of the change feed.
  public func compactChanges(keeping: Int) async throws {
    try await write { tx in
      let newest = try tx.count("SELECT max(revision) FROM changes")
      try tx.execute("DELETE FROM changes WHERE revision <= \(newest - keeping)")
    }
  }
}
