import Store

/// The tables of the identity service. A domain is a row of `identity_project` with `is_domain`, as in Keystone.
enum IdentitySchema {
  static let migrations = [
    Migration(room: "identity", number: 1, .expand, resources + delegation + catalogue),
    Migration(
      room: "identity", number: 2, .expand,
      roles + passwords + trusts + catalogueExtensions + federation + archive + domainConfig),
  ]

  private static let resources = [
    """
    CREATE TABLE identity_project (
      id TEXT PRIMARY KEY, name TEXT NOT NULL,
      domain_id TEXT REFERENCES identity_project (id) ON DELETE CASCADE,
      parent_id TEXT REFERENCES identity_project (id) ON DELETE CASCADE,
      is_domain INTEGER NOT NULL, enabled INTEGER NOT NULL, description TEXT NOT NULL,
      token_generation INTEGER NOT NULL DEFAULT 0, options TEXT NOT NULL, extra TEXT NOT NULL)
    """,
    "CREATE UNIQUE INDEX identity_project_name ON identity_project (domain_id, name) WHERE is_domain = 0",
    "CREATE UNIQUE INDEX identity_domain_name ON identity_project (name) WHERE is_domain = 1",
    "CREATE INDEX identity_project_parent ON identity_project (parent_id)",
    """
    CREATE TABLE identity_project_tag (
      project_id TEXT NOT NULL REFERENCES identity_project (id) ON DELETE CASCADE, tag TEXT NOT NULL,
      PRIMARY KEY (project_id, tag))
    """,
    """
    CREATE TABLE identity_user (
      id TEXT PRIMARY KEY, domain_id TEXT NOT NULL REFERENCES identity_project (id) ON DELETE CASCADE,
      name TEXT NOT NULL, enabled INTEGER NOT NULL, default_project_id TEXT, password_hash TEXT,
      token_generation INTEGER NOT NULL DEFAULT 0, failed_logins INTEGER NOT NULL DEFAULT 0, last_failed_at INTEGER,
      options TEXT NOT NULL, extra TEXT NOT NULL, UNIQUE (domain_id, name))
    """,
    """
    CREATE TABLE identity_group (
      id TEXT PRIMARY KEY, domain_id TEXT NOT NULL REFERENCES identity_project (id) ON DELETE CASCADE,
      name TEXT NOT NULL, description TEXT NOT NULL, extra TEXT NOT NULL, UNIQUE (domain_id, name))
    """,
    """
    CREATE TABLE identity_group_member (
      group_id TEXT NOT NULL REFERENCES identity_group (id) ON DELETE CASCADE,
      user_id TEXT NOT NULL REFERENCES identity_user (id) ON DELETE CASCADE, PRIMARY KEY (group_id, user_id))
    """,
    "CREATE INDEX identity_group_member_user ON identity_group_member (user_id)",
    """
    CREATE TABLE identity_role (
      id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, description TEXT, options TEXT NOT NULL, extra TEXT NOT NULL)
    """,
    """
    CREATE TABLE identity_role_inference (
      prior_role_id TEXT NOT NULL REFERENCES identity_role (id) ON DELETE CASCADE,
      implied_role_id TEXT NOT NULL REFERENCES identity_role (id) ON DELETE CASCADE,
      PRIMARY KEY (prior_role_id, implied_role_id))
    """,
    // One of user and group is set. No project is the system.
    """
    CREATE TABLE identity_role_assignment (
      role_id TEXT NOT NULL REFERENCES identity_role (id) ON DELETE CASCADE,
      user_id TEXT REFERENCES identity_user (id) ON DELETE CASCADE,
      group_id TEXT REFERENCES identity_group (id) ON DELETE CASCADE,
      project_id TEXT REFERENCES identity_project (id) ON DELETE CASCADE,
      CHECK ((user_id IS NULL) <> (group_id IS NULL)))
    """,
    """
    CREATE UNIQUE INDEX identity_role_assignment_once ON identity_role_assignment
      (role_id, coalesce(user_id, ''), coalesce(group_id, ''), coalesce(project_id, ''))
    """,
    "CREATE INDEX identity_role_assignment_user ON identity_role_assignment (user_id, project_id)",
    "CREATE INDEX identity_role_assignment_group ON identity_role_assignment (group_id, project_id)",
    "CREATE INDEX identity_role_assignment_project ON identity_role_assignment (project_id)",
  ]

  private static let delegation = [
    """
    CREATE TABLE identity_application_credential (
      id TEXT PRIMARY KEY, user_id TEXT NOT NULL REFERENCES identity_user (id) ON DELETE CASCADE, name TEXT NOT NULL,
      project_id TEXT NOT NULL REFERENCES identity_project (id) ON DELETE CASCADE, secret_hash TEXT NOT NULL,
      description TEXT, expires_at INTEGER, unrestricted INTEGER NOT NULL, UNIQUE (user_id, name))
    """,
    "CREATE INDEX identity_application_credential_project ON identity_application_credential (project_id)",
    """
    CREATE TABLE identity_application_credential_role (
      credential_id TEXT NOT NULL REFERENCES identity_application_credential (id) ON DELETE CASCADE,
      role_id TEXT NOT NULL REFERENCES identity_role (id) ON DELETE CASCADE, PRIMARY KEY (credential_id, role_id))
    """,
    // A revoked token; with `descendants`, also every token that was got with it.
    """
    CREATE TABLE identity_revocation (
      audit_id TEXT PRIMARY KEY, descendants INTEGER NOT NULL, expires_at INTEGER NOT NULL)
    """,
    "CREATE INDEX identity_revocation_expiry ON identity_revocation (expires_at)",
    // Every refused login writes this one row, so that the time tells nothing about the user.
    "CREATE TABLE identity_login_tally (id INTEGER PRIMARY KEY, refused INTEGER NOT NULL)",
    "INSERT INTO identity_login_tally (id, refused) VALUES (1, 0)",
  ]

  private static let catalogue = [
    """
    CREATE TABLE identity_region (
      id TEXT PRIMARY KEY, parent_region_id TEXT REFERENCES identity_region (id), description TEXT NOT NULL,
      extra TEXT NOT NULL)
    """,
    """
    CREATE TABLE identity_service (
      id TEXT PRIMARY KEY, type TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL,
      enabled INTEGER NOT NULL, extra TEXT NOT NULL)
    """,
    """
    CREATE TABLE identity_endpoint (
      id TEXT PRIMARY KEY, service_id TEXT NOT NULL REFERENCES identity_service (id) ON DELETE CASCADE,
      region_id TEXT REFERENCES identity_region (id), interface TEXT NOT NULL, url TEXT NOT NULL,
      enabled INTEGER NOT NULL, extra TEXT NOT NULL)
    """,
    "CREATE INDEX identity_endpoint_service ON identity_endpoint (service_id)",
  ]
}
