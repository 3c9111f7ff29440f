import Store

/// Role assignments as they are in effect: each role that each user has in each place, as it would be in a token.
///
/// What the filters say about users and places is asked for where the statement begins, so that it reads along the
/// indexes of users, groups and projects and spreads only what matters.
extension RoleAssignmentList {
  func effectiveStatement(offset: Int, count: Int) -> SQL {
    """
    WITH RECURSIVE given (role_id, user_id, via_group, project_id, inherited) AS (\(given)),
    \(spread),
    closure (start, role_id, prior_id) AS (
      SELECT id, id, substr(id, 1, 0) FROM identity_role
      UNION
      SELECT k.start, n.implied_role_id, k.role_id FROM closure k
      JOIN identity_role_inference n ON n.prior_role_id = k.role_id),
    listed AS (
      SELECT DISTINCT s.project_id, s.user_id, k.role_id, k.prior_id, s.via_group, s.source_id
      FROM spread s JOIN closure k ON k.start = s.role_id
      JOIN identity_role r ON r.id = k.role_id AND r.domain_id IS NULL
      \(SQL.whereAll(conditionsOfEffect))),
    a AS (
      SELECT l.*, CAST(NULL AS TEXT) AS group_id FROM listed l
      ORDER BY \(raw: Self.order("l")) LIMIT \(count) OFFSET \(offset))
    SELECT \(raw: columns(
      prior: "a.prior_id", via: "a.via_group", inherited: "CASE WHEN a.source_id = '' THEN 0 ELSE 1 END",
      source: "a.source_id"))
    FROM a \(raw: joins)
    ORDER BY \(raw: Self.order("a"))
    """
  }

  private static func order(_ table: String) -> String {
    "\(table).project_id NULLS FIRST, "
      + ["user_id", "role_id", "prior_id", "via_group", "source_id"].map { "\(table).\($0)" }.joined(separator: ", ")
  }

  /// The assignments that matter, a group's for each of its users. `substr` makes an empty text of the column's own
  /// collation, on which PostgreSQL insists.
  private var given: SQL {
    let own = conditionsOfSource + [userID.map { "a.user_id = \($0)" } ?? "a.user_id IS NOT NULL"]
    let byGroup = conditionsOfSource + (userID.map { ["m.user_id = \($0)"] } ?? [])
    return """
      SELECT a.role_id, a.user_id, substr(a.role_id, 1, 0), a.project_id, a.inherited FROM identity_role_assignment a
      \(SQL.whereAll(own))
      UNION ALL
      SELECT a.role_id, m.user_id, a.group_id, a.project_id, a.inherited
      FROM identity_group_member m JOIN identity_role_assignment a ON a.group_id = m.group_id
      \(SQL.whereAll(byGroup))
      """
  }

  /// What an assignment must be to have any effect on what is asked for.
  private var conditionsOfSource: [SQL] {
    var conditions: [SQL] = []
    if let projectID {
      let place = AssignmentTable.places(projectID)
      conditions.append(
        withSubtree
          ? """
          (a.project_id IN (\(Self.tree(projectID)))
            OR a.inherited = 1 AND a.project_id IN (SELECT t.id FROM \(place) t))
          """
          : """
          a.project_id IN (SELECT t.id FROM \(place) t)
            AND a.inherited = CASE WHEN a.project_id = \(projectID) THEN 0 ELSE 1 END
          """)
    }
    if let domainID { conditions.append("a.project_id = \(domainID) AND a.inherited = 0") }
    if system { conditions.append("a.project_id IS NULL") }
    if let inherited { conditions.append("a.inherited = \(inherited)") }
    if let confinedTo { conditions.append("a.project_id IN (\(Self.within(confinedTo)))") }
    return conditions
  }

  /// Each assignment in each place where it holds; for an inherited one, `source_id` says where it was made.
  private var spread: SQL {
    let holds: SQL = """
      SELECT v.role_id, v.user_id, v.via_group, v.project_id, substr(v.role_id, 1, 0) FROM given v WHERE v.inherited = 0
      """
    if let projectID, !withSubtree {
      // What is given and inherited was made above this project: there is no need to look what else is below.
      return """
        spread (role_id, user_id, via_group, project_id, source_id) AS (
          \(holds)
          UNION ALL
          SELECT v.role_id, v.user_id, v.via_group, t.id, v.project_id
          FROM given v JOIN identity_project t ON t.id = \(projectID) WHERE v.inherited = 1)
        """
    }
    return """
      below (root, id) AS (
        SELECT v.project_id, c.id FROM given v JOIN identity_project c ON c.parent_id = v.project_id
        WHERE v.inherited = 1
        UNION
        SELECT b.root, c.id FROM below b JOIN identity_project c ON c.parent_id = b.id),
      spread (role_id, user_id, via_group, project_id, source_id) AS (
        \(holds)
        UNION ALL
        SELECT v.role_id, v.user_id, v.via_group, b.id, v.project_id
        FROM given v JOIN below b ON b.root = v.project_id WHERE v.inherited = 1)
      """
  }

  /// What is asked of an assignment in effect.
  private var conditionsOfEffect: [SQL] {
    var conditions: [SQL] = []
    if let roleID { conditions.append("r.id = \(roleID)") }
    if let projectID {
      conditions.append(
        withSubtree
          ? "s.project_id IN (\(Self.tree(projectID)))"
          // A domain is not meant by the id of a project.
          : "s.project_id IN (SELECT t.id FROM identity_project t WHERE t.id = \(projectID) AND t.is_domain = 0)")
    }
    if let domainID {
      conditions.append(
        "s.project_id IN (SELECT t.id FROM identity_project t WHERE t.id = \(domainID) AND t.is_domain = 1)")
    }
    return conditions
  }
}
