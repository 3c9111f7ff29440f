import CPostgres

/// One PostgreSQL session and its transactions; used only on the thread that opened it.
///
/// BEGIN, SAVEPOINT and RELEASE travel ahead of the next statement, and the end of a read is not waited for: a read of
/// one statement is one round trip, a write of one is one and its share of the batch's COMMIT.
final class PostgresConnection: EngineConnection {
  /// The channel of the change feed's notifications. It and the lock are of the session's schema, so that several
  /// clouds can share a database.
  let channel: String
  private let wire: PostgresWire
  /// What notifications of this process end with, so that it knows its own.
  private let sender: String
  /// Statements that travel with the next one.
  private var ahead: [SQL] = []
  private(set) var rowsChanged = 0
  func takeChanged() -> Set<TableFamily> { [] }
  /// The advisory lock of whoever writes: this number, and the schema's.
  private static let writersLock = 0x4861_6e65
  /// Servers before this are refused, as `PQserverVersion` writes it.
  private static let oldestServer: Int32 = 150_000

  /// Connects and looks whether the database can hold a store. Throws `StoreError`.
  init(_ address: PostgresAddress, sender: String) throws {
    wire = try PostgresWire(address)
    self.sender = sender
    guard wire.serverVersion >= Self.oldestServer else {
      throw StoreError(kind: .other, message: "the store needs PostgreSQL 15 or later")
    }
    let result = try wire.run(
      ahead: [], "SELECT 'haneul_' || md5(current_schema()), current_setting('server_encoding')")
    defer { PQclear(result) }
    let row = PostgresRow(result: result, row: 0)
    guard row.text(1) == "UTF8" else {
      throw StoreError(kind: .other, message: "the database's encoding is \(row.text(1)), the store needs UTF8")
    }
    guard !row.isNull(0) else {
      throw StoreError(kind: .other, message: "no schema of the database's search_path exists")
    }
    channel = row.text(0)
  }

  var isUsable: Bool { wire.isUsable }
  var isPostgres: Bool { true }

  /// Asks for the notifications of the change feed.
  func listen() throws { try end([], "LISTEN \(raw: channel)") }

  /// What others have told since, after waiting `milliseconds` at most: the newest revisions. Throws where the server
  /// is gone.
  func heard(within milliseconds: Int) throws -> [Int64] {
    guard wire.readable(milliseconds: milliseconds) else { return [] }
    return try wire.notifications().compactMap { payload in
      let words = payload.split(separator: " ")
      return words.last.map(String.init) == sender ? nil : words.first.flatMap { Int64($0) }
    }
  }

  var inTransaction: Bool { ahead.isEmpty ? wire.inTransaction : true }

  func execute(_ sql: SQL) throws -> Int {
    let result = try run(sql)
    defer { PQclear(result) }
    return note(result)
  }

  func forEach(_ sql: SQL, _ body: (any Row) throws -> Void) throws {
    let result = try run(sql)
    defer { PQclear(result) }
    note(result)
    for row in 0..<PQntuples(result) { try body(PostgresRow(result: result, row: row)) }
  }

  func executeAhead(_ sql: SQL) throws {
    try sql.refuseUnstorable()
    ahead.append(sql)
  }

  private func run(_ sql: SQL) throws -> OpaquePointer {
    try sql.refuseUnstorable()
    let before = ahead
    ahead.removeAll(keepingCapacity: true)
    return try wire.run(ahead: before, sql)
  }

  /// How many rows were written. Of a SELECT libpq tells how many it found, which counts for nothing here.
  @discardableResult
  private func note(_ result: OpaquePointer) -> Int {
    guard let tag = PQcmdStatus(result), tag.pointee != CChar(UInt8(ascii: "S")), let count = PQcmdTuples(result)
    else { return 0 }
    let changed = Int(String(cString: count)) ?? 0
    rowsChanged += changed
    return changed
  }

  // MARK: Transactions

  func beginReading() throws { ahead = ["BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"] }

  func endReading() throws {
    if ahead.isEmpty { try wire.post([Self.commit]) }
    ahead.removeAll()
  }

  /// Each statement of a READ COMMITTED transaction sees what was committed before it, and nobody else commits as long
  /// as the lock is held, which is until this transaction has ended and can be seen: so writers of all processes take
  /// turns, revisions are committed in their order, and nothing has to be run again for a conflict.
  func beginWriting() throws {
    let lock: SQL = "SELECT pg_advisory_xact_lock(\(raw: "\(Self.writersLock)"), hashtext(current_schema()))"
    PQclear(try wire.run(ahead: ["BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"], lock))
  }

  func commitWriting(newest: Int64?) throws {
    if let newest {
      ahead.append("SELECT pg_notify('\(raw: channel)', '\(raw: "\(newest)") \(raw: sender)')")
    }
    let before = ahead
    ahead.removeAll(keepingCapacity: true)
    do {
      let result = try wire.run(ahead: before, Self.commit)
      defer { PQclear(result) }
      // PostgreSQL answers ROLLBACK where something had failed before.
      guard let tag = PQcmdStatus(result), String(cString: tag) == "COMMIT" else {
        throw StoreError(kind: .io, message: "the transaction was ended by a failure")
      }
    } catch let error as StoreError where error.kind == .unavailable {
      throw StoreError(kind: .outcomeUnknown, message: "the server went away during COMMIT: \(error.message)")
    }
  }

  private static let commit: SQL = "COMMIT"
  private static let savepoint: SQL = "SAVEPOINT one"
  private static let release: SQL = "RELEASE one"

  func savepoint() throws { ahead.append(Self.savepoint) }

  func releaseSavepoint() throws {
    // A closure that went on after a failure: its RELEASE would fail later, and be taken for its neighbour's failure.
    guard !wire.hasFailed else {
      throw StoreError(kind: .other, message: "a statement failed, and nothing of its transaction can be kept")
    }
    // One that nothing was run in was not sent.
    if ahead.last?.text == Self.savepoint.text {
      ahead.removeLast()
      return
    }
    // What this closure has not sent yet fails here, if it fails, and not in the next one.
    guard let last = ahead.last, last.text != Self.release.text else {
      ahead.append(Self.release)
      return
    }
    let before = ahead
    ahead.removeAll(keepingCapacity: true)
    try end(before, Self.release)
  }

  func returnToSavepoint() throws {
    if let sent = ahead.lastIndex(where: { $0.text == Self.savepoint.text }) {
      ahead.removeSubrange(sent...)
      return
    }
    ahead = []
    try end(["ROLLBACK TO one"], "RELEASE one")
  }

  func rollback() throws {
    ahead = []
    try end([], "ROLLBACK")
  }

  private func end(_ before: [SQL], _ last: SQL) throws { PQclear(try wire.run(ahead: before, last)) }
}
