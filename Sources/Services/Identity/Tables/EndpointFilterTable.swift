import Kit
import Store

/// Endpoint groups, and which endpoints were given to which projects.
enum EndpointFilterTable {
  // MARK: Groups

  static func groups(_ tx: Transaction, _ conditions: [SQL], _ chunk: Chunk) throws -> [EndpointGroup] {
    try tx.query(
      """
      SELECT g.id, g.name, g.description, g.filters FROM identity_endpoint_group g
      \(chunk.clause(conditions, id: "g.id"))
      """
    ) {
      EndpointGroup(
        id: $0.text(0), name: $0.text(1), description: $0.textOrNil(2),
        filter: EndpointFilter(members: try $0.document(3)))
    }
  }

  static func group(_ tx: Transaction, _ id: String) throws -> EndpointGroup? {
    try groups(tx, ["g.id = \(id)"], Chunk(count: 1)).first
  }

  /// Groups that were given to a project: a condition of `groups`.
  static func given(to project: String) -> SQL {
    "g.id IN (SELECT m.endpoint_group_id FROM identity_project_endpoint_group m WHERE m.project_id = \(project))"
  }

  static func insert(_ tx: Transaction, _ group: EndpointGroup) throws {
    try tx.execute(
      """
      INSERT INTO identity_endpoint_group (id, name, description, filters)
      VALUES (\(group.id), \(group.name), \(group.description), \(group.filter.members.document))
      """)
  }

  static func update(_ tx: Transaction, _ group: EndpointGroup) throws {
    try tx.execute(
      """
      UPDATE identity_endpoint_group SET name = \(group.name), description = \(group.description),
        filters = \(group.filter.members.document) WHERE id = \(group.id)
      """)
  }

  static func deleteGroup(_ tx: Transaction, _ id: String) throws {
    try tx.execute("DELETE FROM identity_endpoint_group WHERE id = \(id)")
  }

  // MARK: What projects were given

  /// What may be given to a project.
  enum Gift: Sendable {
    case endpoint(String)
    case group(String)

    var table: SQL {
      switch self {
      case .endpoint: "identity_project_endpoint"
      case .group: "identity_project_endpoint_group"
      }
    }
    fileprivate var column: SQL {
      switch self {
      case .endpoint: "endpoint_id"
      case .group: "endpoint_group_id"
      }
    }
    fileprivate var id: String {
      switch self {
      case .endpoint(let id), .group(let id): id
      }
    }
  }

  /// Throws `StoreError` of kind `unique` where the project has it already.
  static func give(_ tx: Transaction, _ gift: Gift, to project: String) throws {
    try tx.execute("INSERT INTO \(gift.table) (project_id, \(gift.column)) VALUES (\(project), \(gift.id))")
  }

  static func has(_ tx: Transaction, _ gift: Gift, project: String) throws -> Bool {
    try tx.exists("SELECT 1 FROM \(gift.table) WHERE project_id = \(project) AND \(gift.column) = \(gift.id)")
  }

  /// Whether the project had it.
  static func take(_ tx: Transaction, _ gift: Gift, from project: String) throws -> Bool {
    try tx.execute("DELETE FROM \(gift.table) WHERE project_id = \(project) AND \(gift.column) = \(gift.id)") > 0
  }

  /// Projects that were given it: a condition of `ProjectTable.list`.
  static func projects(with gift: Gift) -> SQL {
    "p.id IN (SELECT m.project_id FROM \(gift.table) m WHERE m.\(gift.column) = \(gift.id))"
  }

  /// What the catalogue of a project is cut down to.
  struct Given: Sendable {
    var endpoints: Set<String> = []
    var groups: [EndpointFilter] = []
    /// Whether any project at all was given something.
    var anywhere = false

    func holds(_ endpoint: Endpoint) -> Bool {
      endpoints.contains(endpoint.id) || groups.contains { $0.holds(endpoint) }
    }
  }

  static func given(_ tx: Transaction, project: String?) throws -> Given {
    var given = Given()
    try tx.forEach(
      """
      SELECT 'endpoint', endpoint_id FROM identity_project_endpoint WHERE project_id = \(project)
      UNION ALL SELECT 'group', g.filters FROM identity_endpoint_group g
        JOIN identity_project_endpoint_group m ON m.endpoint_group_id = g.id WHERE m.project_id = \(project)
      UNION ALL SELECT 'anywhere', '' WHERE EXISTS (SELECT 1 FROM identity_project_endpoint)
        OR EXISTS (SELECT 1 FROM identity_project_endpoint_group)
      """
    ) { row in
      switch row.text(0) {
      case "endpoint": given.endpoints.insert(row.text(1))
      case "group": given.groups.append(EndpointFilter(members: try row.document(1)))
      default: given.anywhere = true
      }
    }
    return given
  }

  /// Endpoints that a project has by itself and by groups: a condition of `CatalogTable.endpoints`.
  static func endpoints(_ tx: Transaction, of project: String) throws -> SQL {
    let groups = try given(tx, project: project).groups.map(\.condition)
    let own: SQL = "e.id IN (SELECT m.endpoint_id FROM identity_project_endpoint m WHERE m.project_id = \(project))"
    return "(\(SQL.joined([own] + groups, separator: " OR ")))"
  }
}
