extension IdentitySchema {
  /// Credentials, trusts, access rules and OAuth 1.0a.
  ///
  /// What must be read again in the clear (a credential's blob, secrets that signatures are made with) is sealed with
  /// the keys of credentials: `sealed`, and in `sealed_by` the print of the key.
  static let trusts: [String] = credentials + accessRules + trust + oauth1

  private static let credentials = [
    """
    CREATE TABLE identity_credential (
      id TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES identity_user (id) ON DELETE CASCADE,
      project_id TEXT REFERENCES identity_project (id) ON DELETE CASCADE, type TEXT NOT NULL,
      sealed TEXT NOT NULL, sealed_by TEXT NOT NULL, extra TEXT NOT NULL)
    """,
    "CREATE INDEX identity_credential_user ON identity_credential (user_id, type)",
    "CREATE INDEX identity_credential_project ON identity_credential (project_id)",
    "CREATE INDEX identity_credential_key ON identity_credential (sealed_by)",
    // Signed requests that were taken, until they would be too old anyway: none is taken twice.
    "CREATE TABLE identity_seen_signature (digest TEXT PRIMARY KEY, expires_at INTEGER NOT NULL)",
    "CREATE INDEX identity_seen_signature_expiry ON identity_seen_signature (expires_at)",
  ]

  private static let accessRules = [
    // Whether only what its access rules say may be done with it.
    "ALTER TABLE identity_application_credential ADD COLUMN confined INTEGER NOT NULL DEFAULT 0",
    """
    CREATE TABLE identity_access_rule (
      id TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES identity_user (id) ON DELETE CASCADE,
      service TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, UNIQUE (user_id, service, method, path))
    """,
    // A rule that a credential uses cannot go.
    """
    CREATE TABLE identity_application_credential_access_rule (
      credential_id TEXT NOT NULL REFERENCES identity_application_credential (id) ON DELETE CASCADE,
      access_rule_id TEXT NOT NULL REFERENCES identity_access_rule (id), PRIMARY KEY (credential_id, access_rule_id))
    """,
    """
    CREATE INDEX identity_application_credential_access_rule_rule
    ON identity_application_credential_access_rule (access_rule_id)
    """,
  ]

  private static let trust = [
    """
    CREATE TABLE identity_trust (
      id TEXT PRIMARY KEY, trustor_user_id TEXT NOT NULL REFERENCES identity_user (id) ON DELETE CASCADE,
      trustee_user_id TEXT NOT NULL REFERENCES identity_user (id) ON DELETE CASCADE,
      project_id TEXT REFERENCES identity_project (id) ON DELETE CASCADE, impersonation INTEGER NOT NULL,
      expires_at INTEGER, remaining_uses INTEGER,
      redelegated_trust_id TEXT REFERENCES identity_trust (id) ON DELETE CASCADE, redelegation_count INTEGER NOT NULL,
      extra TEXT NOT NULL, UNIQUE (trustor_user_id, trustee_user_id, project_id, impersonation, expires_at))
    """,
    "CREATE INDEX identity_trust_trustee ON identity_trust (trustee_user_id)",
    "CREATE INDEX identity_trust_project ON identity_trust (project_id)",
    "CREATE INDEX identity_trust_parent ON identity_trust (redelegated_trust_id)",
    // Not a reference: a trust with a role that is gone must not become one with fewer roles.
    """
    CREATE TABLE identity_trust_role (
      trust_id TEXT NOT NULL REFERENCES identity_trust (id) ON DELETE CASCADE, role_id TEXT NOT NULL,
      PRIMARY KEY (trust_id, role_id))
    """,
  ]

  private static let oauth1 = [
    """
    CREATE TABLE identity_consumer (
      id TEXT PRIMARY KEY, description TEXT, sealed TEXT NOT NULL, sealed_by TEXT NOT NULL, extra TEXT NOT NULL)
    """,
    // `roles` is a JSON array of ids; with verifier and user it is set once the token is authorised.
    """
    CREATE TABLE identity_request_token (
      id TEXT PRIMARY KEY, consumer_id TEXT NOT NULL REFERENCES identity_consumer (id) ON DELETE CASCADE,
      project_id TEXT NOT NULL REFERENCES identity_project (id) ON DELETE CASCADE,
      user_id TEXT REFERENCES identity_user (id) ON DELETE CASCADE, roles TEXT NOT NULL, verifier TEXT,
      expires_at INTEGER NOT NULL, sealed TEXT NOT NULL, sealed_by TEXT NOT NULL)
    """,
    "CREATE INDEX identity_request_token_consumer ON identity_request_token (consumer_id)",
    "CREATE INDEX identity_request_token_expiry ON identity_request_token (expires_at)",
    """
    CREATE TABLE identity_access_token (
      id TEXT PRIMARY KEY, consumer_id TEXT NOT NULL REFERENCES identity_consumer (id) ON DELETE CASCADE,
      project_id TEXT NOT NULL REFERENCES identity_project (id) ON DELETE CASCADE,
      user_id TEXT NOT NULL REFERENCES identity_user (id) ON DELETE CASCADE,
      expires_at INTEGER NOT NULL, sealed TEXT NOT NULL, sealed_by TEXT NOT NULL)
    """,
    "CREATE INDEX identity_access_token_consumer ON identity_access_token (consumer_id)",
    "CREATE INDEX identity_access_token_user ON identity_access_token (user_id)",
    """
    CREATE TABLE identity_access_token_role (
      access_token_id TEXT NOT NULL REFERENCES identity_access_token (id) ON DELETE CASCADE,
      role_id TEXT NOT NULL REFERENCES identity_role (id) ON DELETE CASCADE, PRIMARY KEY (access_token_id, role_id))
    """,
  ]
}
