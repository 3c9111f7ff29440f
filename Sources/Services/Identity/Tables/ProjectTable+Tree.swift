import Kit
import Store

/// What stands above and below a project.
extension ProjectTable {
  /// Those above it: its parent first, its domain last.
  static func parents(_ tx: Transaction, of id: String) throws -> [Project] {
    let found = try list(tx, ["p.id IN (\(above(id)))"], Chunk(count: ProjectTree.depthMax + 1))
    var byID = Dictionary(found.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
    var line: [Project] = []
    var next = try find(tx, id)?.parentID
    while let id = next, let project = byID.removeValue(forKey: id) {
      line.append(project)
      next = project.parentID
    }
    return line
  }

  /// Those below it for which `conditions` hold, in the order of ids; at most `count`.
  static func subtree(_ tx: Transaction, of id: String, _ conditions: [SQL], count: Int) throws -> [Project] {
    try list(tx, ["p.id IN (\(below(id)))"] + conditions, Chunk(count: count))
  }

  /// Ids of those above it where a user has a role.
  static func reachable(_ tx: Transaction, above id: String, by user: String) throws -> Set<String> {
    Set(
      try tx.query(
        """
        SELECT p.id FROM identity_project p
        WHERE p.is_domain = 0 AND p.id IN (\(above(id))) AND \(AssignmentTable.reachable(by: user))
        """
      ) { $0.text(0) })
  }

  static func hasDisabledParent(_ tx: Transaction, _ id: String) throws -> Bool {
    try tx.exists("SELECT 1 FROM identity_project p WHERE p.enabled = 0 AND p.id IN (\(above(id))) LIMIT 1")
  }

  static func hasEnabledChild(_ tx: Transaction, _ id: String) throws -> Bool {
    try tx.exists("SELECT 1 FROM identity_project p WHERE p.enabled = 1 AND p.id IN (\(below(id))) LIMIT 1")
  }

  static func hasImmutableProject(_ tx: Transaction, domain: String) throws -> Bool {
    try tx.query("SELECT options FROM identity_project WHERE domain_id = \(domain) AND options <> '{}'") {
      try $0.document(0)["immutable"] == .bool(true)
    }.contains(true)
  }

  private static func above(_ id: String) -> SQL {
    """
    WITH RECURSIVE above (id) AS (
      SELECT parent_id FROM identity_project WHERE id = \(id) AND parent_id IS NOT NULL
      UNION SELECT q.parent_id FROM identity_project q JOIN above a ON q.id = a.id WHERE q.parent_id IS NOT NULL)
    SELECT id FROM above
    """
  }

  private static func below(_ id: String) -> SQL {
    """
    WITH RECURSIVE below (id) AS (
      SELECT id FROM identity_project WHERE parent_id = \(id)
      UNION SELECT q.id FROM identity_project q JOIN below b ON q.parent_id = b.id)
    SELECT id FROM below
    """
  }
}
