import Auth
import Kit
import Store

/// Application credentials.
enum ApplicationCredentialTable {
  private static func decode(_ row: any Row) throws -> ApplicationCredential {
    ApplicationCredential(
      id: row.text(0), userID: row.text(1), name: row.text(2), projectID: row.text(3), description: row.textOrNil(4),
      expiresAt: row.timeOrNil(5), unrestricted: row.bool(6), accessRules: row.bool(7) ? [] : nil)
  }

  static func list(_ tx: Transaction, _ conditions: [SQL], _ chunk: Chunk) throws -> [ApplicationCredential] {
    var credentials = try tx.query(
      """
      SELECT c.id, c.user_id, c.name, c.project_id, c.description, c.expires_at, c.unrestricted, c.confined
      FROM identity_application_credential c \(chunk.clause(conditions, id: "c.id"))
      """, decode)
    var roles: [String: [Named]] = [:]
    try tx.forEach(
      """
      SELECT k.credential_id, r.id, r.name FROM identity_application_credential_role k
      JOIN identity_role r ON r.id = k.role_id WHERE k.credential_id IN (\(list: credentials.map(\.id))) ORDER BY r.name
      """
    ) { roles[$0.text(0), default: []].append(Named(id: $0.text(1), name: $0.text(2))) }
    var rules: [String: [AccessRule]] = [:]
    let confined = credentials.filter { $0.accessRules != nil }.map(\.id)
    if !confined.isEmpty {
      try tx.forEach(
        """
        SELECT y.credential_id, x.id, x.service, x.method, x.path FROM identity_application_credential_access_rule y
        JOIN identity_access_rule x ON x.id = y.access_rule_id
        WHERE y.credential_id IN (\(list: confined)) ORDER BY x.id
        """
      ) {
        rules[$0.text(0), default: []].append(
          .init(id: $0.text(1), service: $0.text(2), method: $0.text(3), path: $0.text(4)))
      }
    }
    for index in credentials.indices {
      let id = credentials[index].id
      credentials[index].roles = roles[id] ?? []
      if credentials[index].accessRules != nil { credentials[index].accessRules = rules[id] ?? [] }
    }
    return credentials
  }

  static func find(_ tx: Transaction, _ id: String) throws -> ApplicationCredential? {
    try list(tx, ["c.id = \(id)"], Chunk(count: 1)).first
  }

  static func insert(_ tx: Transaction, _ credential: ApplicationCredential, secretHash: String) throws {
    try AccessNotes.row(tx, "identity_application_credential", credential.id) {
      try tx.execute(
        """
        INSERT INTO identity_application_credential
          (id, user_id, name, project_id, secret_hash, description, expires_at, unrestricted, confined)
        VALUES (\(credential.id), \(credential.userID), \(credential.name), \(credential.projectID), \(secretHash),
          \(credential.description), \(credential.expiresAt), \(credential.unrestricted),
          \(credential.accessRules != nil))
        """)
      for role in credential.roles {
        try tx.execute(
          """
          INSERT INTO identity_application_credential_role (credential_id, role_id)
          VALUES (\(credential.id), \(role.id))
          """
        )
      }
      for rule in credential.accessRules ?? [] { try AccessRuleTable.confine(tx, credential: credential.id, to: rule) }
    }
  }

  /// Whether it was there.
  static func delete(_ tx: Transaction, user: String, _ id: String) throws -> Bool {
    try AccessNotes.row(tx, "identity_application_credential", id) {
      try tx.execute("DELETE FROM identity_application_credential WHERE id = \(id) AND user_id = \(user)") > 0
    }
  }

  // MARK: Logins

  /// A credential as a token sees it.
  struct ForToken: Sendable {
    var name: String
    var userID: String
    var projectID: String
    var expiresAt: Timestamp?
    var unrestricted: Bool
    /// Whether its access rules say what may be done with it.
    var confined: Bool
  }

  /// What a login needs to know of a credential.
  struct ForLogin: Sendable {
    var id: String
    var name: String
    var userID: String
    var projectID: String
    var secretHash: String
    var expiresAt: Timestamp?
    var unrestricted: Bool

    func isExpired(at moment: Timestamp) -> Bool { expiresAt.map { $0 <= moment } ?? false }
  }

  static func forLogin(_ tx: Transaction, _ id: String) throws -> ForLogin? {
    try first(tx, where: "id = \(id)")
  }

  static func forLogin(_ tx: Transaction, user: String, name: String) throws -> ForLogin? {
    try first(tx, where: "user_id = \(user) AND name = \(name)")
  }

  private static func first(_ tx: Transaction, where condition: SQL) throws -> ForLogin? {
    try tx.first(
      """
      SELECT id, name, user_id, project_id, secret_hash, expires_at, unrestricted
      FROM identity_application_credential WHERE \(condition)
      """
    ) {
      ForLogin(
        id: $0.text(0), name: $0.text(1), userID: $0.text(2), projectID: $0.text(3), secretHash: $0.text(4),
        expiresAt: $0.timeOrNil(5), unrestricted: $0.bool(6))
    }
  }
}
