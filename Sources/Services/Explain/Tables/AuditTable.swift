import Contracts
import Kit
import Store

/// The request log as an auditor asks it.
enum AuditTable {
  /// What is asked for; nil asks for all.
  struct Filter: Sendable {
    /// A user's id or name.
    var initiator: String?
    /// The id of a resource that the request was about, made or named.
    var target: String?
    var succeeded: Bool?
    var kind: AuditRecord.Kind?
    var since: Timestamp?
    /// A request's id, or the client's own.
    var request: String?
  }

  /// Records after a place, newest first.
  static func list(_ tx: Transaction, _ filter: Filter, limit: Int, after: Int64?) throws -> [AuditRecord] {
    var sql: SQL = """
      SELECT l.number, l.request_id, l.global_request_id, l.method, l.path, l.user_id, l.user_name, l.project_id,
        l.project_name, l.as_admin, l.began, l.microseconds, l.status, l.kind, l.times, l.trace_id, l.service, l.route,
        l.permission, l.address, l.agent, l.target_id, l.changes, l.roles, l.scope
      FROM request_log l WHERE 1 = 1
      """
    func and(_ condition: SQL) { sql = "\(sql) AND \(condition)" }
    if let after { and("l.number < \(after)") }
    if let who = filter.initiator { and("(l.user_id = \(who) OR l.user_name = \(who))") }
    if let id = filter.target {
      and("(l.target_id = \(id) OR l.number IN (SELECT s.number FROM request_subject s WHERE s.object_id = \(id)))")
    }
    if let succeeded = filter.succeeded { and(succeeded ? "l.status < 400" : "l.status >= 400") }
    if let kind = filter.kind { and("l.kind = \(kind.rawValue)") }
    if let since = filter.since { and("l.began >= \(since)") }
    if let id = filter.request { and("(l.request_id = \(id) OR l.global_request_id = \(id))") }
    return try tx.query("\(sql) ORDER BY l.number DESC LIMIT \(limit)", decode)
  }

  private static func decode(_ row: any Row) -> AuditRecord {
    var record = AuditRecord(
      kind: AuditRecord.Kind(rawValue: row.text(13)) ?? .change, times: row.int(14), requestID: row.text(1),
      globalRequestID: row.textOrNil(2), traceID: row.textOrNil(15), method: row.text(3), path: row.text(4),
      service: row.textOrNil(16), route: row.textOrNil(17), permission: row.textOrNil(18), userID: row.text(5),
      userName: row.text(6), projectID: row.textOrNil(7), projectName: row.textOrNil(8), asAdmin: row.bool(9),
      address: row.textOrNil(19), agent: row.textOrNil(20), began: row.time(10), microseconds: Int64(row.int(11)),
      status: row.int(12), made: row.textOrNil(21).map { [$0] } ?? [], number: Int64(row.int(0)))
    record.changes = row.textOrNil(22).map(AccessChange.list) ?? []
    record.roles = row.textOrNil(23)?.split(separator: " ").map(String.init) ?? []
    record.scope = row.textOrNil(24)
    return record
  }
}

extension AuditRecord {
  /// As they are stored; nil where there are none.
  var changesText: String? { changes.isEmpty ? nil : JSONValue.array(changes.map(\.json)).text }
  /// Names of roles, with blanks between them.
  var rolesText: String? {
    roles.isEmpty ? nil : roles.map { $0.replacing(" ", with: "_") }.joined(separator: " ")
  }
}

extension AccessChange {
  /// What `changesText` wrote; what cannot be read is left out.
  fileprivate static func list(_ text: String) -> [AccessChange] {
    ((try? JSONValue(parsing: text))?.array ?? []).compactMap { change in
      change["what"]?.string.map {
        AccessChange($0, before: change["before"]?.object, after: change["after"]?.object)
      }
    }
  }
}
