import Auth
import Kit
import Store

/// Secrets of the tables of OAuth 1.0a, sealed.
private func open(_ row: any Row, _ column: Int, _ keys: KeyRepository) throws -> Secret<String> {
  guard let text = keys.open(row.text(column)).flatMap({ String(validating: $0, as: UTF8.self) }) else {
    throw CredentialTable.Sealed(id: row.text(0))
  }
  return Secret(text)
}

/// OAuth 1.0a consumers.
enum ConsumerTable {
  static func list(
    _ tx: Transaction, _ keys: KeyRepository, _ conditions: [SQL], _ chunk: Chunk
  ) throws -> [Consumer] {
    try tx.query(
      "SELECT c.id, c.description, c.sealed, c.extra FROM identity_consumer c \(chunk.clause(conditions, id: "c.id"))"
    ) {
      Consumer(
        id: $0.text(0), description: $0.textOrNil(1), secret: try open($0, 2, keys), extra: try $0.document(3))
    }
  }

  static func find(_ tx: Transaction, _ keys: KeyRepository, _ id: String) throws -> Consumer? {
    try list(tx, keys, ["c.id = \(id)"], Chunk(count: 1)).first
  }

  static func insert(_ tx: Transaction, _ keys: KeyRepository, _ consumer: Consumer, at now: Timestamp) throws {
    let (sealed, by) = try keys.sealNamed(Array(consumer.secret.reveal().utf8), at: now)
    try tx.execute(
      """
      INSERT INTO identity_consumer (id, description, sealed, sealed_by, extra)
      VALUES (\(consumer.id), \(consumer.description), \(sealed), \(by), \(consumer.extra.document))
      """)
  }

  static func update(_ tx: Transaction, _ consumer: Consumer) throws {
    try tx.execute(
      """
      UPDATE identity_consumer SET description = \(consumer.description), extra = \(consumer.extra.document)
      WHERE id = \(consumer.id)
      """)
  }

  static func delete(_ tx: Transaction, _ id: String) throws {
    try tx.execute("DELETE FROM identity_consumer WHERE id = \(id)")
    try RevocationEventTable.note(tx, .consumer, id)
  }
}

/// OAuth 1.0a request tokens.
enum RequestTokenTable {
  static func find(_ tx: Transaction, _ keys: KeyRepository, _ id: String) throws -> RequestToken? {
    try tx.first(
      """
      SELECT q.id, q.consumer_id, q.project_id, q.sealed, q.expires_at, q.user_id, q.roles, q.verifier
      FROM identity_request_token q WHERE q.id = \(id)
      """
    ) { row in
      let roles = try JSONValue(parsing: row.text(6)).array ?? []
      return RequestToken(
        id: row.text(0), consumerID: row.text(1), projectID: row.text(2), secret: try open(row, 3, keys),
        expiresAt: row.time(4), userID: row.textOrNil(5), roleIDs: roles.compactMap(\.string),
        verifier: row.textOrNil(7).map { Secret($0) })
    }
  }

  static func insert(_ tx: Transaction, _ keys: KeyRepository, _ token: RequestToken, at now: Timestamp) throws {
    let (sealed, by) = try keys.sealNamed(Array(token.secret.reveal().utf8), at: now)
    try tx.execute(
      """
      INSERT INTO identity_request_token (id, consumer_id, project_id, roles, expires_at, sealed, sealed_by)
      VALUES (\(token.id), \(token.consumerID), \(token.projectID), '[]', \(token.expiresAt), \(sealed), \(by))
      """)
  }

  static func count(_ tx: Transaction, consumer: String) throws -> Int {
    try tx.count("SELECT count(*) FROM identity_request_token q WHERE q.consumer_id = \(consumer)")
  }

  static func authorize(
    _ tx: Transaction, _ id: String, user: String, roles: [String], verifier: Secret<String>
  ) throws {
    let roles = JSONValue.array(roles.map { .string($0) }).text
    try tx.execute(
      """
      UPDATE identity_request_token SET user_id = \(user), roles = \(roles), verifier = \(verifier.reveal())
      WHERE id = \(id)
      """)
  }

