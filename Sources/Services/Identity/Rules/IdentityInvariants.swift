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
      .json("identity.projects", table: "identity_project", key: "id", columns: ["options", "extra"]),
      .json("identity.users", table: "identity_user", key: "id", columns: ["options", "extra"]),
      .json("identity.groups", table: "identity_group", key: "id", columns: ["extra"]),
      .json("identity.roles", table: "identity_role", key: "id", columns: ["options", "extra"]),
    ]
  }
}
