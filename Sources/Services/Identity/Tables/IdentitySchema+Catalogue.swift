extension IdentitySchema {
  /// Endpoint groups and filters, policies and limits.
  static let catalogueExtensions: [String] = endpointFilters + policies + limits + revocationEvents

  // No keys of other tables: most of what it names is gone.
  private static let revocationEvents = [
    """
    CREATE TABLE identity_revocation_event (
      number INTEGER PRIMARY KEY AUTOINCREMENT, subject TEXT NOT NULL, subject_id TEXT NOT NULL,
      revoked_at INTEGER NOT NULL)
    """,
    "CREATE INDEX identity_revocation_event_time ON identity_revocation_event (revoked_at)",
  ]

  private static let endpointFilters = [
    """
    CREATE TABLE identity_endpoint_group (
      id TEXT PRIMARY KEY, name TEXT NOT NULL, description TEXT, filters TEXT NOT NULL)
    """,
    """
    CREATE TABLE identity_project_endpoint (
      project_id TEXT NOT NULL REFERENCES identity_project (id) ON DELETE CASCADE,
      endpoint_id TEXT NOT NULL REFERENCES identity_endpoint (id) ON DELETE CASCADE,
      PRIMARY KEY (project_id, endpoint_id))
    """,
    "CREATE INDEX identity_project_endpoint_endpoint ON identity_project_endpoint (endpoint_id)",
    """
    CREATE TABLE identity_project_endpoint_group (
      project_id TEXT NOT NULL REFERENCES identity_project (id) ON DELETE CASCADE,
      endpoint_group_id TEXT NOT NULL REFERENCES identity_endpoint_group (id) ON DELETE CASCADE,
      PRIMARY KEY (project_id, endpoint_group_id))
    """,
    "CREATE INDEX identity_project_endpoint_group_group ON identity_project_endpoint_group (endpoint_group_id)",
  ]

  private static let policies = [
    "CREATE TABLE identity_policy (id TEXT PRIMARY KEY, type TEXT NOT NULL, rules TEXT NOT NULL, extra TEXT NOT NULL)",
    // Of an endpoint, of a service, or of a service in a region.
    """
    CREATE TABLE identity_policy_association (
      policy_id TEXT NOT NULL REFERENCES identity_policy (id) ON DELETE CASCADE,
      endpoint_id TEXT REFERENCES identity_endpoint (id) ON DELETE CASCADE,
      service_id TEXT REFERENCES identity_service (id) ON DELETE CASCADE,
      region_id TEXT REFERENCES identity_region (id) ON DELETE CASCADE,
      CHECK ((endpoint_id IS NULL) <> (service_id IS NULL)), CHECK (region_id IS NULL OR service_id IS NOT NULL))
    """,
    """
    CREATE UNIQUE INDEX identity_policy_association_once ON identity_policy_association
      (coalesce(endpoint_id, ''), coalesce(service_id, ''), coalesce(region_id, ''))
    """,
    "CREATE INDEX identity_policy_association_policy ON identity_policy_association (policy_id)",
    "CREATE INDEX identity_policy_association_endpoint ON identity_policy_association (endpoint_id)",
    "CREATE INDEX identity_policy_association_service ON identity_policy_association (service_id)",
    "CREATE INDEX identity_policy_association_region ON identity_policy_association (region_id)",
  ]

  private static let limits = [
    """
    CREATE TABLE identity_registered_limit (
      id TEXT PRIMARY KEY, service_id TEXT NOT NULL REFERENCES identity_service (id) ON DELETE CASCADE,
      region_id TEXT REFERENCES identity_region (id) ON DELETE CASCADE, resource_name TEXT NOT NULL,
      default_limit INTEGER NOT NULL, description TEXT)
    """,
    """
    CREATE UNIQUE INDEX identity_registered_limit_once ON identity_registered_limit
      (service_id, coalesce(region_id, ''), resource_name)
    """,
    "CREATE INDEX identity_registered_limit_region ON identity_registered_limit (region_id)",
    // The project may be a domain.
    """
    CREATE TABLE identity_limit (
      id TEXT PRIMARY KEY,
      registered_limit_id TEXT NOT NULL REFERENCES identity_registered_limit (id) ON DELETE CASCADE,
      project_id TEXT NOT NULL REFERENCES identity_project (id) ON DELETE CASCADE,
      resource_limit INTEGER NOT NULL, description TEXT, UNIQUE (registered_limit_id, project_id))
    """,
    "CREATE INDEX identity_limit_project ON identity_limit (project_id)",
  ]
}
