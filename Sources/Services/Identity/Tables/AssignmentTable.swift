import Auth
import Kit
import Store

/// Who has which role where.
enum AssignmentTable {
  /// One role of one actor in one place. With `inherited`, in every project below that place instead.
  struct Grant: Sendable {
    var actor: Actor
    var target: Target
    var inherited = false
  }

  private static func condition(_ grant: Grant) -> SQL {
    let who: SQL =
      switch grant.actor {
      case .user(let id): "a.user_id = \(id)"
      case .group(let id): "a.group_id = \(id)"
      }
    let at: SQL = grant.target.projectID.map { "a.project_id = \($0)" } ?? "a.project_id IS NULL"
    return "\(who) AND \(at) AND a.inherited = \(grant.inherited)"
  }

  /// Does nothing where it is there already.
  static func insert(_ tx: Transaction, _ actor: Actor, _ target: Target, role: String) throws {
    try insert(tx, Grant(actor: actor, target: target), role: role)
  }

  static func insert(_ tx: Transaction, _ grant: Grant, role: String) throws {
    if try exists(tx, grant, role: role) { return }
    var user: String?
    var group: String?
    switch grant.actor {
    case .user(let id): user = id
    case .group(let id): group = id
    }
    try tx.execute(
      """
      INSERT INTO identity_role_assignment (role_id, user_id, group_id, project_id, inherited)
      VALUES (\(role), \(user), \(group), \(grant.target.projectID), \(grant.inherited))
      """)
    AccessNotes.came("role_assignment", members(grant, role))
  }

  static func exists(_ tx: Transaction, _ grant: Grant, role: String) throws -> Bool {
    try tx.exists("SELECT 1 FROM identity_role_assignment a WHERE \(condition(grant)) AND a.role_id = \(role)")
  }

  /// Whether it was there.
  static func delete(_ tx: Transaction, _ grant: Grant, role: String) throws -> Bool {
    let was =
      try tx.execute("DELETE FROM identity_role_assignment AS a WHERE \(condition(grant)) AND a.role_id = \(role)") > 0
    if was { AccessNotes.went("role_assignment", members(grant, role)) }
    return was
  }

  /// As the audit trail names it.
  private static func members(_ grant: Grant, _ role: String) -> [String: String?] {
    var members: [String: String?] = ["role_id": role, "project_id": grant.target.projectID]
    switch grant.actor {
    case .user(let id): members["user_id"] = id
    case .group(let id): members["group_id"] = id
    }
    if grant.target.projectID == nil { members["system"] = "all" }
    if grant.inherited { members["inherited_to"] = "projects" }
    return members
  }

  /// Roles assigned directly.
  static func roles(_ tx: Transaction, _ grant: Grant) throws -> [Role] {
    try RoleTable.list(
      tx, ["r.id IN (SELECT a.role_id FROM identity_role_assignment a WHERE \(condition(grant)))"], Chunk(count: 1000))
  }

  // MARK: What is in effect

  /// The roles a user has somewhere: its own, its groups', inherited ones, and all that those bring. `groups` are
  /// groups that the user is in for the moment: by a federated login.
  static func effectiveRoles(
    _ tx: Transaction, user: String, groups: [String] = [], _ target: Target
  ) throws -> [Principal.Role] {
    try tx.query(
      """
      \(effective(held(user: user, groups: groups, target)))
      SELECT r.id, r.name FROM effective e JOIN identity_role r ON r.id = e.id AND r.domain_id IS NULL ORDER BY r.name
      """
    ) { Principal.Role(id: $0.text(0), name: $0.text(1)) }
  }

