import API
import Auth
import Kit
import Store

/// Projects.
struct ProjectRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    [
      Route(
        .get, "/v3/projects", Permission("identity:list_projects", .systemReader), query: .projects(others: .refused)
      ) { try await list($0) },
      Route(
        .post, "/v3/projects", Permission("identity:create_project", .admin), query: .unread,
        body: .needed(.project(changes: false))
      ) { try await create($0) },
      Route(.get, "/v3/projects/{project_id}", Permission("identity:get_project", .authenticated), query: .unread) {
        try await show($0)
      },
      Route(
        .patch, "/v3/projects/{project_id}", Permission("identity:update_project", .admin), query: .unread,
        body: .needed(.project(changes: true))
      ) {
        try await update($0)
      },
      Route(.delete, "/v3/projects/{project_id}", Permission("identity:delete_project", .admin), query: .unread) {
        try await delete($0)
      },
      Route(
        .get, "/v3/users/{user_id}/projects", Permission("identity:list_user_projects", .authenticated),
        query: .projects(others: .ignored)
      ) {
        try await listOfUser($0)
      },
    ]
  }

  private func list(_ call: Call) async throws -> Reply {
    let fixed = try Self.conditions(call.query)
    return try await call.list("projects", from: core.store, read: { try ProjectTable.list($0, fixed, $1) }, id: \.id) {
      $0.project($1, call)
    }
  }

  private func listOfUser(_ call: Call) async throws -> Reply {
    let user = try call.parameter("user_id")
    try call.requireSelfOrReader(user, "identity:list_user_projects")
    let caller = try call.principal()
    var conditions = try Self.conditions(call.query) + [AssignmentTable.reachable(by: user)]
    if caller.applicationCredential != nil, caller.userID == user {
      conditions.append("p.id = \(caller.projectID ?? "")")
    }
    let fixed = conditions
    return try await call.list("projects", from: core.store, read: { try ProjectTable.list($0, fixed, $1) }, id: \.id) {
      $0.project($1, call)
    }
  }

  static let filters: TextFilters = ["domain_id": "p.domain_id", "parent_id": "p.parent_id", "name": "p.name"]

  private static func conditions(_ query: Query) throws -> [SQL] {
    var conditions: [SQL] = ["p.is_domain = \(try query.bool("is_domain") ?? false)"] + filters.conditions(query)
    if let enabled = try query.bool("enabled") { conditions.append("p.enabled = \(enabled)") }
    return conditions + tagConditions(query)
  }

  /// `tags` are all had, of `tags-any` at least one; who has all `not-tags`, or one of `not-tags-any`, is left out.
  private static func tagConditions(_ query: Query) -> [SQL] {
    func tags(_ name: String) -> [String] { query[name]?.split(separator: ",").map(String.init) ?? [] }
    func any(_ tags: [String]) -> SQL {
      "p.id IN (SELECT t.project_id FROM identity_project_tag t WHERE t.tag IN (\(list: tags)))"
    }
    var conditions = tags("tags").map { any([$0]) }
    if query.has("tags-any") { conditions.append(any(tags("tags-any"))) }
    let all = tags("not-tags").map { any([$0]) }
    if !all.isEmpty { conditions.append("NOT (\(SQL.joined(all, separator: " AND ")))") }
    if query.has("not-tags-any") { conditions.append("NOT \(any(tags("not-tags-any")))") }
    return conditions
  }

  private func create(_ call: Call) async throws -> Reply {
    let fields = try call.object("project")
    let isDomain = try fields.flag("is_domain") ?? false
    let domain = try fields.optionalString("domain_id", 1...64)
    let parent = try fields.optionalString("parent_id", 1...64)
    guard !isDomain || domain == nil && parent == nil else {
      throw fields.invalid("is_domain", "a project that is a domain has neither domain nor parent")
    }
    var project = Project(
      id: Identifier.hex(), name: try fields.name(64), domainID: nil, parentID: nil, isDomain: isDomain,
      enabled: try fields.flag("enabled") ?? true, description: try fields.description() ?? "",
      options: try fields.immutableOption(), extra: [:], tags: try fields.tags()?.sorted() ?? [])
    project.extra = fields.newExtra()
    let asked = project
    let standard = try call.principal().scope.domainID ?? Bootstrap.domainID
    let made = try await core.write("project") { tx in
      var project = asked
      if !isDomain { (project.domainID, project.parentID) = try place(tx, domain, parent, standard: standard) }
      try ProjectTable.insert(tx, project)
      return project
    }
    return Reply.one(201, "project") { $0.project(made, call) }
  }

  /// Where a new project stands: below its parent in the parent's domain, or at the top of its domain.
  private func place(
    _ tx: Transaction, _ domain: String?, _ parent: String?, standard: String
  ) throws -> (domain: String, parent: String) {
    if let parent {
      guard let above = try ProjectTable.find(tx, parent) else {
        throw Fault.notFound("Could not find the parent project: \(parent.quoted).")
      }
      let domainOfParent = above.domainID ?? above.id
      guard domain == nil || domain == domainOfParent else {
        throw Fault.badRequest("The parent project belongs to another domain.")
      }
      guard above.enabled else { throw Fault.forbidden("The parent project is disabled.") }
      return (domainOfParent, parent)
    }
    let domain = domain ?? standard
    guard try ProjectTable.domain(tx, domain) != nil else { throw Fault.noSuch("domain", domain) }
    return (domain, domain)
  }

  private func show(_ call: Call) async throws -> Reply {
    let id = try call.parameter("project_id")
    guard try call.mayRead || call.principal().projectID == id else {
      throw Fault.forbidden("Policy doesn't allow identity:get_project to be performed.")
    }
    let found = try await core.store.read { tx in try ProjectTable.find(tx, id) }
    guard let found else { throw Fault.noSuch("project", id) }
    return Reply.one(200, "project") { $0.project(found, call) }
  }

  private func update(_ call: Call) async throws -> Reply {
    let id = try call.parameter("project_id")
    let patch = try ProjectPatch(try call.object("project"), isDomain: false)
    let changed = try await core.write("project") { tx in
      guard let project = try ProjectTable.project(tx, id) else { throw Fault.noSuch("project", id) }
      return try patch.apply(tx, to: project)
    }
    return Reply.one(200, "project") { $0.project(changed, call) }
  }

  private func delete(_ call: Call) async throws -> Reply {
    let id = try call.parameter("project_id")
    try await core.store.write { tx in
      guard let project = try ProjectTable.project(tx, id) else { throw Fault.noSuch("project", id) }
      guard !project.isImmutable else { throw Fault.forbidden("The project is immutable.") }
      guard try !ProjectTable.hasChildren(tx, id) else {
        throw Fault.forbidden("The project has projects below it.")
      }
      try ProjectTable.delete(tx, id)
    }
    return .done
  }
}

extension JSONWriter {
  mutating func project(_ project: Project, _ call: Call) {
    object {
      $0.field("id", project.id)
      $0.field("name", project.name)
      $0.field("domain_id", project.domainID)
      $0.field("parent_id", project.parentID)
      $0.field("is_domain", project.isDomain)
      $0.field("enabled", project.enabled)
      $0.field("description", project.description)
      $0.field("tags", project.tags)
      $0.field("options", .object(project.options))
      $0.extra(project.extra)
      $0.links(call.link("/projects/\(project.id)"))
    }
  }
}
