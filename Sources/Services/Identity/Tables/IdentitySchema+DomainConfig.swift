extension IdentitySchema {
  /// Settings of domains, an option a row; the value is a JSON value. Sensitive ones are sealed by the keys of
  /// credentials: `sealed`, and in `sealed_by` the print of the key.
  static let domainConfig = [
    """
    CREATE TABLE identity_domain_config (
      domain_id TEXT NOT NULL REFERENCES identity_project (id) ON DELETE CASCADE, option_group TEXT NOT NULL,
      name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (domain_id, option_group, name))
    """,
    """
    CREATE TABLE identity_domain_secret (
      id TEXT PRIMARY KEY, domain_id TEXT NOT NULL REFERENCES identity_project (id) ON DELETE CASCADE,
      option_group TEXT NOT NULL, name TEXT NOT NULL, sealed TEXT NOT NULL, sealed_by TEXT NOT NULL,
      UNIQUE (domain_id, option_group, name))
    """,
    "CREATE INDEX identity_domain_secret_key ON identity_domain_secret (sealed_by)",
  ]
}
