public import Contracts
import Store

extension IdentityService: InvariantKeeper {
  private static let repair = "Put it right by the identity API, or delete what is named there."

  public var invariants: [Invariant] {
    [
      Invariant(
        "identity.domains", "The domain of a project, user or group is a domain.", repair: Self.repair,
        rows: """
          SELECT what FROM (
            SELECT 'project ' || p.id AS what, p.domain_id AS domain FROM identity_project p
              WHERE p.is_domain = 0
            UNION ALL SELECT 'user ' || id, domain_id FROM identity_user
            UNION ALL SELECT 'group ' || id, domain_id FROM identity_group) owned
          WHERE NOT EXISTS (SELECT 1 FROM identity_project d WHERE d.id = owned.domain AND d.is_domain = 1)
          ORDER BY what
          """),
      Invariant(
        "identity.actors", "Each role is assigned to one user or to one group.", repair: Self.repair,
        rows: """
          SELECT 'role ' || role_id || ' on ' || COALESCE(project_id, 'the system') FROM identity_role_assignment
          WHERE (user_id IS NULL) = (group_id IS NULL) ORDER BY 1
          """),
      Invariant(
        "identity.administrators", "Somebody who is enabled has the role admin on a project or on the system.",
        repair: "Remove clouds.yaml and run haneul up: it makes the administrator anew."
      ) { tx in
        // A store that nobody has bootstrapped yet has no users at all.
        guard try tx.exists("SELECT 1 FROM identity_user") else { return [] }
        let someone = try tx.exists(
          """
          SELECT 1 FROM identity_role_assignment a JOIN identity_role r ON r.id = a.role_id AND r.name = 'admin'
          LEFT JOIN identity_group_member m ON m.group_id = a.group_id
          JOIN identity_user u ON u.id = COALESCE(a.user_id, m.user_id) AND u.enabled = 1
          """)
        return someone ? [] : ["nobody is administrator"]
      },
      Invariant(
        "identity.trusts", "A trust that hands on another gives no more than that one, and ends no later.",
        repair: Self.repair,
        rows: """
          SELECT 'trust ' || t.id FROM identity_trust t JOIN identity_trust p ON p.id = t.redelegated_trust_id
          WHERE COALESCE(t.project_id, '') <> COALESCE(p.project_id, '') OR t.impersonation > p.impersonation
            OR t.redelegation_count >= p.redelegation_count
            OR p.expires_at IS NOT NULL AND (t.expires_at IS NULL OR t.expires_at > p.expires_at)
            OR EXISTS (SELECT 1 FROM identity_trust_role k WHERE k.trust_id = t.id AND NOT EXISTS (
              SELECT 1 FROM identity_trust_role q WHERE q.trust_id = p.id AND q.role_id = k.role_id))
          ORDER BY t.id
          """),
      .json("identity.projects", table: "identity_project", key: "id", columns: ["options", "extra"]),
      .json("identity.users", table: "identity_user", key: "id", columns: ["options", "extra"]),
      .json("identity.groups", table: "identity_group", key: "id", columns: ["extra"]),
      .json("identity.roles", table: "identity_role", key: "id", columns: ["options", "extra"]),
      .json("identity.endpoint_groups", table: "identity_endpoint_group", key: "id", columns: ["filters"]),
      .json("identity.credentials", table: "identity_credential", key: "id", columns: ["extra"]),
      .json("identity.policies", table: "identity_policy", key: "id", columns: ["extra"]),
    ]
  }
}
