/// One engine's connection as `StoreEngine` uses it: with its transactions.
protocol EngineConnection: SQLConnection, SendableMetatype {
  /// Whether a transaction is open. An engine ends one by itself after some failures.
  var inTransaction: Bool { get }
  /// Rows inserted, updated and deleted since the connection was opened, kept or not.
  var rowsChanged: Int { get }
  /// The tables that statements have written to since this was asked for; empty where others write to the store too.
  func takeChanged() -> Set<TableFamily>
  /// Whether it can still be used, as far as that can be seen without asking the engine.
  var isUsable: Bool { get }

  /// Begins a transaction that sees one moment and cannot write.
  func beginReading() throws
  func endReading() throws
  /// Begins a transaction that is the only one writing, in all processes, until it ends.
  func beginWriting() throws
  /// Makes durable what was written. `newest` is the newest revision of the change feed in it. Throws
  /// `StoreError.Kind.outcomeUnknown` where it may have been kept all the same.
  func commitWriting(newest: Int64?) throws
  /// Marks the point to which `returnToSavepoint` goes back.
  func savepoint() throws
  func releaseSavepoint() throws
  func returnToSavepoint() throws
  func rollback() throws
}

/// A thread's connection, opened anew when it failed: what SQLite keeps of a file that could not be read, written or
/// synced is not to be trusted, a file opened while its file system was read-only stays so, and a server that was
/// restarted knows nothing of the connections it had.
final class ConnectionHandle<Connection: EngineConnection> {
  private let open: () throws -> Connection
  private var current: Connection?
  /// After these nothing of the connection is to be trusted.
  private static var fatal: Set<StoreError.Kind> { [.io, .readOnly, .corrupt, .unavailable, .outcomeUnknown] }

  /// Opens at once, or with `later` when it is used first. Throws `StoreError` where it cannot be opened now.
  init(later: Bool = false, open: @escaping () throws -> Connection) throws {
    self.open = open
    if !later { current = try open() }
  }

  /// Runs `body` on a connection that has no transaction open. Throws `StoreError` where it cannot be opened, and what
  /// `body` throws.
  func use<T>(_ body: (Connection) throws -> T) throws -> T {
    let connection = try usable()
    do {
      let value = try body(connection)
      settle(connection)
      return value
    } catch {
      settle(connection)
      if let error = error as? StoreError, Self.fatal.contains(error.kind) { current = nil }
      throw error
    }
  }

  /// Runs `body` on a snapshot in which writing fails.
  func read<T>(_ body: (Transaction) throws -> T) throws -> T {
    try use { connection in
      try connection.beginReading()
      let value = try body(Transaction(connection))
      try connection.endReading()
      return value
    }
  }

  private func usable() throws -> Connection {
    if let current, current.isUsable { return current }
    current = nil
    let opened = try open()
    current = opened
    return opened
  }

  /// Ends a transaction that a failure left open; a connection where that fails too is given up.
  private func settle(_ connection: Connection) {
    guard connection.inTransaction else { return }
    try? connection.rollback()
    if connection.inTransaction { current = nil }
  }
}
