import API
import Auth
import Kit
import Store

/// Projects.
struct ProjectRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    let one = "/v3/projects/{project_id}"
    return [
      Route(
        .get, "/v3/projects", .identity("list_projects", IdentityPolicy.adminOrSystemReaderOrDomainReader),
        query: .projects(others: .refused)
      ) { try await list($0) },
      Route(
        .post, "/v3/projects", .identity("create_project", IdentityPolicy.adminOrDomainManager), query: .unread,
        body: .needed(.project(changes: false))
      ) { try await create($0) },
      Route(
        .get, one, .identity("get_project", IdentityPolicy.adminOrSystemReaderOrDomainReaderOrProject), query: .project
      ) { try await show($0) },
      Route(
        .patch, one, .identity("update_project", IdentityPolicy.adminOrDomainManager), query: .unread,
        body: .needed(.project(changes: true))
      ) { try await update($0) },
      Route(.delete, one, .identity("delete_project", IdentityPolicy.adminOrDomainManager), query: .careful) {
        try await delete($0)
      },
      Route(
        .get, "/v3/users/{user_id}/projects",
        .identity("list_user_projects", IdentityPolicy.adminOrSystemReaderOrDomainReaderOrOwner),
        query: .projects(others: .ignored)
      ) { try await listOfUser($0) },
    ]
  }

  private func list(_ call: Call) async throws -> Reply {
    var conditions = try Self.conditions(call.query)
    if let domain = call.listedDomain { conditions.append("p.domain_id = \(domain)") }
    let fixed = conditions
    return try await call.list("projects", from: core.store, read: { try ProjectTable.list($0, fixed, $1) }, id: \.id) {
      $0.project($1, call)
    }
  }

  /// Nobody has projects who is not there; that is no 404, as in Keystone.
  private func listOfUser(_ call: Call) async throws -> Reply {
    let user = try call.parameter("user_id")
    let caller = try call.principal()
    let found = try await core.store.read { tx in try UserTable.find(tx, user) }
    try call.require(on: found?.policyTarget)
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
    let askedDomain = try fields.optionalString("domain_id", 1...64)
    let parent = try fields.optionalString("parent_id", 1...64)
    let domain = try call.domainOfNew(askedDomain)
    guard !isDomain || askedDomain == nil && parent == nil else {
      throw fields.invalid("is_domain", "a project that is a domain has neither domain nor parent")
    }
    var project = Project(
      id: Identifier.hex(), name: try fields.strippedName(64), domainID: isDomain ? nil : domain,
      parentID: isDomain ? nil : parent ?? domain, isDomain: isDomain, enabled: try fields.flag("enabled") ?? true,
      description: try fields.description() ?? "", options: try fields.immutableOption(), extra: [:],
      tags: try fields.tags()?.sorted() ?? [])
    if isDomain { try fields.checkDomainName(project.name) }
    project.extra = fields.newExtra()
    let made = project
    let model = core.settings.limitModel
    try await core.write("project") { tx in
      if !isDomain { try ProjectTree.check(tx, domain: domain, parent: parent ?? domain, model) }
      try ProjectTable.insert(tx, made)
    }
    return Reply.one(201, "project") { $0.project(made, call) }
  }

  private func show(_ call: Call) async throws -> Reply {
    let id = try call.parameter("project_id")
    let expansion = try ProjectExpansion(call.query)
    let caller = try call.principal().userID
    let (found, family) = try await core.store.read { tx in
      let found = try ProjectTable.find(tx, id)
      try call.require(on: found?.policyTarget)
      return (found, try found.map { try expansion.read(tx, of: $0, for: caller) })
    }
    guard let found else { throw Fault.noSuch("project", id) }
    return Reply.one(200, "project") { $0.project(found, call, family) }
  }

  private func update(_ call: Call) async throws -> Reply {
    let id = try call.parameter("project_id")
    let fields = try call.object("project")
    try fields.sameID(id)
    let patch = try ProjectPatch(fields, isDomain: false)
    let changed = try await core.write("project") { tx in
      let project = try ProjectTable.find(tx, id)
      try call.require(on: project?.policyTarget)
      guard let project else { throw Fault.noSuch("project", id) }
      return try patch.apply(tx, to: project)
    }
    return Reply.one(200, "project") { $0.project(changed, call) }
  }

  private func delete(_ call: Call) async throws -> Reply {
    let id = try call.parameter("project_id")
    let isDomain = try await core.store.read { tx in try ProjectTable.find(tx, id)?.isDomain ?? false }
    return try await core.delete(call, isDomain ? .domain : .project, id) { tx in
      let project = try ProjectTable.find(tx, id)
      try call.require(on: project?.policyTarget)
      guard let project else { throw Fault.noSuch("project", id) }
      try ProjectTree.checkDelete(tx, project)
    }
  }
}

extension JSONWriter {
  mutating func project(
    _ project: Project, _ call: Call, _ family: ProjectExpansion.Family? = nil, limits: [Limit]? = nil
  ) {
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
      family?.write(&$0, call)
      if let limits { $0.field("limits", limits) { $0.limit($1, call) } }
      $0.links(call.link("/projects/\(project.id)"))
    }
  }
}
