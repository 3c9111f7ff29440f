import Kit
import Store

/// Role assignments as `/role_assignments` lists them, with every name.
struct RoleAssignmentList: Sendable {
  struct Party: Sendable {
    var id: String
    var name: String
    var domainID: String
    var domainName: String
  }

  struct Assignment: Sendable {
    var role: Named
    /// The role that brought this one; nil where it is assigned itself.
    var priorRoleID: String?
    var user: Party?
    var group: Party?
    /// The group by which the user has it.
    var viaGroupID: String?
    /// nil for the system.
    var target: Party?
    var targetIsDomain: Bool
  }

  /// Each role that each user has, by groups and by other roles too, instead of what was assigned.
  var effective = false
  var userID: String?
  var groupID: String?
  var roleID: String?
  var projectID: String?
  var domainID: String?
  var system = false
  /// With `projectID`: the projects below it too.
  var withSubtree = false

  /// At most `count` of them after the first `offset`.
  func read(_ tx: Transaction, offset: Int, count: Int) throws -> [Assignment] {
    try tx.query(
      """
      \(source)
      SELECT r.id, r.name, a.prior_id, u.id, u.name, ud.id, ud.name, g.id, g.name, gd.id, gd.name, a.via_group,
        p.id, p.name, pd.id, pd.name, p.is_domain
      FROM listed a JOIN identity_role r ON r.id = a.role_id
      LEFT JOIN identity_user u ON u.id = a.user_id LEFT JOIN identity_project ud ON ud.id = u.domain_id
      LEFT JOIN identity_group g ON g.id = a.group_id LEFT JOIN identity_project gd ON gd.id = g.domain_id
      LEFT JOIN identity_project p ON p.id = a.project_id LEFT JOIN identity_project pd ON pd.id = p.domain_id
      \(SQL.whereAll(conditions))
      ORDER BY a.project_id NULLS FIRST, a.user_id NULLS FIRST, a.group_id NULLS FIRST, a.role_id, a.prior_id,
        a.via_group
      LIMIT \(count) OFFSET \(offset)
      """
    ) { row in
      Assignment(
        role: Named(id: row.text(0), name: row.text(1)), priorRoleID: Self.present(row, 2), user: Self.party(row, 3),
        group: Self.party(row, 7), viaGroupID: Self.present(row, 11), target: Self.party(row, 12),
        targetIsDomain: row.bool(16))
    }
  }

  private static func present(_ row: any Row, _ column: Int) -> String? {
    row.textOrNil(column).flatMap { $0.isEmpty ? nil : $0 }
  }

  private static func party(_ row: any Row, _ column: Int) -> Party? {
    guard let id = row.textOrNil(column) else { return nil }
    return Party(
      id: id, name: row.text(column + 1), domainID: row.text(column + 2), domainName: row.text(column + 3))
  }

  private var source: SQL {
    if !effective {
      return """
        WITH listed AS (SELECT role_id, '' AS prior_id, user_id, group_id, '' AS via_group, project_id
          FROM identity_role_assignment)
        """
    }
    // `substr` makes an empty text of the column's own collation, on which PostgreSQL insists.
    return """
      WITH RECURSIVE expanded (role_id, prior_id, user_id, via_group, project_id) AS (
        SELECT role_id, substr(role_id, 1, 0), user_id, '', project_id FROM identity_role_assignment
        WHERE user_id IS NOT NULL
        UNION
        SELECT a.role_id, '', m.user_id, a.group_id, a.project_id FROM identity_role_assignment a
        JOIN identity_group_member m ON m.group_id = a.group_id
        UNION
        SELECT n.implied_role_id, e.role_id, e.user_id, e.via_group, e.project_id FROM expanded e
        JOIN identity_role_inference n ON n.prior_role_id = e.role_id),
      listed AS (SELECT role_id, prior_id, user_id, CAST(NULL AS TEXT) AS group_id, via_group, project_id FROM expanded)
      """
  }

  private var conditions: [SQL] {
    var conditions: [SQL] = []
    if let userID { conditions.append("a.user_id = \(userID)") }
    if let groupID { conditions.append("a.group_id = \(groupID)") }
    if let roleID { conditions.append("a.role_id = \(roleID)") }
    if let domainID { conditions.append("a.project_id = \(domainID) AND p.is_domain = 1") }
    if system { conditions.append("a.project_id IS NULL") }
    if let projectID {
      conditions.append(
        withSubtree
          ? """
          a.project_id IN (WITH RECURSIVE below (id) AS (
            SELECT id FROM identity_project WHERE id = \(projectID) AND is_domain = 0
            UNION SELECT c.id FROM identity_project c JOIN below b ON c.parent_id = b.id) SELECT id FROM below)
          """ : "a.project_id = \(projectID) AND p.is_domain = 0")
    }
    return conditions
  }
}
