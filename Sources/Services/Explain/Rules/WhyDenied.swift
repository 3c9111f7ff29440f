import API
import Auth
import Contracts
import Kit
import Store

/// Why a request was refused: what it needed, what its caller had then and has now, and who could help.
struct WhyDenied: Sendable {
  /// Users named who could help, at the most.
  private static let helpersMax = 10

  var record: AuditRecord
  var permission: Permission?
  /// The caller's roles now, in the scope of then; nil where that is not known.
  var rolesNow: [String]?
  /// Who administers where the caller asked.
  var helpers: [AccessPath] = []
  var reason: String

  /// Throws `Fault` 404 where the audit trail has no such request.
  init(
    _ tx: Transaction, _ access: any AccessContract, permissions: [Permission], request: String
  ) throws {
    guard let record = try AuditTable.list(tx, .init(request: request), limit: 1, after: nil).first else {
      throw Fault.notFound(
        "The audit trail has no request \(request.quoted): it keeps changes, logins and refusals, and the newest only.")
    }
    self.record = record
    let permission = permissions.first { $0.name == record.permission }
    self.permission = permission
    if record.status == 403 {
      let now = try record.place.map { try access.rolesNow(tx, user: record.userID, place: $0.id) }
      rolesNow = now
      let place = record.place?.id.flatMap { PolicyTarget(domainIDs: [$0], projectID: $0) }
      for clause in [PolicyClause("admin", .system), PolicyClause("manager", .domain), PolicyClause("admin", .project)]
      where clause.reach == .system || place != nil {
        helpers += try access.holders(tx, of: clause, on: place, limit: Self.helpersMax)
      }
      helpers = Array(helpers.filter(\.enabled).prefix(Self.helpersMax))
    }
    reason = Self.reason(record, permission, now: rolesNow)
  }

  private static func reason(_ record: AuditRecord, _ permission: Permission?, now: [String]?) -> String {
    switch record.status {
    case ..<400: return "It was not refused: it was answered with \(record.status)."
    case 401:
      return "The caller was not known: there was no token, or none that is valid (it ended, was revoked, or its user, "
        + "project or domain is disabled or gone). A new login tells more."
    case 403: break
    case 404: return "There was no such thing, or it was another project's: that looks the same to those who ask."
    case 429, 503: return "It was refused for load, not for rights: the same request may go well later."
    default: return "It was refused with \(record.status), which is no question of rights. The answer said why."
    }
    guard let clauses = permission?.rule.clauses else {
      return "The rights that the route asks for were there: the service itself forbids this (a resource that is "
        + "immutable, locked or of another project). The answer said why."
    }
    let had = Set(record.roles)
    let asked = clauses.compactMap(\.role)
    let missing = Set(asked).subtracting(had).sorted()
    let has = missing.contains { now?.contains($0) ?? false }
    let hint = has ? " The user has such a role there by now: a new token will do." : ""
    if asked.contains(where: had.contains) {
      return "The caller had a role that can do this, but not there: the token was for "
        + "\(record.scope ?? "nothing known"), and the resource is not in it, or is forbidden to everybody (immutable)."
        + hint
    }
    return "The token had no role \(missing.joined(separator: " or "))." + hint
  }

  var text: String {
    var page = TextPage()
    let who = record.userName.isEmpty ? AuditRecord.unknown : record.userName
    page.line("\(record.began.iso8601) \(who) asked \(record.method) \(record.path): \(record.status)")
    page.section("Why", reason)
    if let permission {
      let rule = permission.rule.clauses?.map(\.words).joined(separator: "; or ") ?? "any valid token"
      page.section("Needed", "\(permission.name): \(rule)")
    }
    page.section("Then", "scope \(record.scope ?? "unknown"); roles \(Self.list(record.roles))")
    if let rolesNow { page.section("Now", "roles \(Self.list(rolesNow))") }
    if !helpers.isEmpty {
      page.section("Who could give", "")
      for helper in helpers { page.item(WhoCan.words(helper)) }
    }
    return page.text
  }

  private static func list(_ roles: [String]) -> String { roles.isEmpty ? "none" : roles.joined(separator: ", ") }

  func write(_ json: inout JSONWriter) {
    json.object {
      $0.field("request_id", record.requestID)
      $0.field("status", record.status)
      $0.field("user_id", record.userID)
      $0.field("user_name", record.userName)
      $0.field("reason", reason)
      $0.field("permission", permission?.name ?? record.permission)
      $0.field("needs", permission?.rule.clauses?.map(\.words) ?? [])
      $0.field("then") { json in
        json.field("scope", record.scope)
        json.field("roles", record.roles)
      }
      if let rolesNow { $0.field("now") { $0.field("roles", rolesNow) } }
      $0.field("who_could_give", helpers) { $0.path($1) }
    }
  }
}

extension AuditRecord {
  /// Where the token was good for roles: a project or domain by id, or the system (a nil id); nil where it had no
  /// scope.
  var place: (id: String?, Void)? {
    guard let scope else { return nil }
    if scope == "system" { return (nil, ()) }
    let words = scope.split(separator: " ")
    return words.count == 2 ? (String(words[1]), ()) : nil
  }
}
