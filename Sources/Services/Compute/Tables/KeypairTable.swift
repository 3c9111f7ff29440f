import Store

/// Public keys, by user.
enum KeypairTable {
  private static let columns = "user_id, name, number, type, public_key, fingerprint, created_at"

  private static func decode(_ row: any Row) -> Keypair {
    Keypair(
      userID: row.text(0), name: row.text(1), number: row.int(2), type: row.text(3), publicKey: row.text(4),
      fingerprint: row.text(5), createdAt: row.time(6))
  }

  static func find(_ tx: Transaction, user: String, name: String) throws -> Keypair? {
    try tx.first("SELECT \(raw: columns) FROM keypair WHERE user_id = \(user) AND name = \(name)", decode)
  }

  /// By name, after `marker`.
  static func list(_ tx: Transaction, user: String, after marker: String?, limit: Int) throws -> [Keypair] {
    try tx.query(
      """
      SELECT \(raw: columns) FROM keypair WHERE user_id = \(user) AND name > \(marker ?? "") ORDER BY name
      LIMIT \(limit)
      """, decode)
  }

  static func count(_ tx: Transaction, user: String) throws -> Int {
    try tx.count("SELECT count(*) FROM keypair WHERE user_id = \(user)")
  }

  /// False where the name is taken, or the user has as many as `max` already, where that is not negative.
  static func insert(_ tx: Transaction, _ key: Keypair, max: Int) throws -> Bool {
    try tx.execute(
      """
      INSERT INTO keypair (user_id, name, number, type, public_key, fingerprint, created_at)
      SELECT \(key.userID), \(key.name), (SELECT COALESCE(max(number), 0) + 1 FROM keypair), \(key.type),
        \(key.publicKey), \(key.fingerprint), \(key.createdAt)
      WHERE \(room(key.userID, max)) ON CONFLICT (user_id, name) DO NOTHING
      """) > 0
  }

  private static func room(_ user: String, _ max: Int) -> SQL {
    max < 0 ? "1 = 1" : "(SELECT count(*) FROM keypair WHERE user_id = \(user)) < \(max)"
  }

  static func delete(_ tx: Transaction, user: String, name: String) throws -> Bool {
    try tx.execute("DELETE FROM keypair WHERE user_id = \(user) AND name = \(name)") > 0
  }
}
