import Store

/// Where there is an administrator: a user who is enabled, in a domain that is, and has the role `admin` there, itself
/// or by a group, the role itself or one that brings it.
enum AdministratorTable {
  /// A project, a domain or (nil) the system; with `inherited` all projects below one.
  struct Place: Sendable, Hashable {
    var projectID: String?
    var inherited: Bool
    static let system = Place(projectID: nil, inherited: false)
  }

  /// The opening of statements in which `administrator (id)` holds the roles that are admin or bring it.
  private static let roles: SQL = """
    WITH RECURSIVE administrator (id) AS (
      SELECT r.id FROM identity_role r WHERE r.name = 'admin' AND r.domain_id IS NULL
      UNION SELECT n.prior_role_id FROM identity_role_inference n JOIN administrator e ON n.implied_role_id = e.id)
    """

  private static let enabled: SQL = """
    u.enabled = 1 AND EXISTS (SELECT 1 FROM identity_project d WHERE d.id = u.domain_id AND d.enabled = 1)
    """

  /// The places where somebody is administrator.
  static func places(_ tx: Transaction) throws -> Set<Place> {
    Set(
      try tx.query(
        """
        \(roles)
        SELECT a.project_id, a.inherited FROM identity_role_assignment a JOIN administrator r ON r.id = a.role_id
        JOIN identity_user u ON u.id = a.user_id WHERE \(enabled)
        UNION
        SELECT a.project_id, a.inherited FROM identity_role_assignment a JOIN administrator r ON r.id = a.role_id
        JOIN identity_group_member m ON m.group_id = a.group_id JOIN identity_user u ON u.id = m.user_id
        WHERE \(enabled)
        """
      ) { Place(projectID: $0.textOrNil(0), inherited: $0.bool(1)) })
  }

  /// Those of these projects and domains that are there and have no administrator, by themselves or inherited.
  static func unadministered(_ tx: Transaction, _ ids: [String]) throws -> [String] {
    try ids.filter { id in
      guard try tx.exists("SELECT 1 FROM identity_project WHERE id = \(id)") else { return false }
      return try !tx.exists(
        """
        \(roles)
        SELECT 1 FROM \(AssignmentTable.places(id)) t
        JOIN identity_role_assignment a ON a.project_id = t.id AND a.inherited = t.inherited
        JOIN administrator r ON r.id = a.role_id
        LEFT JOIN identity_group_member m ON m.group_id = a.group_id
        JOIN identity_user u ON u.id = COALESCE(a.user_id, m.user_id) WHERE \(enabled) LIMIT 1
        """)
    }
  }

  /// Whether a user is the only administrator of the system.
  static func isLast(_ tx: Transaction, user: String) throws -> Bool {
    let ids = try tx.query(
      """
      \(roles)
      SELECT DISTINCT u.id FROM identity_role_assignment a JOIN administrator r ON r.id = a.role_id
      LEFT JOIN identity_group_member m ON m.group_id = a.group_id
      JOIN identity_user u ON u.id = COALESCE(a.user_id, m.user_id)
      WHERE a.project_id IS NULL AND a.inherited = 0 AND \(enabled) ORDER BY u.id LIMIT 2
      """
    ) { $0.text(0) }
    return ids == [user]
  }

  /// Projects of a domain, or below a project, and itself; at most `countMax`.
  static func tree(_ tx: Transaction, _ id: String, countMax: Int) throws -> [String] {
    try tx.query(
      """
      WITH RECURSIVE below (id) AS (
        SELECT p.id FROM identity_project p WHERE p.id = \(id) OR p.domain_id = \(id)
        UNION SELECT p.id FROM identity_project p JOIN below b ON p.parent_id = b.id)
      SELECT id FROM below ORDER BY id LIMIT \(countMax)
      """
    ) { $0.text(0) }
  }
}
