import Kit

/// One engine's connection: what a driver implements. Used only on the thread that owns it.
protocol SQLConnection: AnyObject {
  func execute(_ sql: SQL) throws -> Int
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

  /// Runs a statement and returns how many rows it changed. Throws `StoreError`.
  @discardableResult
  public func execute(_ sql: SQL) throws -> Int { try connection.execute(sql) }

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

  /// Says in the change feed that the object changed, and returns the change's revision (it only grows).
  @discardableResult
  public func change(_ kind: String, _ id: String) throws -> Int64 {
    let row = try first(
      "INSERT INTO changes (kind, object_id, at) VALUES (\(kind), \(id), \(Timestamp.now())) RETURNING revision"
    ) { Int64($0.int(0)) }
    guard let row else { throw StoreError(kind: .other, message: "the change feed gave no revision") }
    revision = row
    return row
  }
  /// Lets the change feed go on beyond `revision`: where others remember changes that this store does not, no number
  /// must be given twice. Nothing happens where the feed is there already.
  public func skipChanges(to revision: Int64, _ kind: String, _ id: String) throws {
    guard Int64(try count("SELECT max(revision) FROM changes")) < revision else { return }
    try execute(
      "INSERT INTO changes (revision, kind, object_id, at) VALUES (\(revision), \(kind), \(id), \(Timestamp.now()))")
    self.revision = revision
  }
}
