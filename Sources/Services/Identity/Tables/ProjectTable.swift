import Kit
import Store

/// Projects and domains.
enum ProjectTable {
  private static let columns =
    "p.id, p.name, p.domain_id, p.parent_id, p.is_domain, p.enabled, p.description, p.options, p.extra"

  private static func decode(_ row: any Row) throws -> Project {
    Project(
      id: row.text(0), name: row.text(1), domainID: row.textOrNil(2), parentID: row.textOrNil(3),
      isDomain: row.bool(4), enabled: row.bool(5), description: row.text(6), options: try row.document(7),
      extra: try row.document(8))
  }

  static func find(_ tx: Transaction, _ id: String) throws -> Project? {
    try list(tx, ["p.id = \(id)"], Chunk(count: 1)).first
  }

  /// A project; nil where `id` is none or a domain.
  static func project(_ tx: Transaction, _ id: String) throws -> Project? {
    try find(tx, id).flatMap { $0.isDomain ? nil : $0 }
  }

  static func domain(_ tx: Transaction, _ id: String) throws -> Project? {
    try find(tx, id).flatMap { $0.isDomain ? $0 : nil }
  }

  static func list(_ tx: Transaction, _ conditions: [SQL], _ chunk: Chunk) throws -> [Project] {
    var projects = try tx.query(
      "SELECT \(raw: columns) FROM identity_project p \(chunk.clause(conditions, id: "p.id"))", decode)
    var tags: [String: [String]] = [:]
    try tx.forEach(
      "SELECT project_id, tag FROM identity_project_tag WHERE project_id IN (\(list: projects.map(\.id))) ORDER BY tag"
    ) { tags[$0.text(0), default: []].append($0.text(1)) }
    for index in projects.indices { projects[index].tags = tags[projects[index].id] ?? [] }
    return projects
  }

  /// The names of those that are there, by id.
  static func names(_ tx: Transaction, _ ids: [String]) throws -> [String: String] {
    if ids.isEmpty { return [:] }
    return Dictionary(
      try tx.query("SELECT id, name FROM identity_project WHERE id IN (\(list: ids))") { ($0.text(0), $0.text(1)) },
      uniquingKeysWith: { $1 })
  }

  static func insert(_ tx: Transaction, _ project: Project) throws {
    try AccessNotes.row(tx, "identity_project", project.id) {
      try tx.execute(
        """
        INSERT INTO identity_project (id, name, domain_id, parent_id, is_domain, enabled, description, options, extra)
        VALUES (\(project.id), \(project.name), \(project.domainID), \(project.parentID), \(project.isDomain),
          \(project.enabled), \(project.description), \(project.options.document), \(project.extra.document))
        """)
      try setTags(tx, project.id, project.tags)
      try tx.change("project", project.id)
    }
  }

  static func update(_ tx: Transaction, _ project: Project) throws {
    try AccessNotes.row(tx, "identity_project", project.id) {
      try tx.execute(
        """
        UPDATE identity_project SET name = \(project.name), enabled = \(project.enabled),
          description = \(project.description), options = \(project.options.document), extra = \(project.extra.document)
        WHERE id = \(project.id)
        """)
      try tx.change("project", project.id)
    }
  }

  /// Voids every token of the project; of a domain, also those of its users and projects.
  static func voidTokens(_ tx: Transaction, _ project: Project) throws {
    try tx.execute(
      """
      UPDATE identity_project SET token_generation = token_generation + 1
      WHERE id = \(project.id) OR domain_id = \(project.id)
      """)
    try RevocationEventTable.note(tx, project.isDomain ? .domain : .project, project.id)
    guard project.isDomain else { return }
    try tx.execute(
      "UPDATE identity_user SET token_generation = token_generation + 1 WHERE domain_id = \(project.id)")
  }

  static func hasChildren(_ tx: Transaction, _ id: String) throws -> Bool {
    try tx.exists("SELECT 1 FROM identity_project WHERE parent_id = \(id) LIMIT 1")
  }

  static func setTags(_ tx: Transaction, _ id: String, _ tags: [String]) throws {
    try tx.execute("DELETE FROM identity_project_tag WHERE project_id = \(id)")
    for tag in Set(tags) { try addTag(tx, id, tag) }
  }

  static func addTag(_ tx: Transaction, _ id: String, _ tag: String) throws {
    try tx.execute(
      "INSERT INTO identity_project_tag (project_id, tag) VALUES (\(id), \(tag)) ON CONFLICT DO NOTHING")
  }

  /// Whether the tag was there.
  static func removeTag(_ tx: Transaction, _ id: String, _ tag: String) throws -> Bool {
    try tx.execute("DELETE FROM identity_project_tag WHERE project_id = \(id) AND tag = \(tag)") > 0
  }

  // MARK: By name, and for tokens

  /// The id of the domain a reference names.
  static func domainID(_ tx: Transaction, _ reference: DomainReference) throws -> String? {
    switch reference {
    case .id(let id):
      try tx.first("SELECT id FROM identity_project WHERE id = \(id) AND is_domain = 1") { $0.text(0) }
    case .name(let name):
      try tx.first("SELECT id FROM identity_project WHERE name = \(name) AND is_domain = 1") { $0.text(0) }
    }
  }

  /// The id of the project a reference names.
  static func projectID(_ tx: Transaction, _ reference: Reference) throws -> String? {
    switch reference {
    case .id(let id):
      return try tx.first("SELECT id FROM identity_project WHERE id = \(id) AND is_domain = 0") { $0.text(0) }
    case .name(let name, let domain):
      guard let domainID = try domainID(tx, domain) else { return nil }
      return try tx.first(
        "SELECT id FROM identity_project WHERE domain_id = \(domainID) AND name = \(name) AND is_domain = 0"
      ) { $0.text(0) }
    }
  }

  /// A project as a token sees it.
  struct ForToken {
    var id: String
    var name: String
    var domainID: String
    var domainName: String
    /// The project and its domain.
    var enabled: Bool
    var generation: Int
  }

  /// A project with its domain, or a domain (which is its own domain).
  static func forToken(_ tx: Transaction, _ id: String, isDomain: Bool) throws -> ForToken? {
    let found = try tx.first(
      """
      SELECT p.name, d.id, d.name, p.enabled, d.enabled, p.token_generation, p.is_domain FROM identity_project p
      LEFT JOIN identity_project d ON d.id = p.domain_id WHERE p.id = \(id)
      """
    ) { row -> ForToken? in
      guard row.bool(6) == isDomain else { return nil }
      let name = row.text(0)
      return ForToken(
        id: id, name: name, domainID: row.textOrNil(1) ?? id, domainName: row.textOrNil(2) ?? name,
        enabled: row.bool(3) && (row.boolOrNil(4) ?? true), generation: row.int(5))
    }
    return found ?? nil
  }
}
