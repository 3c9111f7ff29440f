import CSQLite
import Kit

/// One SQLite connection with its prepared statements; used only on the thread that opened it.
final class SQLiteConnection: EngineConnection {
  private let database: OpaquePointer
  private struct Statement {
    let pointer: OpaquePointer
    /// What it changes; nil where it only reads.
    let changes: TableFamily?
  }
  private var statements: [String: Statement] = [:]
  private var changed: Set<TableFamily> = []
  /// Prepared statements kept; past this the cache is emptied.
  private static let statementsMax = 500
  /// The file of the write-ahead log is cut back to this once it was checkpointed, in bytes: what a full disk made grow
  /// does not stay.
  private static let logBytesKept = 64 << 20
  /// Milliseconds a statement waits for another process's lock.
  private static let busyTimeoutMilliseconds: Int32 = 5000

  /// Once, before SQLite is used for the first time.
  private static let countsNoMemory = csqlite_count_no_memory()

  init(path: String, readOnly: Bool) throws {
    _ = Self.countsNoMemory
    var handle: OpaquePointer?
    let access = readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
    let code = sqlite3_open_v2(path, &handle, access | SQLITE_OPEN_NOMUTEX, nil)
    guard code == SQLITE_OK, let handle else {
      sqlite3_close_v2(handle)
      throw StoreError(kind: Self.kind(code), message: "cannot open \(path) (SQLite code \(code))")
    }
    database = handle
    sqlite3_extended_result_codes(handle, 1)
    sqlite3_busy_timeout(handle, Self.busyTimeoutMilliseconds)
    _ = csqlite_keep_plans(handle)
    if !readOnly {
      // SQLite falls back to reading alone where it may not write: a writer must not take that for success.
      guard sqlite3_db_readonly(handle, "main") == 0 else {
        throw StoreError(kind: .readOnly, message: "\(path) can only be read")
      }
      try run("PRAGMA journal_mode=WAL")
      try run("PRAGMA journal_size_limit=\(Self.logBytesKept)")
    }
    try run("PRAGMA synchronous=FULL")
    try run("PRAGMA foreign_keys=ON")
    try run("PRAGMA cache_size=-8000")
    // Sorting needs no room on a disk.
    try run("PRAGMA temp_store=MEMORY")
  }

  deinit {
    for statement in statements.values { sqlite3_finalize(statement.pointer) }
    sqlite3_close_v2(database)
  }

  var inTransaction: Bool { sqlite3_get_autocommit(database) == 0 }

  func takeChanged() -> Set<TableFamily> {
    defer { changed.removeAll(keepingCapacity: true) }
    return changed
  }

  var rowsChanged: Int { Int(sqlite3_total_changes64(database)) }
  var isUsable: Bool { true }
  var isPostgres: Bool { false }

  func beginReading() throws { try executeAhead("BEGIN") }
  func endReading() throws { try executeAhead("COMMIT") }
  func beginWriting() throws { try executeAhead("BEGIN IMMEDIATE") }
  func commitWriting(newest: Int64?) throws { try executeAhead("COMMIT") }
  func savepoint() throws { try executeAhead("SAVEPOINT one") }
  func releaseSavepoint() throws { try executeAhead("RELEASE one") }
  func returnToSavepoint() throws {
    try run("ROLLBACK TO one")
    try run("RELEASE one")
  }
  func rollback() throws { try run("ROLLBACK") }

  /// Runs a statement of our own without parameters (BEGIN, COMMIT, PRAGMA).
  func run(_ text: String) throws {
    guard sqlite3_exec(database, text, nil, nil, nil) == SQLITE_OK else { throw failure() }
  }

  func execute(_ sql: SQL) throws -> Int {
    try forEach(sql) { _ in }
    return Int(sqlite3_changes(database))
  }

  func executeAhead(_ sql: SQL) throws { try forEach(sql) { _ in } }

  func forEach(_ sql: SQL, _ body: (any Row) throws -> Void) throws {
    let statement = try prepare(sql)
    defer {
      sqlite3_reset(statement)
      sqlite3_clear_bindings(statement)
    }
    let row = SQLiteRow(statement: statement)
    while true {
      switch sqlite3_step(statement) {
      case SQLITE_DONE: return
      case SQLITE_ROW: try body(row)
      default: throw failure()
      }
    }
  }

