import Auth
import Kit
import Store

/// Who has which role where.
enum AssignmentTable {
  private static func condition(_ actor: Actor, _ target: Target) -> SQL {
    let who: SQL =
      switch actor {
      case .user(let id): "a.user_id = \(id)"
      case .group(let id): "a.group_id = \(id)"
      }
    return "\(who) AND \(at(target))"
  }

  private static func at(_ target: Target) -> SQL {
    target.projectID.map { "a.project_id = \($0)" } ?? "a.project_id IS NULL"
  }

  static func insert(_ tx: Transaction, _ actor: Actor, _ target: Target, role: String) throws {
    if try exists(tx, actor, target, role: role) { return }
    var user: String?
    var group: String?
    switch actor {
    case .user(let id): user = id
    case .group(let id): group = id
    }
    try tx.execute(
      """
      INSERT INTO identity_role_assignment (role_id, user_id, group_id, project_id)
      VALUES (\(role), \(user), \(group), \(target.projectID))
      """)
  }

  static func exists(_ tx: Transaction, _ actor: Actor, _ target: Target, role: String) throws -> Bool {
    try tx.exists(
      "SELECT 1 FROM identity_role_assignment a WHERE \(condition(actor, target)) AND a.role_id = \(role)")
  }

  /// Whether it was there.
  static func delete(_ tx: Transaction, _ actor: Actor, _ target: Target, role: String) throws -> Bool {
    guard try exists(tx, actor, target, role: role) else { return false }
    switch actor {
    case .user(let id):
      try tx.execute(
        """
        DELETE FROM identity_role_assignment WHERE user_id = \(id) AND role_id = \(role)
        AND coalesce(project_id, '') = \(target.projectID ?? "")
        """)
    case .group(let id):
      try tx.execute(
        """
        DELETE FROM identity_role_assignment WHERE group_id = \(id) AND role_id = \(role)
        AND coalesce(project_id, '') = \(target.projectID ?? "")
        """)
    }
    return true
  }

  /// Roles assigned directly.
  static func roles(_ tx: Transaction, _ actor: Actor, _ target: Target) throws -> [Role] {
    try RoleTable.list(
      tx,
      ["r.id IN (SELECT a.role_id FROM identity_role_assignment a WHERE \(condition(actor, target)))"],
      Chunk(count: 1000))
  }

  /// The roles a user has somewhere: its own, its groups', and all that those bring.
  static func effectiveRoles(_ tx: Transaction, user: String, _ target: Target) throws -> [Principal.Role] {
    try tx.query(
      """
      \(effective(held(user: user, target)))
      SELECT r.id, r.name FROM effective e JOIN identity_role r ON r.id = e.id ORDER BY r.name
      """
    ) { Principal.Role(id: $0.text(0), name: $0.text(1)) }
  }

  /// Ids of the roles that a user holds somewhere, itself or by a group, as a statement.
  static func held(user: String, _ target: Target) -> SQL {
    """
    SELECT a.role_id FROM identity_role_assignment a WHERE a.user_id = \(user) AND \(at(target))
    UNION
    SELECT a.role_id FROM identity_group_member m JOIN identity_role_assignment a ON a.group_id = m.group_id
    WHERE m.user_id = \(user) AND \(at(target))
    """
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

  /// The condition that a row of `identity_project p` is where a user has any role, itself or by a group.
  static func reachable(by user: String) -> SQL {
    """
    p.id IN (SELECT a.project_id FROM identity_role_assignment a WHERE a.user_id = \(user)
      UNION SELECT a.project_id FROM identity_group_member m JOIN identity_role_assignment a ON a.group_id = m.group_id
      WHERE m.user_id = \(user))
    """
  }
}
