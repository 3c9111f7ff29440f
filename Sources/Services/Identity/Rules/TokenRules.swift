import API
import Auth
import Kit
import Store

/// A token that was found valid.
struct VerifiedToken: Sendable {
  var payload: TokenPayload
  var principal: Principal
  /// When it ends by itself: with its own time, or its application credential's.
  var endsAt: Timestamp
}

/// What a token is worth at this moment.
enum TokenRules {
  /// The principal a token speaks for, from the store's present state; nil where it is not valid: expired, revoked,
  /// its user or project gone or disabled, its application credential gone, or no role left. One or two statements.
  static func verify(_ tx: Transaction, _ payload: TokenPayload, at now: Timestamp) throws -> VerifiedToken? {
    guard now < payload.expiresAt, let state = try TokenTable.state(tx, payload), state.userEnabled,
      state.userGeneration == payload.userGeneration, !state.revoked, let scope = scope(payload.scope, state)
    else { return nil }
    var roles = state.roles
    if roles.isEmpty && payload.scope != .unscoped { return nil }
    var endsAt = payload.expiresAt
    var credential: Principal.ApplicationCredential?
    if let id = payload.applicationCredentialID {
      guard let (stored, granted) = try TokenTable.credential(tx, id), stored.userID == payload.userID,
        stored.projectID == scope.projectID, stored.expiresAt.map({ now < $0 }) ?? true
      else { return nil }
      roles = roles.filter { granted.contains($0.id) }
      if roles.isEmpty { return nil }
      endsAt = min(endsAt, stored.expiresAt ?? endsAt)
      credential = .init(id: id, name: stored.name, unrestricted: stored.unrestricted)
    }
    let principal = Principal(
      userID: payload.userID, userName: state.userName, userDomainID: state.domainID, userDomainName: state.domainName,
      scope: scope, roles: roles, methods: payload.methods.names, auditIDs: payload.auditIDs,
      issuedAt: payload.issuedAt, expiresAt: payload.expiresAt, applicationCredential: credential)
    return VerifiedToken(payload: payload, principal: principal, endsAt: endsAt)
  }

  /// The scope with its names; nil where it is gone, disabled, or was disabled since.
  private static func scope(_ scope: TokenPayload.Scope, _ state: TokenTable.State) -> Principal.Scope? {
    switch scope {
    case .unscoped: return .unscoped
    case .system: return .system
    case .project(let id, let generation):
      guard let project = state.target, !state.targetIsDomain, project.enabled, project.generation == generation else {
        return nil
      }
      return .project(
        .init(id: id, name: project.name, domainID: project.domainID, domainName: project.domainName))
    case .domain(let id, let generation):
      guard let domain = state.target, state.targetIsDomain, domain.enabled, domain.generation == generation else {
        return nil
      }
      return .domain(id: id, name: domain.name)
    }
  }

  /// Whether a token may be exchanged for one of another scope: only one that came, at last, from a password. What
  /// came from a delegated credential may not, whatever the scope asked for.
  static func mayRescope(_ payload: TokenPayload) -> Bool {
    payload.applicationCredentialID == nil && payload.methods.isSubset(of: [.password, .token])
  }
}

extension Principal.Scope {
  var projectID: String? { if case .project(let project) = self { project.id } else { nil } }
}
