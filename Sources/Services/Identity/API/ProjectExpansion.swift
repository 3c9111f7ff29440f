import API
import Auth
import Kit
import Store

/// What a request for a project asks to see above and below it.
struct ProjectExpansion: Sendable {
  /// As whole projects where the caller has a role, or as ids in the shape of the tree.
  enum Form: Sendable { case list, ids }

  /// Limits shown at the most.
  private static let limitsMax = 100_000
  private let parents: Form?
  private let subtree: Form?
  /// Whether the projects of lists come with their limits.
  private let includesLimits: Bool

  /// Any value counts as yes, but for `0`, as in Keystone. Throws `Fault` 400 where both forms are asked for.
  init(_ query: Query) throws {
    func form(_ name: String) throws -> Form? {
      let list = Self.isAsked(query, name + "_as_list")
      let ids = Self.isAsked(query, name + "_as_ids")
      guard !list || !ids else { throw Fault.badRequest("\(name)_as_list and \(name)_as_ids exclude each other.") }
      return list ? .list : ids ? .ids : nil
    }
    parents = try form("parents")
    subtree = try form("subtree")
    includesLimits = Self.isAsked(query, "include_limits")
  }

  private static func isAsked(_ query: Query, _ name: String) -> Bool { query[name].map { $0 != "0" } ?? false }

  /// What was found.
  struct Family: Sendable {
    fileprivate var parents: [Project] = []
    fileprivate var subtree: [Project] = []
    /// By project; nil where nobody asked for them.
    fileprivate var limits: [String: [Limit]]?
    fileprivate let expansion: ProjectExpansion
    fileprivate let project: Project
  }

  /// Throws `Fault` 400 for a subtree that is too large to be shown at once.
  func read(_ tx: Transaction, of project: Project, for userID: String) throws -> Family {
    var family = Family(expansion: self, project: project)
    switch parents {
    case nil: break
    case .ids: family.parents = try ProjectTable.parents(tx, of: project.id)
    case .list:
      let reachable = try ProjectTable.reachable(tx, above: project.id, by: userID)
      family.parents = try ProjectTable.parents(tx, of: project.id).filter { reachable.contains($0.id) }
    }
    if let subtree { family.subtree = try read(tx, subtree, below: project, for: userID) }
    if includesLimits {
      let shown = (parents == .list ? family.parents : []) + (subtree == .list ? family.subtree : [])
      let limits = try LimitTable.limits(
        tx, ["l.project_id IN (\(list: shown.map(\.id)))"], Chunk(count: Self.limitsMax))
      family.limits = Dictionary(grouping: limits, by: \.ownerID)
    }
    return family
  }

  private func read(
    _ tx: Transaction, _ form: Form, below project: Project, for userID: String
  ) throws -> [Project] {
    let conditions = form == .list ? [AssignmentTable.reachable(by: userID)] : []
    let found = try ProjectTable.subtree(tx, of: project.id, conditions, count: ProjectTree.subtreeMax + 1)
    guard found.count <= ProjectTree.subtreeMax else {
      throw Fault.badRequest("More than \(ProjectTree.subtreeMax) projects are below it: list them by parent_id.")
    }
    return found
  }
}

extension ProjectExpansion.Family {
  func write(_ json: inout JSONWriter, _ call: Call) {
    switch expansion.parents {
    case nil: break
    case .list: list("parents", parents, &json, call)
    case .ids: json.field("parents", Self.line(parents[...]))
    }
    switch expansion.subtree {
    case nil: break
    case .list: list("subtree", subtree, &json, call)
    case .ids:
      json.field("subtree", Self.tree(below: project.id, Dictionary(grouping: subtree) { $0.parentID ?? "" }))
    }
  }

  private func list(_ name: String, _ projects: [Project], _ json: inout JSONWriter, _ call: Call) {
    json.field(name, projects) { json, project in
      json.object {
        $0.key("project")
        $0.project(project, call, limits: limits.map { $0[project.id] ?? [] })
      }
    }
  }

  /// `{parent: {grandparent: null}}`; null where there is none.
  private static func line(_ parents: ArraySlice<Project>) -> JSONValue {
    guard let next = parents.first else { return .null }
    return .object([next.id: line(parents.dropFirst())])
  }

  /// `{child: {grandchild: null}, child: null}`; null where there is none.
  private static func tree(below id: String, _ children: [String: [Project]]) -> JSONValue {
    guard let below = children[id] else { return .null }
    return .object(
      Dictionary(below.map { ($0.id, tree(below: $0.id, children)) }, uniquingKeysWith: { first, _ in first }))
  }
}
