extension IdentitySchema {
  /// Roles of one domain, and assignments that the projects below inherit.
  static let roles = [
    // The first release has each name once. A role of a domain has its own name in `own_name`, and in `name` one that
    // no role of the cloud has: see `RoleTable.key`.
    "ALTER TABLE identity_role ADD COLUMN domain_id TEXT REFERENCES identity_project (id) ON DELETE CASCADE",
    "ALTER TABLE identity_role ADD COLUMN own_name TEXT",
    "CREATE INDEX identity_role_domain ON identity_role (domain_id)",
    "CREATE INDEX identity_role_inference_implied ON identity_role_inference (implied_role_id)",
    // With `inherited` it holds in every project below the project or domain, at any depth, and not in itself.
    "ALTER TABLE identity_role_assignment ADD COLUMN inherited INTEGER NOT NULL DEFAULT 0",
    "DROP INDEX identity_role_assignment_once",
    """
    CREATE UNIQUE INDEX identity_role_assignment_single ON identity_role_assignment
      (role_id, coalesce(user_id, ''), coalesce(group_id, ''), coalesce(project_id, ''), inherited)
    """,
  ]
}
