import API
import Auth
import Kit
import Store

/// Limits of projects and domains, which services keep to by themselves.
struct LimitRoutes: Sendable {
  let core: IdentityCore

  /// Limits made by one request at the most.
  static let createdAtOnceMax = 1000

  var routes: [Route] {
    let one = "/v3/limits/{limit_id}"
    return [
      Route(.get, "/v3/limits/model", Permission("identity:get_limit_model", .authenticated), query: .unread) { _ in
        model()
      },
      Route(
        .get, "/v3/limits", Permission("identity:list_limits", .authenticated), query: .list(Self.filters.parameters)
      ) { try await list($0) },
      Route(
        .post, "/v3/limits", .identity("create_limits", IdentityPolicy.admin), query: .unread, body: .needed(.newLimits)
      ) { try await create($0) },
      Route(
        .get, one, .identity("get_limit", IdentityPolicy.adminOrSystemReaderOrDomainOrProject), query: .unread
      ) { try await show($0) },
      Route(
        .patch, one, .identity("update_limit", IdentityPolicy.admin), query: .unread, body: .needed(.limitChange)
      ) { try await update($0) },
      Route(.delete, one, .identity("delete_limit", IdentityPolicy.admin), query: .unread) { try await delete($0) },
    ]
  }

  private static let filters: TextFilters = [
    "service_id": "r.service_id", "region_id": "r.region_id", "resource_name": "r.resource_name",
    "project_id": "CASE WHEN p.is_domain = 0 THEN p.id END", "domain_id": "CASE WHEN p.is_domain = 1 THEN p.id END",
  ]

  private func model() -> Reply {
    Reply.one(200, "model") {
      $0.object {
        $0.field("name", core.settings.limitModel.rawValue)
        $0.field("description", core.settings.limitModel.description)
      }
    }
  }

  private func list(_ call: Call) async throws -> Reply {
    let fixed = Self.filters.conditions(call.query) + Self.visible(to: try call.principal())
    return try await call.list(
      "limits", from: core.store, read: { try LimitTable.limits($0, fixed, $1) }, id: \.id
    ) { $0.limit($1, call) }
  }

  /// The cloud's see all, others those of their domain and its projects, or of their project.
  private static func visible(to caller: Principal) -> [SQL] {
    if caller.scope == .system || caller.has(role: "admin") || caller.has(role: "service") { return [] }
    if let domain = caller.domainID { return ["coalesce(p.domain_id, p.id) = \(domain)"] }
    return ["p.id = \(caller.projectID ?? "")", "p.is_domain = 0"]
  }

  private func create(_ call: Call) async throws -> Reply {
    let asked = try (call.body().optionalObjects("limits", countMax: Self.createdAtOnceMax) ?? []).map(Self.asked)
    let model = core.settings.limitModel
    let made = try await core.write("limit") { tx in try LimitRules.create(tx, asked, model) }
    return Reply.json(201) { $0.field("limits", made) { $0.limit($1, call) } }
  }

  private static func asked(_ fields: JSONFields) throws -> LimitRules.Asked {
    guard fields.has("project_id") != fields.has("domain_id") else {
      throw fields.invalid("project_id", "either it or domain_id is required")
    }
    let calledDomain = fields.has("domain_id")
    return LimitRules.Asked(
      id: Identifier.hex(), serviceID: try fields.string("service_id", 1...64),
      regionID: try fields.optionalString("region_id", 1...255),
      resourceName: try fields.resourceName(),
      ownerID: try fields.string(calledDomain ? "domain_id" : "project_id", 1...64), calledDomain: calledDomain,
      resourceLimit: try fields.int("resource_limit", RegisteredLimit.limits),
      description: try fields.optionalString("description"))
  }

  private func show(_ call: Call) async throws -> Reply {
    let id = try call.parameter("limit_id")
    let found = try await core.store.read { tx in try LimitTable.limit(tx, id) }
    try call.require(
      on: found.map { PolicyTarget(domainIDs: [$0.domainID], projectID: $0.ownerIsDomain ? nil : $0.ownerID) })
    guard let found else { throw Fault.noSuch("limit", id) }
    return Reply.one(200, "limit") { $0.limit(found, call) }
  }

  private func update(_ call: Call) async throws -> Reply {
    let id = try call.parameter("limit_id")
    let fields = try call.object("limit")
    let value = fields.has("resource_limit") ? try fields.int("resource_limit", RegisteredLimit.limits) : nil
    let description = try fields.patchString("description")
    let model = core.settings.limitModel
    let changed = try await core.write("limit") { tx in
      guard var limit = try LimitTable.limit(tx, id) else { throw Fault.noSuch("limit", id) }
      limit.resourceLimit = value ?? limit.resourceLimit
      limit.description = description.applied(to: limit.description)
      try LimitRules.check(tx, [limit], model)
      try LimitTable.update(tx, limit)
      return limit
    }
    return Reply.one(200, "limit") { $0.limit(changed, call) }
  }

  private func delete(_ call: Call) async throws -> Reply {
    let id = try call.parameter("limit_id")
    try await core.store.write { tx in
      guard try LimitTable.limit(tx, id) != nil else { throw Fault.noSuch("limit", id) }
      try LimitTable.delete(tx, id)
    }
    return .done
  }
}

extension JSONFields {
  /// The name of a resource that is limited: not only blanks.
  func resourceName() throws -> String {
    let name = try string("resource_name", 1...255)
    guard name.contains(where: { !$0.isWhitespace }) else { throw invalid("resource_name", "it must not be blank") }
    return name
  }
}

extension JSONWriter {
  mutating func limit(_ limit: Limit, _ call: Call) {
    object {
      $0.field("id", limit.id)
      $0.field("project_id", limit.ownerIsDomain ? nil : limit.ownerID)
      $0.field("domain_id", limit.ownerIsDomain ? limit.ownerID : nil)
      $0.field("service_id", limit.serviceID)
      $0.field("region_id", limit.regionID)
      $0.field("resource_name", limit.resourceName)
      $0.field("resource_limit", limit.resourceLimit)
      $0.field("description", limit.description)
      $0.links(call.link("/limits/\(limit.id)"))
    }
  }
}
