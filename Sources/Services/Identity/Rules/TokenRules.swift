import API
import Auth
import Kit
import Store

/// A token that was found valid.
struct VerifiedToken: Sendable {
  var payload: TokenPayload
  var principal: Principal
  /// When it ends by itself: with its own time, or that of what it was got with.
  var endsAt: Timestamp
}

/// What a token is worth at this moment.
enum TokenRules {
  /// The principal a token speaks for, from the store's present state; nil where it is not valid: expired, revoked,
  /// its user or project gone or disabled, what it was got with gone, or no role left. `window` is how many seconds
  /// ago it may have expired.
  static func verify(
    _ tx: Transaction, _ payload: TokenPayload, at now: Timestamp, window: Double = 0
  ) throws -> VerifiedToken? {
    // What a token was got with is looked at as it was when the token ended.
    let last = Timestamp(microseconds: payload.expiresAt.microseconds - 1)
    let moment = window > 0 ? min(now, last) : now
    guard now < payload.expiresAt.adding(seconds: window), let state = try TokenTable.state(tx, payload, at: moment),
      state.userEnabled, state.userGeneration == payload.userGeneration, !state.revoked,
      let scope = scope(payload.scope, state)
    else { return nil }
    var principal = Principal(
      userID: payload.userID, userName: state.userName, userDomainID: state.domainID, userDomainName: state.domainName,
      scope: scope, roles: state.roles, methods: payload.methods.names, auditIDs: payload.auditIDs,
      issuedAt: payload.issuedAt, expiresAt: payload.expiresAt, applicationCredential: nil)
    principal.passwordExpiresAt = state.passwordExpiresAt
    principal.federation = payload.federation
    guard let confined = try DelegationRules.confine(tx, principal, payload, at: moment),
      payload.scope == .unscoped || !confined.principal.roles.isEmpty
    else { return nil }
    // It is looked at anew when the user leaves a group that it is in for a time.
    let leaves = payload.isDelegated ? try FederatedUserTable.nextEnd(tx, user: payload.userID, after: moment) : nil
    return VerifiedToken(
      payload: payload, principal: confined.principal,
      endsAt: [payload.expiresAt, confined.endsAt, leaves].compactMap { $0 }.min() ?? payload.expiresAt)
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

  /// Whether a token may be exchanged for one of another scope: only one whose user showed who it is. What came from a
  /// delegated credential may not, whatever the scope asked for.
  static func mayRescope(_ payload: TokenPayload) -> Bool {
    payload.applicationCredentialID == nil && payload.trustID == nil && payload.accessTokenID == nil
      && !payload.methods.isEmpty && payload.methods.isSubset(of: Receipt.showable)
  }

  /// Throws `Fault` 403 where a token may not become one of this scope: the system's never becomes a project's or a
  /// domain's.
  static func requireExchange(of parent: TokenPayload, for scope: TokenPayload.Scope) throws {
    guard parent.scope == .system else { return }
    switch scope {
    case .unscoped, .system: return
    case .project, .domain:
      throw Fault.forbidden("A token of the system cannot be exchanged for one of a project or a domain.")
    }
  }
}

extension Principal.Scope {
  var projectID: String? { if case .project(let project) = self { project.id } else { nil } }
}
