import API
import Auth
import Kit
import Store

/// What a token is worth at this moment.
enum TokenRules {
  /// The principal a token speaks for, from the store's present state; nil where it is not valid: expired, revoked,
  /// its user or project gone or disabled, its application credential gone, or no role left. A few reads by key.
  static func principal(_ tx: Transaction, _ payload: TokenPayload, at now: Timestamp) throws -> Principal? {
    guard now < payload.expiresAt, let user = try UserTable.forToken(tx, payload.userID), user.enabled,
      user.generation == payload.userGeneration, try !RevocationTable.isRevoked(tx, payload),
      let scope = try scope(tx, payload.scope)
    else { return nil }
    var roles = try roles(tx, payload)
    if roles.isEmpty && payload.scope != .unscoped { return nil }
    var credential: Principal.ApplicationCredential?
    if let id = payload.applicationCredentialID {
      guard let stored = try ApplicationCredentialTable.forLogin(tx, id), stored.userID == payload.userID,
        stored.projectID == scope.projectID, !stored.isExpired(at: now)
      else { return nil }
      let granted = Set(try AssignmentTable.effectiveRoles(tx, credential: id))
      roles = roles.filter(granted.contains)
      if roles.isEmpty { return nil }
      credential = .init(id: id, name: stored.name, unrestricted: stored.unrestricted)
    }
    return Principal(
      userID: payload.userID, userName: user.name, userDomainID: user.domainID, userDomainName: user.domainName,
      scope: scope, roles: roles, methods: payload.methods.names, auditIDs: payload.auditIDs,
      issuedAt: payload.issuedAt, expiresAt: payload.expiresAt, applicationCredential: credential)
  }

  /// The scope with its names; nil where it is gone, disabled, or was disabled since.
  private static func scope(_ tx: Transaction, _ scope: TokenPayload.Scope) throws -> Principal.Scope? {
    switch scope {
    case .unscoped: return .unscoped
    case .system: return .system
    case .project(let id, let generation):
      guard let project = try ProjectTable.forToken(tx, id, isDomain: false), project.enabled,
        project.generation == generation
      else { return nil }
      return .project(
        .init(id: id, name: project.name, domainID: project.domainID, domainName: project.domainName))
    case .domain(let id, let generation):
      guard let domain = try ProjectTable.forToken(tx, id, isDomain: true), domain.enabled,
        domain.generation == generation
      else { return nil }
      return .domain(id: id, name: domain.name)
    }
  }

  private static func roles(_ tx: Transaction, _ payload: TokenPayload) throws -> [Principal.Role] {
    switch payload.scope {
    case .unscoped: []
    case .system: try AssignmentTable.effectiveRoles(tx, user: payload.userID, .system)
    case .project(let id, _): try AssignmentTable.effectiveRoles(tx, user: payload.userID, .project(id))
    case .domain(let id, _): try AssignmentTable.effectiveRoles(tx, user: payload.userID, .domain(id))
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
