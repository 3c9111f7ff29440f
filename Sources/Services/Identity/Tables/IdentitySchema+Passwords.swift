extension IdentitySchema {
  /// Passwords with their history, and what a login leaves behind.
  static let passwords = [
    "ALTER TABLE identity_user ADD COLUMN created_at INTEGER",
    "ALTER TABLE identity_user ADD COLUMN last_active_at INTEGER",
    "ALTER TABLE identity_user ADD COLUMN password_created_at INTEGER",
    "ALTER TABLE identity_user ADD COLUMN password_expires_at INTEGER",
    "ALTER TABLE identity_user ADD COLUMN password_self_service INTEGER NOT NULL DEFAULT 0",
    // The time step of the last passcode that was used: neither it nor an older one is taken again.
    "ALTER TABLE identity_user ADD COLUMN passcode_step INTEGER NOT NULL DEFAULT 0",
    // Hashes of former passwords, newest last; as many as the rules look at.
    """
    CREATE TABLE identity_password (
      user_id TEXT NOT NULL REFERENCES identity_user (id) ON DELETE CASCADE, hash TEXT NOT NULL,
      replaced_at INTEGER NOT NULL, PRIMARY KEY (user_id, hash))
    """,
  ]
}
