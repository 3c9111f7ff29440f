/// The releases of this program, as far as the schema is concerned. Two neighbours can always share a store: what a
/// release does not use any more is taken away by the one after it.
public enum Release {
  /// The number of this release; it grows by one with each.
  public static let current = 1
}

/// One numbered change of the schema. Numbers count from 1 within a room; what has run is never edited.
public struct Migration: Sendable {
  /// What it does to the releases that share the store.
  public enum Step: Sendable, Hashable {
    /// Adds what older releases need not know: they go on.
    case expand
    /// Takes away, or narrows, what releases before `usableFrom` still use: they must stop.
    case contract(usableFrom: Int)
  }

  public var room: String
  public var number: Int
  public var step: Step
  /// One statement each, as SQLite takes them; `PostgresDDL` says what is translated.
  public var statements: [String]
  /// What runs on PostgreSQL instead, where the engines differ too much. nil where they do not.
  public var onPostgres: [String]?

  public init(
    room: String, number: Int, _ step: Step, _ statements: [String], onPostgres: [String]? = nil
  ) {
    self.room = room
    self.number = number
    self.step = step
    self.statements = statements
    self.onPostgres = onPostgres
  }
}

/// This program is too old for the store's schema: a later release has taken away what it needs.
public struct SchemaTooNew: Error, Sendable, Hashable, CustomStringConvertible {
  /// The release of this program.
  public var release: Int
  /// The oldest release that can use the store.
  public var oldest: Int

  public var description: String {
    "This program is release \(release), and the store's schema is for release \(oldest) and later: a later release "
      + "has migrated it. Start that release; this one has changed nothing."
  }
}

extension SchemaTooNew {
  /// Throws it where this program, of `release`, is too old for the store. Throws `StoreError`.
  public static func check(_ tx: Transaction, release: Int = Release.current) throws {
    try SchemaTables.refuseTooOld(tx, release)
  }
}

extension Store {
  /// Runs the migrations that have not run yet, in the order given, each room's in order of number, and remembers which
  /// releases can use the schema. Migrations of a later release that this program does not know stay as they are.
  /// Throws `SchemaTooNew` where this program, of `release`, is too old, and `StoreError`.
  public func migrate(_ migrations: [Migration], release: Int = Release.current) async throws {
    try await write { tx in
      try SchemaTables.make(tx)
      try SchemaTables.refuseTooOld(tx, release)
    }
    for migration in migrations { try await write { try migration.run($0, release) } }
  }

  /// Throws `SchemaTooNew` where another process has migrated the store beyond what this program, of `release`, can
  /// use.
  /// For a process that runs on while others are upgraded.
  public func checkRelease(_ release: Int = Release.current) async throws {
    try await read { try SchemaTables.refuseTooOld($0, release) }
  }
}

extension Migration {
  /// Runs it where it has not run. Throws `StoreError`, `SchemaTooNew`.
  fileprivate func run(_ tx: Transaction, _ release: Int) throws {
    // Another process may have gone on meanwhile.
    try SchemaTables.refuseTooOld(tx, release)
    if try tx.exists("SELECT 1 FROM migration WHERE room = \(room) AND number = \(number)") { return }
    for statement in (tx.isPostgres ? onPostgres : nil) ?? statements { try tx.execute(SQL(raw: statement)) }
    try tx.execute("INSERT INTO migration (room, number) VALUES (\(room), \(number))")
    if case .contract(let oldest) = step {
      try tx.execute("UPDATE schema_release SET oldest = \(oldest) WHERE oldest < \(oldest)")
    }
  }
}

/// The tables that every store has.
private enum SchemaTables {
  static func make(_ tx: Transaction) throws {
    try tx.execute(
      "CREATE TABLE IF NOT EXISTS migration (room TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (room, number))")
    try tx.execute(
      """
      CREATE TABLE IF NOT EXISTS changes (
        revision INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, object_id TEXT NOT NULL, at INTEGER NOT NULL)
      """)
    // The oldest release that can use the schema.
    try tx.execute(
      """
      CREATE TABLE IF NOT EXISTS schema_release (
        one INTEGER PRIMARY KEY CHECK (one = 1), oldest INTEGER NOT NULL)
      """)
    try tx.execute("INSERT INTO schema_release (one, oldest) VALUES (1, 1) ON CONFLICT DO NOTHING")
  }

  static func refuseTooOld(_ tx: Transaction, _ release: Int) throws {
    let oldest = try tx.count("SELECT oldest FROM schema_release")
    if release < oldest { throw SchemaTooNew(release: release, oldest: oldest) }
  }
}
