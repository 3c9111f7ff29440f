import API
import Auth
import Contracts
import Kit

/// What is remembered of a request for those who ask later who did what: never a body, a query or a secret.
struct AuditRecord: Sendable, Hashable {
  /// Each kind is kept up to a bound of its own, so that strangers' refusals push no change out.
  enum Kind: String, Sendable, CaseIterable {
    /// A known caller asked for a change, with whatever outcome.
    case change
    /// Somebody asked for a token, with whatever outcome.
    case login
    /// Something else was refused.
    case refusal
  }

  /// What a user is called who is not known.
  static let unknown = "unknown"
  /// Characters kept of what strangers may have made up.
  private static let textMax = 500

  var kind: Kind
  /// How many requests alike this one stands for.
  var times = 1
  var requestID: String
  /// The client's own id for what may be many requests.
  var globalRequestID: String?
  var traceID: String?
  var method: String
  /// The path without its query.
  var path: String
  /// The service's prefix; nil where no service has the path.
  var service: String?
  /// The route as declared; nil where there is none.
  var route: String?
  /// The permission the route asks for, `os_compute_api:servers:create`.
  var permission: String?
  /// The token's user. Of a login that was refused the user that was named, which need not exist.
  var userID: String
  var userName: String
  var projectID: String?
  var projectName: String?
  /// Whether the caller was an administrator.
  var asAdmin: Bool
  /// Where the request came from.
  var address: String?
  var agent: String?
  var began: Timestamp
  /// How long the answer took, in microseconds.
  var microseconds: Int64
  var status: Int
  /// Ids of what a POST has made.
  var made: [String] = []
  /// Ids of others that the answer speaks of.
  var named: [String] = []
  /// What it changed of who may do what.
  var changes: [AccessChange] = []
  /// The roles of the caller's token, and what it was good for: `project`, `domain ID`, `system`, `unscoped`.
  var roles: [String] = []
  var scope: String?
  /// Its place in the log; nil before it has one.
  var number: Int64?

  var succeeded: Bool { status < 400 }
  /// The id of what it was about: what it made, else the last id of its path.
  var targetID: String? { made.first ?? RequestTable.ids(in: path).last }
}

extension AuditRecord {
  /// Statuses of what was refused. A 404 is one too: that is how another's resource looks.
  private static let refusals: Set = [401, 403, 404, 405, 413, 429, 503]

  /// nil where the request is nobody's business later: it read something, and was answered.
  init?(_ request: AnsweredRequest) {
    guard let kind = Self.kind(of: request) else { return nil }
    let claimed = request.scope?.asker
    let caller = request.caller
    self.init(
      kind: kind, requestID: request.requestID, globalRequestID: request.globalRequestID,
      traceID: request.scope?.span?.context.traceID, method: String(request.method.prefix(16)),
      path: Self.made(up: request.path), service: request.service,
      route: request.route?.path, permission: request.route?.permission.name,
      userID: caller?.userID ?? Self.made(up: claimed?.userID ?? ""),
      userName: Self.made(up: caller?.userName ?? claimed?.userName ?? ""),
      projectID: request.projectID ?? claimed?.projectID, projectName: caller?.project?.name,
      asAdmin: caller?.isAdmin ?? false, address: request.remoteAddress,
      agent: request.userAgent.map { Self.made(up: $0) }, began: request.began,
      microseconds: request.nanoseconds / 1000, status: request.status, made: request.made, named: request.named)
    changes = AccessTrail.take(request.requestID)
    roles = caller?.roles.map(\.name) ?? []
    scope = caller.map { Self.words($0.scope) }
  }

  private static func words(_ scope: Principal.Scope) -> String {
    switch scope {
    case .unscoped: "unscoped"
    case .system: "system"
    case .project(let project): "project \(project.id)"
    case .domain(let id, _): "domain \(id)"
    }
  }

  /// What a stranger may have made up: of a bounded length, without secrets, and without the NUL that no store takes.
  private static func made(up text: String) -> String {
    let text = Scrubbed.text(String(text.prefix(textMax)))
    return text.utf8.contains(0) ? text.replacing("\u{0}", with: "\u{fffd}") : text
  }

  private static func kind(of request: AnsweredRequest) -> Kind? {
    if let route = request.route, route.method == .post, route.permission.rule == .open { return .login }
    if request.asksForChange, request.caller != nil { return .change }
    return refusals.contains(request.status) ? .refusal : nil
  }
}
