import CPostgres
import Foundation

/// One PostgreSQL session with its prepared statements, and the bounds of waiting for it.
///
/// It is in libpq's pipeline mode: what needs no answer of its own travels ahead of the next statement, and an answer
/// nobody needs is read when the session is used again. What travels together is answered together.
final class PostgresWire {
  private let session: OpaquePointer
  /// Names of the prepared statements, by their text.
  private var statements: [String: String] = [:]
  private var named = 0
  /// Whether answers of what was sent have not been read yet.
  private(set) var unread = false
  private var parameters = PostgresParameters()
  /// How long the end of a session may follow its farewell.
  private static let farewellMilliseconds = 20
  /// Prepared statements kept; past this all are dropped.
  private static let statementsMax = 500

  /// Connects. Throws `StoreError`.
  init(_ address: PostgresAddress) throws {
    session = try address.connect()
    guard PQenterPipelineMode(session) == 1 else {
      throw StoreError(kind: .other, message: "libpq refuses its pipeline mode")
    }
  }

  deinit { PQfinish(session) }

  var socket: Int32 { PQsocket(session) }
  var serverVersion: Int32 { PQserverVersion(session) }

  /// Whether the server says that a transaction is open, also one that failed.
  var inTransaction: Bool {
    let status = PQtransactionStatus(session)
    return status == PQTRANS_INTRANS || status == PQTRANS_INERROR
  }

  /// Whether a statement of the open transaction failed: the server refuses everything but going back.
  var hasFailed: Bool { PQtransactionStatus(session) == PQTRANS_INERROR }

  /// Whether the server still holds the session, as far as the socket tells.
  var isUsable: Bool {
    guard PQstatus(session) == CONNECTION_OK, (try? drain()) != nil else { return false }
    // Nothing is awaited: what came is a notice, or the server's farewell with the end right behind it.
    var patience = 0
    while readable(milliseconds: patience) {
      guard PQconsumeInput(session) == 1, PQstatus(session) == CONNECTION_OK else { return false }
      patience = Self.farewellMilliseconds
    }
    return true
  }

  /// Runs `ahead` and then `sql`. The answer, of the last, is the caller's to clear. Throws `StoreError`; the
  /// statements after the one that failed were not run.
  func run(ahead: [SQL], _ sql: SQL) throws -> OpaquePointer {
    try drain()
    var sending = Sending()
    for statement in ahead { try send(statement, &sending) }
    try send(sql, prepared: true, &sending)
    guard PQpipelineSync(session) == 1 else { throw lost() }
    unread = true
    let (result, succeeded) = collect()
    for new in sending.preparing where succeeded >= new.at { statements[new.text] = new.name }
    return try result.get()
  }

  /// What goes out in one go.
  private struct Sending {
    /// Commands so far, each of which has an answer.
    var count = 0
    /// Statements that are prepared on the way: known once the command of that number has succeeded.
    var preparing: [(text: String, name: String, at: Int)] = []
  }

  /// Sends statements and does not wait for their answers.
  func post(_ statements: [SQL]) throws {
    try drain()
    var sending = Sending()
    for statement in statements { try send(statement, &sending) }
    guard PQpipelineSync(session) == 1 else { throw lost() }
    unread = true
  }

  /// Reads the answers nobody waited for.
  private func drain() throws {
    guard unread else { return }
    PQclear(try collect().result.get())
  }

  /// Sends one statement: prepared where it has parameters, or shall be.
  private func send(_ sql: SQL, prepared: Bool = false, _ sending: inout Sending) throws {
    guard prepared || !sql.arguments.isEmpty else {
      guard PQsendQueryParams(session, sql.text, 0, nil, nil, nil, nil, 0) == 1 else { throw lost() }
      sending.count += 1
      return
    }
    let known = statements[sql.text] ?? sending.preparing.first { $0.text == sql.text }?.name
    let name = try known ?? prepare(sql.text, &sending)
    let accepted = parameters.use(sql.arguments) { count, values, lengths, formats in
      PQsendQueryPrepared(session, name, count, values, lengths, formats, 0)
    }
    guard accepted == 1 else { throw lost() }
    sending.count += 1
  }

  private func prepare(_ text: String, _ sending: inout Sending) throws -> String {
    if statements.count + sending.preparing.count >= Self.statementsMax {
      statements.removeAll(keepingCapacity: true)
      sending.preparing.removeAll()
      guard PQsendQueryParams(session, "DEALLOCATE ALL", 0, nil, nil, nil, nil, 0) == 1 else { throw lost() }
      sending.count += 1
    }
    named += 1
    let name = "s\(named)"
    guard PQsendPrepare(session, name, PostgresDDL.translate(text), 0, nil) == 1 else { throw lost() }
    sending.count += 1
    sending.preparing.append((text, name, sending.count))
    return name
  }

  /// Reads up to the end of what was sent: the last answer, or the first failure, and how many went well.
  private func collect() -> (result: Result<OpaquePointer, StoreError>, succeeded: Int) {
    var last: OpaquePointer?
    var failure: StoreError?
    var (succeeded, ends) = (0, 0)
    reading: while true {
      guard waitForAnswer() else {
        failure = failure ?? lost()
        break
      }
      guard let result = PQgetResult(session) else {
        // The end of one answer; two in a row are the end of the session.
        ends += 1
        if ends == 1, PQstatus(session) == CONNECTION_OK { continue }
        failure = failure ?? lost()
        break
      }
      ends = 0
      switch PQresultStatus(result) {
      case PGRES_PIPELINE_SYNC:
        PQclear(result)
        unread = false
        break reading
      case PGRES_COMMAND_OK, PGRES_TUPLES_OK:
        PQclear(last)
        last = result
        succeeded += 1
      case PGRES_PIPELINE_ABORTED: PQclear(result)
      default:
        failure = failure ?? PostgresFailure.error(result)
        PQclear(result)
      }
    }
    if let last, failure == nil { return (.success(last), succeeded) }
    PQclear(last)
    return (.failure(failure ?? lost()), succeeded)
  }

  /// Waits until an answer can be read without waiting; false where the server is gone or silent for too long.
  private func waitForAnswer() -> Bool {
    while PQisBusy(session) == 1 {
      guard readable(milliseconds: PostgresAddress.Limit.answerMilliseconds), PQconsumeInput(session) == 1 else {
        return false
      }
    }
    return true
  }

  /// Whether there is something to read within that time.
  func readable(milliseconds: Int) -> Bool {
    var descriptor = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
    while true {
      let count = poll(&descriptor, 1, Int32(milliseconds))
      if count < 0, errno == EINTR { continue }
      return count > 0
    }
  }

  /// The payloads of the notifications that came. Throws where the server is gone.
  func notifications() throws -> [String] {
    guard PQconsumeInput(session) == 1 else { throw lost() }
    var payloads: [String] = []
    while let notification = PQnotifies(session) {
      payloads.append(notification.pointee.extra.map { String(cString: $0) } ?? "")
      PQfreemem(notification)
    }
    return payloads
  }

  private func lost() -> StoreError {
    StoreError(kind: .unavailable, message: PostgresFailure.text(PQerrorMessage(session)))
  }
}
