import Auth
import Kit
import Store

/// Tokens that were revoked before their time.
enum RevocationTable {
  /// Revokes a token, and what was got with it where `descendants`.
  static func insert(_ tx: Transaction, _ payload: TokenPayload, descendants: Bool) throws {
    try tx.execute(
      """
      INSERT INTO identity_revocation (audit_id, descendants, expires_at)
      VALUES (\(Base64URL.encode(payload.auditID)), \(descendants), \(payload.expiresAt))
      ON CONFLICT (audit_id) DO UPDATE SET
        descendants = CASE WHEN excluded.descendants = 1 THEN 1 ELSE identity_revocation.descendants END
      """)
    let id = Base64URL.encode(payload.auditID)
    try RevocationEventTable.note(tx, .token, id)
    if descendants { try RevocationEventTable.note(tx, .chain, id) }
  }

  /// The statement that gives a row where the token, or one that it was got with, was revoked.
  static func revocation(_ payload: TokenPayload) -> SQL {
    let own = Base64URL.encode(payload.auditID)
    if payload.ancestors.isEmpty { return "SELECT 1 FROM identity_revocation WHERE audit_id = \(own)" }
    return """
      SELECT 1 FROM identity_revocation WHERE audit_id = \(own)
      OR descendants = 1 AND audit_id IN (\(list: payload.ancestors.map(Base64URL.encode)))
      """
  }

  /// Forgets what has expired: neither those tokens nor their descendants are alive.
  static func deleteExpired(_ tx: Transaction, at moment: Timestamp) throws {
    try tx.execute("DELETE FROM identity_revocation WHERE expires_at < \(moment)")
  }
}
