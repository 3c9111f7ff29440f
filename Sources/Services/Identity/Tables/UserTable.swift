import Kit
import Store

/// Users.
enum UserTable {
  private static let columns = """
    u.id, u.domain_id, u.name, u.enabled, u.default_project_id, u.options, u.extra, u.password_expires_at,
    coalesce(u.last_active_at, u.created_at)
    """

  private static func decode(_ row: any Row) throws -> User {
    User(
      id: row.text(0), domainID: row.text(1), name: row.text(2), enabled: row.bool(3),
      defaultProjectID: row.textOrNil(4), options: try row.document(5), extra: try row.document(6),
      passwordExpiresAt: row.timeOrNil(7), lastActiveAt: row.timeOrNil(8))
  }

  static func find(_ tx: Transaction, _ id: String) throws -> User? {
    try list(tx, ["u.id = \(id)"], Chunk(count: 1)).first
  }

  static func list(_ tx: Transaction, _ conditions: [SQL], _ chunk: Chunk) throws -> [User] {
    try tx.query("SELECT \(raw: columns) FROM identity_user u \(chunk.clause(conditions, id: "u.id"))", decode)
  }

  /// The names of those that are there, by id.
  static func names(_ tx: Transaction, _ ids: [String]) throws -> [String: String] {
    if ids.isEmpty { return [:] }
    return Dictionary(
      try tx.query("SELECT id, name FROM identity_user WHERE id IN (\(list: ids))") { ($0.text(0), $0.text(1)) },
      uniquingKeysWith: { $1 })
  }

  /// A new user. Its password is set after that, with `PasswordRules.set`.
  static func insert(_ tx: Transaction, _ user: User, at now: Timestamp) throws {
    try AccessNotes.row(tx, "identity_user", user.id) {
      try tx.execute(
        """
        INSERT INTO identity_user (id, domain_id, name, enabled, default_project_id, options, extra, created_at)
        VALUES (\(user.id), \(user.domainID), \(user.name), \(user.enabled), \(user.defaultProjectID),
          \(user.options.document), \(user.extra.document), \(now))
        """)
      try tx.change("user", user.id)
    }
  }

  static func update(_ tx: Transaction, _ user: User) throws {
    try AccessNotes.row(tx, "identity_user", user.id) {
      try tx.execute(
        """
        UPDATE identity_user SET name = \(user.name), enabled = \(user.enabled),
          default_project_id = \(user.defaultProjectID), options = \(user.options.document),
          extra = \(user.extra.document)
        WHERE id = \(user.id)
        """)
      try tx.change("user", user.id)
    }
  }

  /// Takes a project, or every one of a domain, from the users who have it as their default.
  static func forgetDefaultProjects(_ tx: Transaction, of id: String) throws {
    try tx.execute(
      """
      UPDATE identity_user SET default_project_id = NULL WHERE default_project_id IN
        (SELECT p.id FROM identity_project p WHERE p.id = \(id) OR p.domain_id = \(id))
      """)
  }

  /// What `forgetDefaultProjects` takes away, to be put back when the project is restored.
  static func defaultProjects(_ tx: Transaction, of id: String) throws -> [ArchivedRow] {
    try tx.query(
      """
      SELECT u.id, u.default_project_id FROM identity_user u JOIN identity_project p ON p.id = u.default_project_id
      WHERE p.id = \(id) OR p.domain_id = \(id)
      """
    ) {
      ArchivedRow(
        table: ArchivedRow.defaultProject,
        values: ["user_id": .string($0.text(0)), "default_project_id": .string($0.text(1))],
        key: JSONValue.array([.string($0.text(0))]).text)
    }
  }

  /// Gives a user its default project back, where it has no other by now.
  static func restoreDefaultProject(_ tx: Transaction, _ row: ArchivedRow) throws {
    guard let user = row.values["user_id"]?.string, let project = row.values["default_project_id"]?.string else {
      return
    }
    try tx.execute(
      """
      UPDATE identity_user SET default_project_id = \(project) WHERE id = \(user) AND default_project_id IS NULL
      """)
  }

  /// Voids every token of the user.
  static func voidTokens(_ tx: Transaction, _ id: String) throws {
    try tx.execute("UPDATE identity_user SET token_generation = token_generation + 1 WHERE id = \(id)")
    try RevocationEventTable.note(tx, .user, id)
  }

  // MARK: Logins

  /// The id of the user a reference names.
  static func id(_ tx: Transaction, _ reference: Reference) throws -> String? {
    switch reference {
    case .id(let id):
      return try tx.first("SELECT id FROM identity_user WHERE id = \(id)") { $0.text(0) }
    case .name(let name, let domain):
      guard let domainID = try ProjectTable.domainID(tx, domain) else { return nil }
      return try tx.first("SELECT id FROM identity_user WHERE domain_id = \(domainID) AND name = \(name)") {
        $0.text(0)
      }
    }
  }

  /// A user as a token sees it.
  struct ForToken {
    var name: String
    var domainID: String
    var domainName: String
    /// The user and its domain.
    var enabled: Bool
    var generation: Int
  }

  static func forToken(_ tx: Transaction, _ id: String) throws -> ForToken? {
    try tx.first(
      """
      SELECT u.name, d.id, d.name, u.enabled, d.enabled, u.token_generation FROM identity_user u
      JOIN identity_project d ON d.id = u.domain_id WHERE u.id = \(id)
      """
    ) {
      ForToken(
        name: $0.text(0), domainID: $0.text(1), domainName: $0.text(2), enabled: $0.bool(3) && $0.bool(4),
        generation: $0.int(5))
    }
  }
}
