import API
import Auth
import Kit
import Store

/// Services of the catalogue.
struct ServiceRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    let one = "/v3/services/{service_id}"
    return [
      Route(
        .get, "/v3/services", .identity("list_services", IdentityPolicy.adminOrSystemReader),
        query: .list(Self.filters.parameters)
      ) {
        try await list($0)
      },
      Route(
        .post, "/v3/services", .identity("create_service", IdentityPolicy.admin), query: .unread,
        body: .needed(.service(changes: false))
      ) { try await create($0) },
      Route(.get, one, .identity("get_service", IdentityPolicy.adminOrSystemReader), query: .unread) {
        try await show($0)
      },
      Route(
        .patch, one, .identity("update_service", IdentityPolicy.admin), query: .unread,
        body: .needed(.service(changes: true))
      ) { try await update($0) },
      Route(.delete, one, .identity("delete_service", IdentityPolicy.admin), query: .unread) { try await delete($0) },
    ]
  }

  private static let filters: TextFilters = ["name": "s.name", "type": "s.type"]

  private func list(_ call: Call) async throws -> Reply {
    let fixed = Self.filters.conditions(call.query)
    return try await call.list(
      "services", from: core.store, read: { try CatalogTable.services($0, fixed, $1) }, id: \.id
    ) { $0.service($1, call) }
  }

  private func create(_ call: Call) async throws -> Reply {
    let fields = try call.object("service")
    var service = ServiceRecord(
      id: Identifier.hex(), type: try fields.string("type", 1...255), name: try fields.optionalString("name") ?? "",
      description: try fields.description() ?? "", enabled: try fields.flag("enabled") ?? true, extra: [:])
    service.extra = fields.newExtra()
    let made = service
    try await core.write("service") { tx in try CatalogTable.insert(tx, made) }
    return Reply.one(201, "service") { $0.service(made, call) }
  }

  private func show(_ call: Call) async throws -> Reply {
    let id = try call.parameter("service_id")
    let found = try await core.store.read { tx in try CatalogTable.service(tx, id) }
    guard let found else { throw Fault.noSuch("service", id) }
    return Reply.one(200, "service") { $0.service(found, call) }
  }

  private func update(_ call: Call) async throws -> Reply {
    let id = try call.parameter("service_id")
    let fields = try call.object("service")
    try fields.sameID(id)
    let type = fields.has("type") ? try fields.string("type", 1...255) : nil
    let name = try fields.optionalString("name")
    let description = try fields.description()
    let enabled = try fields.flag("enabled")
    let extra = fields.newExtra()
    let changed = try await core.write("service") { tx in
      guard var service = try CatalogTable.service(tx, id) else { throw Fault.noSuch("service", id) }
      service.type = type ?? service.type
      service.name = name ?? service.name
      service.description = description ?? service.description
      service.enabled = enabled ?? service.enabled
      service.extra.merge(extra) { $1 }
      try CatalogTable.update(tx, service)
      return service
    }
    return Reply.one(200, "service") { $0.service(changed, call) }
  }

  private func delete(_ call: Call) async throws -> Reply {
    let id = try call.parameter("service_id")
    try await core.store.write { tx in
      guard try CatalogTable.service(tx, id) != nil else { throw Fault.noSuch("service", id) }
      try CatalogTable.deleteService(tx, id)
    }
    return .done
  }
}

extension JSONWriter {
  mutating func service(_ service: ServiceRecord, _ call: Call) {
    object {
      $0.field("id", service.id)
      $0.field("type", service.type)
      $0.field("name", service.name)
      $0.field("description", service.description)
      $0.field("enabled", service.enabled)
      $0.extra(service.extra)
      $0.links(call.link("/services/\(service.id)"))
    }
  }
}
