import Kit
import Store

/// What a login reads and leaves behind.
extension UserTable {
  static func login(_ tx: Transaction, _ id: String) throws -> UserLogin? {
    try tx.first(
      """
      SELECT domain_id, enabled, password_hash, password_created_at, password_expires_at, password_self_service,
        failed_logins, last_failed_at, coalesce(last_active_at, created_at), passcode_step, options, default_project_id,
        token_generation
      FROM identity_user WHERE id = \(id)
      """
    ) {
      UserLogin(
        id: id, domainID: $0.text(0), enabled: $0.bool(1), passwordHash: $0.textOrNil(2),
        password: PasswordFacts(
          createdAt: $0.timeOrNil(3), expiresAt: $0.timeOrNil(4), isSelfService: $0.bool(5)),
        failedLogins: $0.int(6), lastFailedAt: $0.timeOrNil(7), lastActiveAt: $0.timeOrNil(8), passcodeStep: $0.int(9),
        options: try $0.document(10), defaultProjectID: $0.textOrNil(11), tokenGeneration: $0.int(12))
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

  /// Notes that the user was active at `now`, once a day: `day` is when the present one began.
  static func noteActive(_ tx: Transaction, _ id: String, at now: Timestamp, day: Timestamp) throws {
    try tx.execute(
      """
      UPDATE identity_user SET last_active_at = \(now)
      WHERE id = \(id) AND (last_active_at IS NULL OR last_active_at < \(day))
      """)
  }

  /// Lets a user in again whom failures or inactivity kept out.
  static func readmit(_ tx: Transaction, _ id: String, at now: Timestamp) throws {
    try tx.execute(
      """
      UPDATE identity_user SET failed_logins = 0, last_failed_at = NULL, last_active_at = \(now) WHERE id = \(id)
      """)
  }

  /// Uses a passcode up: neither that of this time step nor an older one is good any more. False where it was.
  static func usePasscode(_ tx: Transaction, _ id: String, step: Int) throws -> Bool {
    try tx.execute("UPDATE identity_user SET passcode_step = \(step) WHERE id = \(id) AND passcode_step < \(step)") > 0
  }

  // MARK: Passwords

  /// Sets the password, forgives failed logins and voids every token of the user. nil takes the password away.
  static func setPassword(_ tx: Transaction, _ id: String, hash: String?, _ facts: PasswordFacts) throws {
    try tx.execute(
      """
      UPDATE identity_user SET password_hash = \(hash), password_created_at = \(facts.createdAt),
        password_expires_at = \(facts.expiresAt), password_self_service = \(facts.isSelfService), failed_logins = 0,
        last_failed_at = NULL, token_generation = token_generation + 1
      WHERE id = \(id)
      """)
    try RevocationEventTable.note(tx, .user, id)
  }

  /// Puts another hash of the same password in the place of `old`; it is the same password, so no token dies.
  static func replaceHash(_ tx: Transaction, _ id: String, _ old: String, with new: String) throws {
    try tx.execute("UPDATE identity_user SET password_hash = \(new) WHERE id = \(id) AND password_hash = \(old)")
  }

  /// Hashes of former passwords, the newest first.
  static func formerHashes(_ tx: Transaction, _ id: String, countMax: Int) throws -> [String] {
    try tx.query(
      "SELECT hash FROM identity_password WHERE user_id = \(id) ORDER BY replaced_at DESC, hash LIMIT \(countMax)"
    ) { $0.text(0) }
  }

  /// Remembers a hash that is replaced now, and forgets all but the newest `countMax`.
  static func remember(_ tx: Transaction, _ id: String, formerHash: String, at now: Timestamp, countMax: Int) throws {
    try tx.execute(
      """
      INSERT INTO identity_password (user_id, hash, replaced_at) VALUES (\(id), \(formerHash), \(now))
      ON CONFLICT (user_id, hash) DO UPDATE SET replaced_at = excluded.replaced_at
      """)
    let kept = try formerHashes(tx, id, countMax: countMax)
    try tx.execute("DELETE FROM identity_password WHERE user_id = \(id) AND hash NOT IN (\(list: kept))")
  }
}
