import API
import Auth
import Kit
import Store

/// What a project may have of a resource where it has no limit of its own.
struct RegisteredLimitRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    let all = "/v3/registered_limits"
    let one = "/v3/registered_limits/{registered_limit_id}"
    return [
      Route(
        .get, all, Permission("identity:list_registered_limits", .authenticated),
        query: .list(Self.filters.parameters)
      ) { try await list($0) },
      Route(
        .post, all, .identity("create_registered_limits", IdentityPolicy.admin), query: .unread,
        body: .needed(.newRegisteredLimits)
      ) { try await create($0) },
      Route(.get, one, Permission("identity:get_registered_limit", .authenticated), query: .unread) {
        try await show($0)
      },
      Route(
        .patch, one, .identity("update_registered_limit", IdentityPolicy.admin), query: .unread,
        body: .needed(.registeredLimitChange)
      ) { try await update($0) },
      Route(.delete, one, .identity("delete_registered_limit", IdentityPolicy.admin), query: .unread) {
        try await delete($0)
      },
    ]
  }

  private static let filters: TextFilters = [
    "service_id": "r.service_id", "region_id": "r.region_id", "resource_name": "r.resource_name",
  ]

  private func list(_ call: Call) async throws -> Reply {
    let fixed = Self.filters.conditions(call.query)
    return try await call.list(
      "registered_limits", from: core.store, read: { try LimitTable.registered($0, fixed, $1) }, id: \.id
    ) { $0.registeredLimit($1, call) }
  }

  private func create(_ call: Call) async throws -> Reply {
    let asked = try call.body().optionalObjects("registered_limits", countMax: LimitRoutes.createdAtOnceMax) ?? []
    let limits = try asked.map { fields in
      RegisteredLimit(
        id: Identifier.hex(), serviceID: try fields.string("service_id", 1...64),
        regionID: try fields.optionalString("region_id", 1...255), resourceName: try fields.resourceName(),
        defaultLimit: try fields.int("default_limit", RegisteredLimit.limits),
        description: try fields.optionalString("description"))
    }
    try await core.write("registered limit") { tx in
      for limit in limits {
        try LimitRules.checkReferences(tx, service: limit.serviceID, region: limit.regionID)
        try LimitTable.insert(tx, limit)
      }
    }
    return Reply.json(201) { $0.field("registered_limits", limits) { $0.registeredLimit($1, call) } }
  }

  private func show(_ call: Call) async throws -> Reply {
    let id = try call.parameter("registered_limit_id")
    let found = try await core.store.read { tx in try LimitTable.registered(tx, id) }
    guard let found else { throw Fault.noSuch("registered limit", id) }
    return Reply.one(200, "registered_limit") { $0.registeredLimit(found, call) }
  }

  private func update(_ call: Call) async throws -> Reply {
    let id = try call.parameter("registered_limit_id")
    let fields = try call.object("registered_limit")
    let service = try fields.optionalString("service_id", 1...64)
    let region = try fields.patchString("region_id", 1...255)
    let resource = fields.has("resource_name") ? try fields.resourceName() : nil
    let value = fields.has("default_limit") ? try fields.int("default_limit", RegisteredLimit.limits) : nil
    let description = try fields.patchString("description")
    let changed = try await core.write("registered limit") { tx in
      try LimitRules.checkReferences(tx, service: service, region: region.value)
      var limit = try unused(tx, id)
      limit.serviceID = service ?? limit.serviceID
      limit.regionID = region.applied(to: limit.regionID)
      limit.resourceName = resource ?? limit.resourceName
      limit.defaultLimit = value ?? limit.defaultLimit
      limit.description = description.applied(to: limit.description)
      // Naming what it already is for counts as there being one, as in Keystone.
      if service != nil || resource != nil || !region.isAbsent,
        try LimitTable.registered(
          tx, service: limit.serviceID, region: limit.regionID, resource: limit.resourceName) != nil
      {
        throw Fault.conflict("There is a registered limit for this resource already.")
      }
      try LimitTable.update(tx, limit)
      return limit
    }
    return Reply.one(200, "registered_limit") { $0.registeredLimit(changed, call) }
  }

  private func delete(_ call: Call) async throws -> Reply {
    let id = try call.parameter("registered_limit_id")
    try await core.store.write { tx in
      _ = try unused(tx, id)
      try LimitTable.deleteRegistered(tx, id)
    }
    return .done
  }

  /// Throws `Fault` 404 where there is none, 403 where limits stand on it.
  private func unused(_ tx: Transaction, _ id: String) throws -> RegisteredLimit {
    guard let limit = try LimitTable.registered(tx, id) else { throw Fault.noSuch("registered limit", id) }
    guard try !LimitTable.isUsed(tx, registered: id) else {
      throw Fault.forbidden("The registered limit \(id.quoted) has limits of projects or domains that stand on it.")
    }
    return limit
  }
}

extension JSONWriter {
  mutating func registeredLimit(_ limit: RegisteredLimit, _ call: Call) {
    object {
      $0.field("id", limit.id)
      $0.field("service_id", limit.serviceID)
      $0.field("region_id", limit.regionID)
      $0.field("resource_name", limit.resourceName)
      $0.field("default_limit", limit.defaultLimit)
      $0.field("description", limit.description)
      $0.links(call.link("/registered_limits/\(limit.id)"))
    }
  }
}
