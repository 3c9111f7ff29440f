import Auth
import Kit
import Store

/// Access rules of users, and which application credential they confine.
enum AccessRuleTable {
  private static func decode(_ row: any Row) -> AccessRule {
    AccessRule(id: row.text(0), service: row.text(1), method: row.text(2), path: row.text(3))
  }

  static func list(_ tx: Transaction, _ conditions: [SQL], _ chunk: Chunk) throws -> [AccessRule] {
    try tx.query(
      """
      SELECT x.id, x.service, x.method, x.path FROM identity_access_rule x \(chunk.clause(conditions, id: "x.id"))
      """, decode)
  }

  static func find(_ tx: Transaction, user: String, _ id: String) throws -> AccessRule? {
    try list(tx, ["x.id = \(id)", "x.user_id = \(user)"], Chunk(count: 1)).first
  }

  /// What an application credential is confined to.
  static func rules(_ tx: Transaction, credential: String) throws -> [AccessRule] {
    try tx.query(
      """
      SELECT x.id, x.service, x.method, x.path FROM identity_access_rule x
      JOIN identity_application_credential_access_rule y ON y.access_rule_id = x.id
      WHERE y.credential_id = \(credential) ORDER BY x.id
      """, decode)
  }

  /// The user's rule that says the same, made where there is none. Throws `StoreError` where the id is another's.
  static func same(_ tx: Transaction, user: String, as rule: AccessRule) throws -> AccessRule {
    let known = try list(
      tx,
      [
        "x.user_id = \(user)", "x.service = \(rule.service)", "x.method = \(rule.method)", "x.path = \(rule.path)",
      ], Chunk(count: 1)
    ).first
    if let known { return known }
    try tx.execute(
      """
      INSERT INTO identity_access_rule (id, user_id, service, method, path)
      VALUES (\(rule.id), \(user), \(rule.service), \(rule.method), \(rule.path))
      """)
    return rule
  }

  static func confine(_ tx: Transaction, credential: String, to rule: AccessRule) throws {
    try tx.execute(
      """
      INSERT INTO identity_application_credential_access_rule (credential_id, access_rule_id)
      VALUES (\(credential), \(rule.id)) ON CONFLICT DO NOTHING
      """)
  }

  static func isUsed(_ tx: Transaction, _ id: String) throws -> Bool {
    try tx.exists(
      "SELECT 1 FROM identity_application_credential_access_rule y WHERE y.access_rule_id = \(id) LIMIT 1")
  }

  static func delete(_ tx: Transaction, _ id: String) throws {
    try tx.execute("DELETE FROM identity_access_rule WHERE id = \(id)")
  }
}
