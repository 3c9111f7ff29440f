import Auth
import Kit
import Store

/// Credentials. Their blobs are sealed, and opened only where somebody may see or use them.
enum CredentialTable {
  /// One whose blob no key opens: the keys were lost, or the row was changed by hand.
  struct Sealed: Error, CustomStringConvertible {
    var id: String
    var description: String { "no key opens the blob of credential \(id)" }
  }

  private static func decode(_ row: any Row, _ keys: KeyRepository) throws -> Credential {
    guard let blob = keys.open(row.text(4)).flatMap({ String(validating: $0, as: UTF8.self) }) else {
      throw Sealed(id: row.text(0))
    }
    return Credential(
      id: row.text(0), userID: row.text(1), projectID: row.textOrNil(2), type: row.text(3), blob: Secret(blob),
      extra: try row.document(5))
  }

  static func list(
    _ tx: Transaction, _ keys: KeyRepository, _ conditions: [SQL], _ chunk: Chunk
  ) throws -> [Credential] {
    try tx.query(
      """
      SELECT c.id, c.user_id, c.project_id, c.type, c.sealed, c.extra FROM identity_credential c
      \(chunk.clause(conditions, id: "c.id"))
      """
    ) { try decode($0, keys) }
  }

  static func find(_ tx: Transaction, _ keys: KeyRepository, _ id: String) throws -> Credential? {
    try list(tx, keys, ["c.id = \(id)"], Chunk(count: 1)).first
  }

  /// Blobs of a user's credentials of one type, at most `countMax`.
  static func blobs(
    _ tx: Transaction, _ keys: KeyRepository, user: String, type: String, countMax: Int
  ) throws -> [String] {
    try list(tx, keys, ["c.user_id = \(user)", "c.type = \(type)"], Chunk(count: countMax)).map { $0.blob.reveal() }
  }

  static func insert(
    _ tx: Transaction, _ keys: KeyRepository, _ credential: Credential, at now: Timestamp
  ) throws {
    try AccessNotes.row(tx, "identity_credential", credential.id) {
      let (sealed, by) = try keys.sealNamed(Array(credential.blob.reveal().utf8), at: now)
      try tx.execute(
        """
        INSERT INTO identity_credential (id, user_id, project_id, type, sealed, sealed_by, extra)
        VALUES (\(credential.id), \(credential.userID), \(credential.projectID), \(credential.type), \(sealed), \(by),
          \(credential.extra.document))
        """)
    }
  }

  static func setBlob(
    _ tx: Transaction, _ keys: KeyRepository, _ id: String, _ blob: Secret<String>, at now: Timestamp
  ) throws {
    let (sealed, by) = try keys.sealNamed(Array(blob.reveal().utf8), at: now)
    try tx.execute("UPDATE identity_credential SET sealed = \(sealed), sealed_by = \(by) WHERE id = \(id)")
  }

  static func delete(_ tx: Transaction, _ id: String) throws {
    try AccessNotes.row(tx, "identity_credential", id) {
      try tx.execute("DELETE FROM identity_credential WHERE id = \(id)")
    }
  }

  // MARK: Signed requests

  /// Notes a signed request; false where it was noted before.
  static func noteSignature(_ tx: Transaction, _ digest: String, until end: Timestamp) throws -> Bool {
    try tx.execute(
      """
      INSERT INTO identity_seen_signature (digest, expires_at) VALUES (\(digest), \(end)) ON CONFLICT DO NOTHING
      """) > 0
  }

  static func forgetSignatures(_ tx: Transaction, before moment: Timestamp) throws {
    try tx.execute("DELETE FROM identity_seen_signature WHERE expires_at < \(moment)")
  }
}
