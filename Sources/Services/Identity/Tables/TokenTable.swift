import Auth
import Kit
import Store

/// Everything the store knows of a token, in one statement (and one more for an application credential's).
enum TokenTable {
  /// A token's user, scope and roles at this moment.
  struct State {
    var userName: String
    var userEnabled: Bool
    var userGeneration: Int
    var domainID: String
    var domainName: String
    /// The scope's project or domain; nil where there is none of that id.
    var target: ProjectTable.ForToken?
    var targetIsDomain: Bool
    var revoked: Bool
    /// When the user's password ends; nil where it does not by itself.
    var passwordExpiresAt: Timestamp?
    /// Effective ones in the scope, implied ones included, by name.
    var roles: [Principal.Role]
  }

  /// nil where the user is gone.
  static func state(_ tx: Transaction, _ payload: TokenPayload, at now: Timestamp) throws -> State? {
    var state: State?
    try tx.forEach(
      """
      \(AssignmentTable.effective(start(payload, now)))
      SELECT u.name, u.enabled, u.token_generation, d.id, d.name, d.enabled,
        p.name, p.enabled, p.token_generation, p.is_domain, o.id, o.name, o.enabled,
        CASE WHEN EXISTS (\(RevocationTable.revocation(payload))) THEN 1 ELSE 0 END, g.id, g.name, u.password_expires_at
      FROM identity_user u JOIN identity_project d ON d.id = u.domain_id
      LEFT JOIN identity_project p ON p.id = \(payload.scope.targetID)
      LEFT JOIN identity_project o ON o.id = p.domain_id
      LEFT JOIN (
        SELECT r.id AS id, r.name AS name FROM effective e JOIN identity_role r ON r.id = e.id AND r.domain_id IS NULL
      ) g ON 1 = 1
      WHERE u.id = \(payload.userID) ORDER BY g.name
      """
    ) { row in
      if state == nil { state = decode(row, targetID: payload.scope.targetID ?? "") }
      if let role = row.textOrNil(14) { state?.roles.append(.init(id: role, name: row.text(15))) }
    }
    return state
  }

  private static func decode(_ row: any Row, targetID: String) -> State {
    var target: ProjectTable.ForToken?
    if let name = row.textOrNil(6) {
      target = .init(
        id: targetID, name: name, domainID: row.textOrNil(10) ?? targetID, domainName: row.textOrNil(11) ?? name,
        enabled: row.bool(7) && (row.boolOrNil(12) ?? true), generation: row.int(8))
    }
    return State(
      userName: row.text(0), userEnabled: row.bool(1) && row.bool(5), userGeneration: row.int(2), domainID: row.text(3),
      domainName: row.text(4), target: target, targetIsDomain: row.boolOrNil(9) ?? false, revoked: row.bool(13),
      passwordExpiresAt: row.timeOrNil(16), roles: [])
  }

  /// A delegated token has the groups that a federated login left its user in; that login's own tokens carry theirs.
  private static func start(_ payload: TokenPayload, _ now: Timestamp) -> SQL {
    let groups = payload.federation?.groupIDs ?? []
    let moment = payload.isDelegated ? now : nil
    let target: Target
    switch payload.scope {
    case .unscoped: return "SELECT a.role_id FROM identity_role_assignment a WHERE 1 = 0"
    case .system: target = .system
    case .project(let id, _): target = .project(id)
    case .domain(let id, _): target = .domain(id)
    }
    return AssignmentTable.held(user: payload.userID, groups: groups, expiringAt: moment, target)
  }

  /// An application credential with the ids of all roles that it brings; nil where it is gone.
  static func credential(
    _ tx: Transaction, _ id: String
  ) throws -> (credential: ApplicationCredentialTable.ForToken, roles: Set<String>)? {
    var found: ApplicationCredentialTable.ForToken?
    var roles: Set<String> = []
    try tx.forEach(
      """
      \(AssignmentTable.effective(AssignmentTable.held(credential: id)))
      SELECT c.name, c.user_id, c.project_id, c.expires_at, c.unrestricted, e.id, c.confined
      FROM identity_application_credential c LEFT JOIN effective e ON 1 = 1 WHERE c.id = \(id)
      """
    ) { row in
      if found == nil {
        found = .init(
          name: row.text(0), userID: row.text(1), projectID: row.text(2), expiresAt: row.timeOrNil(3),
          unrestricted: row.bool(4), confined: row.bool(6))
      }
      if let role = row.textOrNil(5) { roles.insert(role) }
    }
    return found.map { ($0, roles) }
  }
}

extension TokenPayload {
  /// Whether it came by something that another gave, or that was made to last.
  var isDelegated: Bool {
    applicationCredentialID != nil || trustID != nil || accessTokenID != nil || methods.contains(.ec2credential)
  }
}

extension TokenPayload.Scope {
  /// The project or domain a token is good for.
  var targetID: String? {
    switch self {
    case .unscoped, .system: nil
    case .project(let id, _), .domain(let id, _): id
    }
  }
}
