import API
import Kit
import Store

/// The request log: every request of a known caller that asked for a change, every login and what else was refused;
/// of each kind the newest.
enum RequestTable {
  /// Objects that one request is found by at the most.
  static let subjectsMax = 40
  /// Rows kept of a kind, and up to `RequestLog.compactsAfter` more.
  static func rowsMax(_ kind: AuditRecord.Kind) -> Int {
    switch kind {
    case .change: 100_000
    case .login, .refusal: 50_000
    }
  }

  struct Entry: Sendable, Hashable {
    var number: Int64
    var requestID: String
    var globalRequestID: String?
    var method: String
    var path: String
    var userID: String
    var userName: String
    var projectID: String?
    var projectName: String?
    var asAdmin: Bool
    var began: Timestamp
    var microseconds: Int64
    var status: Int

    var succeeded: Bool { status < 400 }
    var ended: Timestamp { Timestamp(microseconds: began.microseconds + microseconds) }
  }

  private static let columns = """
    l.number, l.request_id, l.global_request_id, l.method, l.path, l.user_id, l.user_name, l.project_id,
    l.project_name, l.as_admin, l.began, l.microseconds, l.status
    """

  private static func decode(_ row: any Row) -> Entry {
    Entry(
      number: Int64(row.int(0)), requestID: row.text(1), globalRequestID: row.textOrNil(2), method: row.text(3),
      path: row.text(4), userID: row.text(5), userName: row.text(6), projectID: row.textOrNil(7),
      projectName: row.textOrNil(8), asAdmin: row.bool(9), began: row.time(10), microseconds: Int64(row.int(11)),
      status: row.int(12))
  }

  static func append(_ tx: Transaction, _ requests: [AuditRecord]) throws {
    for request in requests {
      guard let number = try insert(tx, request), request.kind == .change else { continue }
      let made = Set(request.made)
      for id in subjects(of: request) {
        try tx.execute(
          "INSERT INTO request_subject (object_id, number, made) VALUES (\(id), \(number), \(made.contains(id)))")
      }
    }
  }

  private static func insert(_ tx: Transaction, _ request: AuditRecord) throws -> Int64? {
    try tx.first(
      """
      INSERT INTO request_log (request_id, global_request_id, method, path, user_id, user_name, project_id,
        project_name, as_admin, began, microseconds, status, kind, times, trace_id, service, route, permission,
        address, agent, target_id, changes, roles, scope)
      VALUES (\(request.requestID), \(request.globalRequestID), \(request.method), \(request.path),
        \(request.userID), \(request.userName), \(request.projectID), \(request.projectName), \(request.asAdmin),
        \(request.began), \(request.microseconds), \(request.status), \(request.kind.rawValue), \(request.times),
        \(request.traceID), \(request.service), \(request.route), \(request.permission), \(request.address),
        \(request.agent), \(request.targetID), \(request.changesText), \(request.rolesText), \(request.scope))
      RETURNING number
      """
    ) { Int64($0.int(0)) }
  }

  /// Drops the oldest of each kind past the bound. It walks what is kept: not with every row that comes.
  static func compact(_ tx: Transaction, keeping rows: (AuditRecord.Kind) -> Int = rowsMax) throws {
    for kind in AuditRecord.Kind.allCases { try compact(tx, kind, keeping: rows(kind)) }
  }

  private static func compact(_ tx: Transaction, _ kind: AuditRecord.Kind, keeping rows: Int) throws {
    let last = try tx.first(
      """
      SELECT number FROM request_log WHERE kind = \(kind.rawValue) ORDER BY number DESC LIMIT 1 OFFSET \(rows)
      """
    ) { Int64($0.int(0)) }
    guard let last else { return }
    if kind == .change {
      try tx.execute(
        """
        DELETE FROM request_subject WHERE number IN
          (SELECT number FROM request_log WHERE kind = \(kind.rawValue) AND number <= \(last))
        """)
    }
    try tx.execute("DELETE FROM request_log WHERE kind = \(kind.rawValue) AND number <= \(last)")
  }

  /// The ids a request is found by: those of its path, and those of its answer.
  static func subjects(of request: AuditRecord) -> [String] {
    var seen: Set<String> = []
    return (request.made + ids(in: request.path) + request.named)
      .filter { $0.utf8.count <= 64 && seen.insert($0).inserted }
      .prefix(subjectsMax).map { $0 }
  }

  /// The ids in a path: UUIDs with dashes, or Keystone's without.
  static func ids(in path: String) -> [String] {
    path.split(separator: "/").map(String.init).filter { text in
      Identifier.isUUID(text) || text.utf8.count == 32 && text.allSatisfy(\.isHexDigit)
    }
  }

  /// Requests that speak of an object, newest first.
  static func of(_ tx: Transaction, object id: String, limit: Int) throws -> [Entry] {
    try tx.query(
      """
      SELECT \(raw: columns) FROM request_subject s JOIN request_log l ON l.number = s.number
      WHERE s.object_id = \(id) ORDER BY s.number DESC LIMIT \(limit)
      """, decode)
  }

  /// The request that made an object; nil where it is not known (any more), or the object was made along with another.
  static func maker(_ tx: Transaction, object id: String) throws -> Entry? {
    try tx.first(
      """
      SELECT \(raw: columns) FROM request_subject s JOIN request_log l ON l.number = s.number
      WHERE s.object_id = \(id) AND s.made = 1 ORDER BY s.number LIMIT 1
      """, decode)
  }

  /// Requests of these ids, or with one of them as the client's own, newest first.
  static func named(_ tx: Transaction, _ ids: [String], limit: Int) throws -> [Entry] {
    if ids.isEmpty { return [] }
    return try tx.query(
      """
      SELECT \(raw: columns) FROM request_log l
      WHERE l.kind = 'change' AND (l.request_id IN (\(list: ids)) OR l.global_request_id IN (\(list: ids)))
      ORDER BY l.number DESC LIMIT \(limit)
      """, decode)
  }

  /// The objects that requests speak of, by the request's number.
  static func subjects(_ tx: Transaction, of numbers: [Int64]) throws -> [Int64: [String]] {
    var found: [Int64: [String]] = [:]
    if numbers.isEmpty { return found }
    try tx.forEach(
      "SELECT number, object_id FROM request_subject WHERE number IN (\(list: numbers)) ORDER BY number, object_id"
    ) { found[Int64($0.int(0)), default: []].append($0.text(1)) }
    return found
  }

  /// Rows kept at present, by kind.
  static func counts(_ tx: Transaction) throws -> [(kind: String, rows: Int)] {
    let rows = try tx.query("SELECT kind, count(*) FROM request_log GROUP BY kind") { ($0.text(0), $0.int(1)) }
    let found = Dictionary(rows, uniquingKeysWith: { $1 })
    return AuditRecord.Kind.allCases.map { ($0.rawValue, found[$0.rawValue] ?? 0) }
  }
}