  private func prepare(_ sql: SQL) throws -> OpaquePointer {
    try sql.refuseUnstorable()
    let statement = try statements[sql.text] ?? keep(compile(sql.text), for: sql.text)
    // A statement that is being stepped is in use, and is the only one of its text.
    guard sqlite3_stmt_busy(statement.pointer) == 0 else {
      throw StoreError(kind: .other, message: "a query was nested in itself: \(sql.text)")
    }
    if let family = statement.changes { changed.insert(family) }
    for (index, value) in sql.arguments.enumerated() { bind(value, at: Int32(index + 1), of: statement.pointer) }
    return statement.pointer
  }

  private func keep(_ statement: Statement, for text: String) -> Statement {
    if statements.count >= Self.statementsMax {
      for (text, idle) in statements where sqlite3_stmt_busy(idle.pointer) == 0 {
        sqlite3_finalize(idle.pointer)
        statements.removeValue(forKey: text)
      }
    }
    statements[text] = statement
    return statement
  }

  private func compile(_ text: String) throws -> Statement {
    var statement: OpaquePointer?
    let code = sqlite3_prepare_v3(database, text, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
    guard code == SQLITE_OK, let statement else { throw failure() }
    // To SQLite BEGIN IMMEDIATE writes, as it takes a lock.
    let onlyReads = sqlite3_stmt_readonly(statement) != 0 || text.hasPrefix("BEGIN")
    return Statement(pointer: statement, changes: onlyReads ? nil : TableFamily(changedBy: text))
  }

  private func bind(_ value: SQLValue, at index: Int32, of statement: OpaquePointer) {
    switch value {
    case .null: sqlite3_bind_null(statement, index)
    case .int(let int): sqlite3_bind_int64(statement, index, int)
    case .double(let double): sqlite3_bind_double(statement, index, double)
    case .text(var text):
      text.withUTF8 { bytes in
        bytes.withMemoryRebound(to: CChar.self) { characters in
          // An empty string's base address may be nil, which SQLite would take for NULL.
          _ =
            characters.baseAddress == nil
            ? sqlite3_bind_text(statement, index, "", 0, Self.transient)
            : sqlite3_bind_text(statement, index, characters.baseAddress, Int32(characters.count), Self.transient)
        }
      }
    case .blob(let bytes):
      bytes.withUnsafeBytes { raw in
        _ =
          raw.isEmpty
          ? sqlite3_bind_zeroblob(statement, index, 0)
          : sqlite3_bind_blob(statement, index, raw.baseAddress, Int32(raw.count), Self.transient)
      }
    }
  }

  /// SQLITE_TRANSIENT, which SQLite defines as a cast that Swift cannot import: "copy the bytes at once".
  private static var transient: sqlite3_destructor_type? { unsafeBitCast(-1, to: sqlite3_destructor_type?.self) }

  private func failure() -> StoreError {
    StoreError(
      kind: Self.kind(sqlite3_extended_errcode(database)), message: String(cString: sqlite3_errmsg(database)))
  }

  private static func kind(_ extended: Int32) -> StoreError.Kind {
    switch extended {
    case SQLITE_CONSTRAINT | (8 << 8), SQLITE_CONSTRAINT | (6 << 8): return .unique
    case SQLITE_CONSTRAINT | (3 << 8): return .foreignKey
    default: break
    }
    switch extended & 0xff {
    case SQLITE_BUSY, SQLITE_LOCKED: return .busy
    case SQLITE_FULL: return .full
    case SQLITE_READONLY: return .readOnly
    case SQLITE_IOERR, SQLITE_CANTOPEN, SQLITE_PROTOCOL, SQLITE_PERM: return .io
    case SQLITE_CORRUPT, SQLITE_NOTADB: return .corrupt
    default: return .other
    }
  }
}

private struct SQLiteRow: Row {
  let statement: OpaquePointer

  func isNull(_ column: Int) -> Bool { sqlite3_column_type(statement, Int32(column)) == SQLITE_NULL }
  func int(_ column: Int) -> Int { Int(sqlite3_column_int64(statement, Int32(column))) }
  func double(_ column: Int) -> Double { sqlite3_column_double(statement, Int32(column)) }

  func text(_ column: Int) -> String {
    guard let bytes = sqlite3_column_text(statement, Int32(column)) else { return "" }
    let count = Int(sqlite3_column_bytes(statement, Int32(column)))
    return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
  }

  func blob(_ column: Int) -> [UInt8] {
    guard let bytes = sqlite3_column_blob(statement, Int32(column)) else { return [] }
    return Array(UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(statement, Int32(column)))))
  }
}
