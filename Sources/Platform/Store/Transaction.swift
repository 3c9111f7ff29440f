import Kit

/// One engine's connection: what a driver implements. Used only on the thread that owns it.
protocol SQLConnection: AnyObject {
  /// Whether it speaks to PostgreSQL; else it is SQLite.
  var isPostgres: Bool { get }
  func execute(_ sql: SQL) throws -> Int
  /// Runs a statement, at the latest before the next one and before the closure's end; what it throws, those may throw.
  func executeAhead(_ sql: SQL) throws
  func forEach(_ sql: SQL, _ body: (any Row) throws -> Void) throws
}

/// The inside of a read or write closure. It is not Sendable and cannot leak out; nothing in it can wait.
///
/// A write closure may be run again after a conflict: it must have no side effects outside the store.
public final class Transaction {
  private let connection: any SQLConnection
  /// The newest revision written by this transaction; nil where it changed nothing that the feed carries.
  private(set) var revision: Int64?

  init(_ connection: any SQLConnection) { self.connection = connection }

  /// Whether the engine is PostgreSQL; for the few things that have no words both engines understand.
  public var isPostgres: Bool { connection.isPostgres }

  /// Runs a statement and returns how many rows it changed. Throws `StoreError`.
  @discardableResult
  public func execute(_ sql: SQL) throws -> Int { try connection.execute(sql) }

  /// Runs a statement whose outcome nobody looks at: it may travel with the next one, which then throws what it would
  /// have thrown. To a server it saves a round trip.
  public func executeAhead(_ sql: SQL) throws { try connection.executeAhead(sql) }

  /// Every row, decoded.
  public func query<R>(_ sql: SQL, _ decode: (any Row) throws -> R) throws -> [R] {
    var rows: [R] = []
    try connection.forEach(sql) { rows.append(try decode($0)) }
    return rows
  }

  /// The first row, decoded; nil where there is none.
  public func first<R>(_ sql: SQL, _ decode: (any Row) throws -> R) throws -> R? {
    try query(sql, decode).first
  }

  /// Whether the statement gives any row.
  public func exists(_ sql: SQL) throws -> Bool { try first(sql) { _ in true } ?? false }

  /// The first column of the first row as a number; 0 where there is no row. For `SELECT count(*)`.
  public func count(_ sql: SQL) throws -> Int { try first(sql) { $0.int(0) } ?? 0 }

  /// Calls `body` with each row in turn: for encoding straight into an answer.
  public func forEach(_ sql: SQL, _ body: (any Row) throws -> Void) throws { try connection.forEach(sql, body) }

  /// A change of the feed was written.
  func note(revision: Int64) { self.revision = revision }
}
