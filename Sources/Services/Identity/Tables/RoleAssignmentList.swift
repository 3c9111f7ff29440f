import Kit
import Store

/// Role assignments as `/role_assignments` lists them: as they were made, or as they are in effect
/// (`RoleAssignmentList+Effective.swift`).
struct RoleAssignmentList: Sendable {
  struct Party: Sendable {
    var id: String
    var name: String
    var domainID: String
    var domainName: String
  }

  struct Assignment: Sendable {
    var role: Named
    /// The domain whose role it is; nil for a role of the cloud.
    var roleDomain: Named?
    /// The role that brought this one; nil where it is assigned itself.
    var priorRoleID: String?
    var user: Party?
    var group: Party?
    /// The group by which the user has it.
    var viaGroupID: String?
    /// nil for the system.
    var target: Party?
    var targetIsDomain: Bool
    /// Whether it is for, or comes from, a place above.
    var inherited: Bool
    /// Where it was assigned, if that is a place above.
    var source: (id: String, isDomain: Bool)?
  }

  /// Where a reading ended: the next one goes on from there.
  enum Position: Sendable, Hashable {
    /// Behind the assignment with this role, user, group, project and `inherited`.
    case after([String])
    /// After so many effective ones.
    case offset(Int)
  }

  /// Values of the key in `Position.after`.
  static let keyCount = 5

  /// Each role that each user has, by groups, by inheritance and by other roles too, instead of what was assigned.
  var effective = false
  /// Whether names are read too; without them they are empty.
  var withNames = false
  var userID: String?
  var groupID: String?
  var roleID: String?
  var projectID: String?
  var domainID: String?
  var system = false
  /// With `projectID`: the projects below it too.
  var withSubtree = false
  /// Only what is inherited, or only what is not.
  var inherited: Bool?
  /// Only what is in one domain: the domain itself and its projects.
  var confinedTo: String?

  /// At most `count` of them from a position on, and the position behind them; nil where nothing is left.
  func read(
    _ tx: Transaction, from position: Position?, count: Int
  ) throws -> (found: [Assignment], next: Position?) {
    if effective {
      var offset = 0
      if case .offset(let number) = position { offset = number }
      let found = try tx.query(effectiveStatement(offset: offset, count: count), Self.decode)
      return (found, found.count == count ? .offset(offset + found.count) : nil)
    }
    var last: [String] = []
    var after: [String]?
    if case .after(let key) = position { after = key }
    let found = try tx.query(statement(after: after, count: count)) { row in
      last = (21..<21 + Self.keyCount).map { row.textOrNil($0) ?? "" }
      return Self.decode(row)
    }
    return (found, found.count == count && count > 0 ? .after(last) : nil)
  }

  // MARK: As they were made

  /// In the order of `identity_role_assignment_single`, so that a page is a walk along that index.
  func statement(after: [String]?, count: Int) -> SQL {
    var conditions = conditions
    if let after, after.count == Self.keyCount {
      conditions.append(
        """
        (a.role_id, coalesce(a.user_id, ''), coalesce(a.group_id, ''), coalesce(a.project_id, ''), a.inherited)
          > (\(after[0]), \(after[1]), \(after[2]), \(after[3]), \(after[4] == "1"))
        """)
    }
    return """
      SELECT \(raw: columns(prior: "NULL", via: "NULL", inherited: "a.inherited", source: "NULL")),
        a.role_id, coalesce(a.user_id, ''), coalesce(a.group_id, ''), coalesce(a.project_id, ''),
        CASE WHEN a.inherited = 1 THEN '1' ELSE '0' END
      FROM identity_role_assignment a \(raw: joins)
      \(SQL.whereAll(conditions))
      ORDER BY a.role_id, coalesce(a.user_id, ''), coalesce(a.group_id, ''), coalesce(a.project_id, ''), a.inherited
      LIMIT \(count)
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
        withSubtree ? "a.project_id IN (\(Self.tree(projectID)))" : "a.project_id = \(projectID) AND p.is_domain = 0")
    }
    if let inherited { conditions.append("a.inherited = \(inherited)") }
    if let confinedTo { conditions.append("a.project_id IN (\(Self.within(confinedTo)))") }
    return conditions
  }

  // MARK: Parts

  /// Ids of a project and of all below it.
  static func tree(_ project: String) -> SQL {
    """
    WITH RECURSIVE tree (id) AS (
      SELECT t.id FROM identity_project t WHERE t.id = \(project) AND t.is_domain = 0
      UNION SELECT c.id FROM identity_project c JOIN tree t ON c.parent_id = t.id) SELECT id FROM tree
    """
  }

  /// Ids of a domain and of its projects.
  static func within(_ domain: String) -> SQL {
    "SELECT w.id FROM identity_project w WHERE w.id = \(domain) OR w.domain_id = \(domain)"
  }

  /// What `decode` reads, of a row `a` with its `joins`.
  func columns(prior: String, via: String, inherited: String, source: String) -> String {
    func names(_ table: String) -> String {
      withNames ? "\(table).name, \(table)d.id, \(table)d.name" : "NULL, NULL, NULL"
    }
    let role = withNames ? "\(RoleTable.name), rd.id, rd.name" : "NULL, NULL, NULL"
    return """
      a.role_id, \(role), \(prior), a.user_id, \(names("u")), a.group_id, \(names("g")), \(via),
        p.id, p.name, p.domain_id, \(withNames ? "pd.name" : "NULL"), p.is_domain, \(inherited), \(source)
      """
  }

  var joins: String {
    let place = "LEFT JOIN identity_project p ON p.id = a.project_id"
    guard withNames else { return place }
    return """
      JOIN identity_role r ON r.id = a.role_id LEFT JOIN identity_project rd ON rd.id = r.domain_id
      LEFT JOIN identity_user u ON u.id = a.user_id LEFT JOIN identity_project ud ON ud.id = u.domain_id
      LEFT JOIN identity_group g ON g.id = a.group_id LEFT JOIN identity_project gd ON gd.id = g.domain_id
      \(place) LEFT JOIN identity_project pd ON pd.id = p.domain_id
      """
  }

  private static func decode(_ row: any Row) -> Assignment {
    let target = party(row, 14)
    let source = present(row, 20)
    return Assignment(
      role: Named(id: row.text(0), name: row.textOrNil(1) ?? ""),
      roleDomain: row.textOrNil(2).map { Named(id: $0, name: row.text(3)) }, priorRoleID: present(row, 4),
      user: party(row, 5), group: party(row, 9), viaGroupID: present(row, 13), target: target,
      targetIsDomain: row.boolOrNil(18) ?? false, inherited: row.bool(19),
      // What is above a project and is not its domain is a project.
      source: source.map { ($0, $0 == target?.domainID) })
  }

  private static func present(_ row: any Row, _ column: Int) -> String? {
    row.textOrNil(column).flatMap { $0.isEmpty ? nil : $0 }
  }

  private static func party(_ row: any Row, _ column: Int) -> Party? {
    guard let id = row.textOrNil(column) else { return nil }
    return Party(
      id: id, name: row.textOrNil(column + 1) ?? "", domainID: row.textOrNil(column + 2) ?? "",
      domainName: row.textOrNil(column + 3) ?? "")
  }
}
