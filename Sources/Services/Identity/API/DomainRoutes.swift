import API
import Auth
import Kit
import Store

/// Domains.
struct DomainRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    [
      Route(
        .get, "/v3/domains", Permission("identity:list_domains", .systemReader),
        query: .list(Self.filters.parameters + [.init("enabled", .boolean)], others: .refused)
      ) { try await list($0) },
      Route(
        .post, "/v3/domains", Permission("identity:create_domain", .admin), query: .unread,
        body: .needed(.domain(changes: false))
      ) { try await create($0) },
      Route(.get, "/v3/domains/{domain_id}", Permission("identity:get_domain", .authenticated), query: .unread) {
        try await show($0)
      },
      Route(
        .patch, "/v3/domains/{domain_id}", Permission("identity:update_domain", .admin), query: .unread,
        body: .needed(.domain(changes: true))
      ) { try await update($0) },
      Route(.delete, "/v3/domains/{domain_id}", Permission("identity:delete_domain", .admin), query: .unread) {
        try await delete($0)
      },
    ]
  }

  private static let filters: TextFilters = ["name": "p.name"]

  private func list(_ call: Call) async throws -> Reply {
    var conditions: [SQL] = ["p.is_domain = 1"] + Self.filters.conditions(call.query)
    if let enabled = try call.query.bool("enabled") { conditions.append("p.enabled = \(enabled)") }
    let fixed = conditions
    return try await call.list("domains", from: core.store, read: { try ProjectTable.list($0, fixed, $1) }, id: \.id) {
      $0.domain($1, call)
    }
  }

  private func create(_ call: Call) async throws -> Reply {
    let fields = try call.object("domain")
    var domain = Project(
      id: Identifier.hex(), name: try fields.name(64), domainID: nil, parentID: nil, isDomain: true,
      enabled: try fields.flag("enabled") ?? true, description: try fields.description() ?? "",
      options: try fields.immutableOption(), extra: [:], tags: try fields.tags() ?? [])
    domain.extra = fields.newExtra()
    let made = domain
    try await core.write("domain") { tx in try ProjectTable.insert(tx, made) }
    return Reply.one(201, "domain") { $0.domain(made, call) }
  }

  private func show(_ call: Call) async throws -> Reply {
    let id = try call.parameter("domain_id")
    let caller = try call.principal()
    guard call.mayRead || caller.scope.domainID == id else {
      throw Fault.forbidden("Policy doesn't allow identity:get_domain to be performed.")
    }
    let found = try await core.store.read { tx in try ProjectTable.domain(tx, id) }
    guard let found else { throw Fault.noSuch("domain", id) }
    return Reply.one(200, "domain") { $0.domain(found, call) }
  }

  private func update(_ call: Call) async throws -> Reply {
    let id = try call.parameter("domain_id")
    let patch = try ProjectPatch(try call.object("domain"), isDomain: true)
    let changed = try await core.write("domain") { tx in
      guard let domain = try ProjectTable.domain(tx, id) else { throw Fault.noSuch("domain", id) }
      if id == Bootstrap.domainID, patch.enabled == false {
        throw Fault.forbidden("The default domain cannot be disabled.")
      }
      return try patch.apply(tx, to: domain)
    }
    return Reply.one(200, "domain") { $0.domain(changed, call) }
  }

  private func delete(_ call: Call) async throws -> Reply {
    let id = try call.parameter("domain_id")
    try await core.store.write { tx in
      guard let domain = try ProjectTable.domain(tx, id) else { throw Fault.noSuch("domain", id) }
      guard id != Bootstrap.domainID else { throw Fault.forbidden("The default domain cannot be deleted.") }
      guard !domain.isImmutable else { throw Fault.forbidden("The domain is immutable.") }
      guard !domain.enabled else { throw Fault.forbidden("A domain must be disabled before it can be deleted.") }
      try ProjectTable.delete(tx, id)
    }
    return .done
  }
}

extension Principal.Scope {
  /// The domain of a token's scope: itself, or the project's.
  var domainID: String? {
    switch self {
    case .domain(let id, _): id
    case .project(let project): project.domainID
    case .system, .unscoped: nil
    }
  }
}

extension JSONWriter {
  mutating func domain(_ domain: Project, _ call: Call) {
    object {
      $0.field("id", domain.id)
      $0.field("name", domain.name)
      $0.field("description", domain.description)
      $0.field("enabled", domain.enabled)
      $0.field("tags", domain.tags)
      $0.field("options", .object(domain.options))
      $0.extra(domain.extra)
      $0.links(call.link("/domains/\(domain.id)"))
    }
  }
}