  /// Ids of the roles that a user holds somewhere, itself, by a group (also one of `groups`, in which it is for the
  /// moment), or inherited from above, as a statement. Roles of a domain are among them. With `now`, also by groups
  /// that a federated login left it in for a time.
  static func held(user: String, groups: [String] = [], expiringAt now: Timestamp? = nil, _ target: Target) -> SQL {
    let places = target.projectID.map(places)
    func here(_ who: SQL) -> SQL {
      guard let places else {
        return "SELECT a.role_id FROM identity_role_assignment a WHERE \(who) AND a.project_id IS NULL"
      }
      return """
        SELECT a.role_id FROM \(places) t JOIN identity_role_assignment a
        ON a.project_id = t.id AND a.inherited = t.inherited AND \(who)
        """
    }
    let place: SQL = places.map { "CROSS JOIN \($0) t" } ?? ""
    let atPlace: SQL = places == nil ? "a.project_id IS NULL" : "a.project_id = t.id AND a.inherited = t.inherited"
    let own = here("a.user_id = \(user)")
    let byGroups: SQL = """
      SELECT a.role_id FROM identity_group_member m \(place) CROSS JOIN identity_role_assignment a
      WHERE m.user_id = \(user) AND a.group_id = m.group_id AND \(atPlace)
      """
    let byLogin = groups.isEmpty ? [] : [here("a.group_id IN (\(list: groups))")]
    let left = now.map { [here("a.group_id IN (\(FederatedUserTable.groups(user: user, at: $0)))")] } ?? []
    return SQL.joined([own, byGroups] + byLogin + left, separator: " UNION ")
  }

  /// The project or domain itself, for what is not inherited, and all above it, for what is: a source of rows
  /// `(id, inherited)`.
  static func places(_ id: String) -> SQL {
    """
    (WITH RECURSIVE place (id, inherited) AS (
      SELECT p.id, 0 FROM identity_project p WHERE p.id = \(id)
      UNION
      SELECT p.parent_id, 1 FROM place b JOIN identity_project p ON p.id = b.id WHERE p.parent_id IS NOT NULL)
    SELECT id, inherited FROM place)
    """
  }

  /// Ids of the roles that a statement gives, and of all that those bring; roles of a domain are among them.
  static func effectiveIDs(_ tx: Transaction, _ start: SQL) throws -> Set<String> {
    Set(try tx.query("\(effective(start)) SELECT e.id FROM effective e") { $0.text(0) })
  }

  /// Ids of the roles that an application credential was given, as a statement.
  static func held(credential: String) -> SQL {
    "SELECT k.role_id FROM identity_application_credential_role k WHERE k.credential_id = \(credential)"
  }

  /// The opening of a statement in which `effective (id)` holds the roles that `start` gives, and all that those bring.
  static func effective(_ start: SQL) -> SQL {
    """
    WITH RECURSIVE effective (id) AS (
      \(start)
      UNION
      SELECT n.implied_role_id FROM identity_role_inference n JOIN effective e ON n.prior_role_id = e.id)
    """
  }

  /// The condition that a row of `identity_project p` is where a user has any role that could be in a token: itself, by
  /// a group (also one of `groups`, in which it is for the moment), or inherited from above.
  static func reachable(by user: String, groups: [String] = []) -> SQL {
    let byLogin: SQL =
      groups.isEmpty
      ? ""
      : """
      UNION SELECT a.project_id, a.inherited FROM identity_role_assignment a
      WHERE a.group_id IN (\(list: groups)) AND a.role_id IN (SELECT id FROM useful)
      """
    return """
      p.id IN (
        WITH RECURSIVE useful (id) AS (
          SELECT id FROM identity_role WHERE domain_id IS NULL
          UNION
          SELECT n.prior_role_id FROM identity_role_inference n JOIN useful f ON n.implied_role_id = f.id),
        given (id, inherited) AS (
          SELECT a.project_id, a.inherited FROM identity_role_assignment a
          WHERE a.user_id = \(user) AND a.role_id IN (SELECT id FROM useful)
          UNION
          SELECT a.project_id, a.inherited
          FROM identity_group_member m JOIN identity_role_assignment a ON a.group_id = m.group_id
          WHERE m.user_id = \(user) AND a.role_id IN (SELECT id FROM useful)
          \(byLogin)),
        below (id) AS (
          SELECT c.id FROM given v JOIN identity_project c ON c.parent_id = v.id WHERE v.inherited = 1
          UNION
          SELECT c.id FROM below b JOIN identity_project c ON c.parent_id = b.id)
        SELECT id FROM given WHERE inherited = 0 UNION SELECT id FROM below)
      """
  }
}