  /// Whether it was there: of two that exchange it, one does.
  static func delete(_ tx: Transaction, _ id: String) throws -> Bool {
    try tx.execute("DELETE FROM identity_request_token WHERE id = \(id)") > 0
  }

  static func deleteExpired(_ tx: Transaction, at moment: Timestamp) throws {
    try tx.execute("DELETE FROM identity_request_token WHERE expires_at < \(moment)")
  }
}

/// OAuth 1.0a access tokens.
enum AccessTokenTable {
  private static func decode(_ row: any Row, _ keys: KeyRepository) throws -> AccessToken {
    AccessToken(
      id: row.text(0), consumerID: row.text(1), userID: row.text(2), projectID: row.text(3),
      secret: try open(row, 4, keys), expiresAt: row.time(5))
  }

  /// Without their roles.
  static func list(
    _ tx: Transaction, _ keys: KeyRepository, _ conditions: [SQL], _ chunk: Chunk
  ) throws -> [AccessToken] {
    try tx.query(
      """
      SELECT a.id, a.consumer_id, a.user_id, a.project_id, a.sealed, a.expires_at FROM identity_access_token a
      \(chunk.clause(conditions, id: "a.id"))
      """
    ) { try decode($0, keys) }
  }

  static func find(_ tx: Transaction, _ keys: KeyRepository, _ id: String) throws -> AccessToken? {
    guard var token = try list(tx, keys, ["a.id = \(id)"], Chunk(count: 1)).first else { return nil }
    token.roleIDs = try tx.query(
      "SELECT k.role_id FROM identity_access_token_role k WHERE k.access_token_id = \(id) ORDER BY k.role_id"
    ) { $0.text(0) }
    return token
  }

  static func insert(_ tx: Transaction, _ keys: KeyRepository, _ token: AccessToken, at now: Timestamp) throws {
    let (sealed, by) = try keys.sealNamed(Array(token.secret.reveal().utf8), at: now)
    try tx.execute(
      """
      INSERT INTO identity_access_token (id, consumer_id, user_id, project_id, expires_at, sealed, sealed_by)
      VALUES (\(token.id), \(token.consumerID), \(token.userID), \(token.projectID), \(token.expiresAt), \(sealed),
        \(by))
      """)
    for role in Set(token.roleIDs) {
      // One that went meanwhile is not given.
      try tx.execute(
        """
        INSERT INTO identity_access_token_role (access_token_id, role_id)
        SELECT \(token.id), r.id FROM identity_role r WHERE r.id = \(role)
        """)
    }
  }

  static func delete(_ tx: Transaction, _ id: String) throws {
    try tx.execute("DELETE FROM identity_access_token WHERE id = \(id)")
    try RevocationEventTable.note(tx, .accessToken, id)
  }

  static func deleteExpired(_ tx: Transaction, at moment: Timestamp) throws {
    try tx.execute("DELETE FROM identity_access_token WHERE expires_at < \(moment)")
  }

  /// An access token as a token that came by it sees it.
  struct ForToken {
    var userID: String
    var projectID: String
    var consumerID: String
    var expiresAt: Timestamp
    /// Ids of the roles it gives, implied ones included.
    var roleIDs: Set<String>
  }

  static func forToken(_ tx: Transaction, _ id: String) throws -> ForToken? {
    let found = try tx.first(
      "SELECT a.user_id, a.project_id, a.consumer_id, a.expires_at FROM identity_access_token a WHERE a.id = \(id)"
    ) { (user: $0.text(0), project: $0.text(1), consumer: $0.text(2), expiresAt: $0.time(3)) }
    guard let found else { return nil }
    let roles = try AssignmentTable.effectiveIDs(
      tx, "SELECT k.role_id FROM identity_access_token_role k WHERE k.access_token_id = \(id)")
    return ForToken(
      userID: found.user, projectID: found.project, consumerID: found.consumer, expiresAt: found.expiresAt,
      roleIDs: roles)
  }
}
