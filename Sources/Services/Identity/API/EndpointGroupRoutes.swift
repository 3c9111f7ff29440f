import API
import Auth
import Kit
import Store

/// Groups of endpoints (OS-EP-FILTER).
struct EndpointGroupRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    let all = "/v3/OS-EP-FILTER/endpoint_groups"
    let one = all + "/{endpoint_group_id}"
    return [
      Route(
        .get, all, .identity("list_endpoint_groups", IdentityPolicy.adminOrSystemReader),
        query: .list(["name"], others: .refused)
      ) { try await list($0) },
      Route(
        .post, all, .identity("create_endpoint_group", IdentityPolicy.admin), query: .unread,
        body: .needed(.endpointGroup(changes: false))
      ) { try await create($0) },
      Route(
        .get, one, .identity("get_endpoint_group", IdentityPolicy.adminOrSystemReader), query: .unread
      ) { try await show($0) },
      Route(
        .patch, one, .identity("update_endpoint_group", IdentityPolicy.admin), query: .unread,
        body: .needed(.endpointGroup(changes: true))
      ) { try await update($0) },
      Route(.delete, one, .identity("delete_endpoint_group", IdentityPolicy.admin), query: .unread) {
        try await delete($0)
      },
      Route(
        .get, one + "/endpoints",
        .identity("list_endpoints_associated_with_endpoint_group", IdentityPolicy.adminOrSystemReader),
        query: .list([])
      ) { try await endpoints($0) },
    ]
  }

  private func list(_ call: Call) async throws -> Reply {
    let conditions: [SQL] = call.query["name"].map { ["g.name = \($0)"] } ?? []
    return try await call.list(
      "endpoint_groups", from: core.store, read: { try EndpointFilterTable.groups($0, conditions, $1) }, id: \.id
    ) { $0.endpointGroup($1, call) }
  }

  private func create(_ call: Call) async throws -> Reply {
    let fields = try call.object("endpoint_group")
    guard let filter = try Self.filter(fields), !filter.members.isEmpty else {
      throw fields.invalid("filters", "it must not be empty")
    }
    let group = EndpointGroup(
      id: Identifier.hex(), name: try fields.name(255),
      description: try fields.optionalString("description", 0...65536), filter: filter)
    try await core.store.write { tx in try EndpointFilterTable.insert(tx, group) }
    return Reply.one(201, "endpoint_group") { $0.endpointGroup(group, call) }
  }

  /// nil where the request says nothing of it. Its members are checked by the route's shape.
  private static func filter(_ fields: JSONFields) throws -> EndpointFilter? {
    fields.value("filters")?.object.map(EndpointFilter.init(members:))
  }

  private func show(_ call: Call) async throws -> Reply {
    let id = try call.parameter("endpoint_group_id")
    let found = try await core.store.read { tx in try EndpointFilterTable.group(tx, id) }
    guard let found else { throw Fault.noSuch("endpoint group", id) }
    return Reply.one(200, "endpoint_group") { $0.endpointGroup(found, call) }
  }

  private func update(_ call: Call) async throws -> Reply {
    let id = try call.parameter("endpoint_group_id")
    let fields = try call.object("endpoint_group")
    let name = fields.isNull("name") ? nil : try fields.newName(255)
    let description = try fields.patchString("description", 0...65536)
    let filter = try Self.filter(fields)
    let changed = try await core.store.write { tx in
      guard var group = try EndpointFilterTable.group(tx, id) else { throw Fault.noSuch("endpoint group", id) }
      group.name = name ?? group.name
      group.description = description.applied(to: group.description)
      group.filter = filter ?? group.filter
      try EndpointFilterTable.update(tx, group)
      return group
    }
    return Reply.one(200, "endpoint_group") { $0.endpointGroup(changed, call) }
  }

  private func delete(_ call: Call) async throws -> Reply {
    let id = try call.parameter("endpoint_group_id")
    try await core.store.write { tx in
      guard try EndpointFilterTable.group(tx, id) != nil else { throw Fault.noSuch("endpoint group", id) }
      try EndpointFilterTable.deleteGroup(tx, id)
    }
    return .done
  }

  private func endpoints(_ call: Call) async throws -> Reply {
    let id = try call.parameter("endpoint_group_id")
    return try await call.list(
      "endpoints", from: core.store,
      read: { tx, chunk in
        guard let group = try EndpointFilterTable.group(tx, id) else { throw Fault.noSuch("endpoint group", id) }
        return try CatalogTable.endpoints(tx, [group.filter.condition], chunk)
      }, id: \.id
    ) { $0.endpoint($1, call, base: core.baseURL) }
  }
}

extension JSONWriter {
  mutating func endpointGroup(_ group: EndpointGroup, _ call: Call) {
    object {
      $0.field("id", group.id)
      $0.field("name", group.name)
      $0.field("description", group.description)
      $0.field("filters", .object(group.filter.members))
      $0.links(call.link("/OS-EP-FILTER/endpoint_groups/\(group.id)"))
    }
  }
}
