extension IdentitySchema {
  /// Identity providers, mappings, protocols and service providers; directories.
  static let federation = [
    """
    CREATE TABLE identity_provider (
      id TEXT PRIMARY KEY, domain_id TEXT NOT NULL REFERENCES identity_project (id) ON DELETE CASCADE,
      enabled INTEGER NOT NULL, description TEXT, authorization_ttl INTEGER)
    """,
    "CREATE INDEX identity_provider_domain ON identity_provider (domain_id)",
    """
    CREATE TABLE identity_provider_remote_id (
      remote_id TEXT PRIMARY KEY,
      idp_id TEXT NOT NULL REFERENCES identity_provider (id) ON DELETE CASCADE)
    """,
    "CREATE INDEX identity_provider_remote_id_idp ON identity_provider_remote_id (idp_id)",
    """
    CREATE TABLE identity_mapping (id TEXT PRIMARY KEY, rules TEXT NOT NULL, schema_version TEXT NOT NULL)
    """,
    // A mapping may be deleted below a protocol, as in Keystone: nobody logs in by that protocol then.
    """
    CREATE TABLE identity_protocol (
      idp_id TEXT NOT NULL REFERENCES identity_provider (id) ON DELETE CASCADE, id TEXT NOT NULL,
      mapping_id TEXT NOT NULL, remote_id_attribute TEXT, PRIMARY KEY (idp_id, id))
    """,
    """
    CREATE TABLE identity_service_provider (
      id TEXT PRIMARY KEY, enabled INTEGER NOT NULL, description TEXT, auth_url TEXT NOT NULL, sp_url TEXT NOT NULL,
      relay_state_prefix TEXT NOT NULL)
    """,
    // Who a user is at an identity provider.
    """
    CREATE TABLE identity_federated_user (
      user_id TEXT NOT NULL REFERENCES identity_user (id) ON DELETE CASCADE, idp_id TEXT NOT NULL,
      protocol_id TEXT NOT NULL, unique_id TEXT NOT NULL, display_name TEXT,
      PRIMARY KEY (idp_id, protocol_id, unique_id),
      FOREIGN KEY (idp_id, protocol_id) REFERENCES identity_protocol (idp_id, id) ON DELETE CASCADE)
    """,
    "CREATE INDEX identity_federated_user_user ON identity_federated_user (user_id)",
    // Groups that a mapping put a user into, beyond the life of a token: where the provider has an authorization_ttl.
    """
    CREATE TABLE identity_expiring_member (
      user_id TEXT NOT NULL REFERENCES identity_user (id) ON DELETE CASCADE,
      group_id TEXT NOT NULL REFERENCES identity_group (id) ON DELETE CASCADE,
      idp_id TEXT NOT NULL REFERENCES identity_provider (id) ON DELETE CASCADE,
      expires_at INTEGER NOT NULL, PRIMARY KEY (user_id, group_id, idp_id))
    """,
    "CREATE INDEX identity_expiring_member_expiry ON identity_expiring_member (expires_at)",
    // Users and groups whose truth is an LDAP directory: their rows are what was last read there.
    """
    CREATE TABLE identity_directory_user (
      user_id TEXT PRIMARY KEY REFERENCES identity_user (id) ON DELETE CASCADE,
      domain_id TEXT NOT NULL REFERENCES identity_project (id) ON DELETE CASCADE, local_id TEXT NOT NULL,
      UNIQUE (domain_id, local_id))
    """,
    """
    CREATE TABLE identity_directory_group (
      group_id TEXT PRIMARY KEY REFERENCES identity_group (id) ON DELETE CASCADE,
      domain_id TEXT NOT NULL REFERENCES identity_project (id) ON DELETE CASCADE, local_id TEXT NOT NULL,
      UNIQUE (domain_id, local_id))
    """,
  ]
}
