import Kit
import Store

/// Users.
enum UserTable {
  private static let columns = "u.id, u.domain_id, u.name, u.enabled, u.default_project_id, u.options, u.extra"

  private static func decode(_ row: any Row) throws -> User {
    User(
      id: row.text(0), domainID: row.text(1), name: row.text(2), enabled: row.bool(3),
      defaultProjectID: row.textOrNil(4), options: try row.document(5), extra: try row.document(6))
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

  static func insert(_ tx: Transaction, _ user: User, passwordHash: String?) throws {
    try tx.execute(
      """
      INSERT INTO identity_user (id, domain_id, name, enabled, default_project_id, password_hash, options, extra)
      VALUES (\(user.id), \(user.domainID), \(user.name), \(user.enabled), \(user.defaultProjectID), \(passwordHash),
        \(user.options.document), \(user.extra.document))
      """)
    try tx.change("user", user.id)
  }

  static func update(_ tx: Transaction, _ user: User) throws {
    try tx.execute(
      """
      UPDATE identity_user SET name = \(user.name), enabled = \(user.enabled),
        default_project_id = \(user.defaultProjectID), options = \(user.options.document),
        extra = \(user.extra.document)
      WHERE id = \(user.id)
      """)
    try tx.change("user", user.id)
  }

  static func delete(_ tx: Transaction, _ id: String) throws {
    try tx.execute("DELETE FROM identity_user WHERE id = \(id)")
    try tx.change("user", id)
  }

  /// Voids every token of the user.
  static func voidTokens(_ tx: Transaction, _ id: String) throws {
    try tx.execute("UPDATE identity_user SET token_generation = token_generation + 1 WHERE id = \(id)")
  }

  /// Sets the password, forgives failed logins and voids every token of the user.
  static func setPassword(_ tx: Transaction, _ id: String, hash: String?) throws {
    try tx.execute(
      """
      UPDATE identity_user SET password_hash = \(hash), failed_logins = 0, last_failed_at = NULL,
        token_generation = token_generation + 1 WHERE id = \(id)
      """)
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

  static func login(_ tx: Transaction, _ id: String) throws -> UserLogin? {
    try tx.first(
      """
      SELECT enabled, password_hash, failed_logins, last_failed_at, options, default_project_id, token_generation
      FROM identity_user WHERE id = \(id)
      """
    ) {
      UserLogin(
        id: id, enabled: $0.bool(0), passwordHash: $0.textOrNil(1), failedLogins: $0.int(2),
        lastFailedAt: $0.timeOrNil(3), options: try $0.document(4), defaultProjectID: $0.textOrNil(5),
        tokenGeneration: $0.int(6))
    }
  }

  static func setFailures(_ tx: Transaction, _ id: String, _ count: Int, at moment: Timestamp?) throws {
    try tx.execute(
      "UPDATE identity_user SET failed_logins = \(count), last_failed_at = \(moment) WHERE id = \(id)")
  }

  /// Counts a refused login, whoever it was for.
  static func countRefusedLogin(_ tx: Transaction) throws {
    try tx.execute("UPDATE identity_login_tally SET refused = refused + 1 WHERE id = 1")
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
