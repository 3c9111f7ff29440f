import API
import Auth
import Kit
import Store

/// Groups of users.
struct GroupRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    let one = "/v3/groups/{group_id}"
    let member = "/v3/groups/{group_id}/users/{user_id}"
    return [
      Route(
        .get, "/v3/groups", Permission("identity:list_groups", .systemReader), query: .list(Self.filters.parameters)
      ) { try await list($0, []) },
      Route(
        .post, "/v3/groups", Permission("identity:create_group", .admin), query: .unread,
        body: .needed(.group(changes: false))
      ) { try await create($0) },
      Route(.get, one, Permission("identity:get_group", .systemReader), query: .unread) { call in
        let group = try await find(call)
        return Reply.one(200, "group") { $0.group(group, call) }
      },
      Route(
        .patch, one, Permission("identity:update_group", .admin), query: .unread, body: .needed(.group(changes: true))
      ) { try await update($0) },
      Route(.delete, one, Permission("identity:delete_group", .admin), query: .unread) { call in
        try await change(call) { tx, group in try GroupTable.delete(tx, group) }
      },
      Route(.get, member, Permission("identity:check_user_in_group", .systemReader), query: .unread) {
        try await check($0)
      },
      Route(.put, member, Permission("identity:add_user_to_group", .admin), query: .unread) { call in
        let user = try call.parameter("user_id")
        return try await change(call) { tx, group in
          guard try UserTable.find(tx, user) != nil else { throw Fault.noSuch("user", user) }
          try GroupTable.addMember(tx, group, user)
        }
      },
      Route(.delete, member, Permission("identity:remove_user_from_group", .admin), query: .unread) { call in
        let user = try call.parameter("user_id")
        return try await change(call) { tx, group in
          guard try GroupTable.removeMember(tx, group, user) else { throw Fault.noSuch("user in the group", user) }
        }
      },
      Route(
        .get, "/v3/users/{user_id}/groups", Permission("identity:list_groups_for_user", .authenticated),
        query: .list(Self.filters.parameters)
      ) { call in
        let user = try call.parameter("user_id")
        try call.requireSelfOrReader(user, "identity:list_groups_for_user")
        return try await list(
          call, ["g.id IN (SELECT m.group_id FROM identity_group_member m WHERE m.user_id = \(user))"])
      },
    ]
  }

  private static let filters: TextFilters = ["domain_id": "g.domain_id", "name": "g.name"]

  private func list(_ call: Call, _ more: [SQL]) async throws -> Reply {
    let fixed = more + Self.filters.conditions(call.query)
    return try await call.list("groups", from: core.store, read: { try GroupTable.list($0, fixed, $1) }, id: \.id) {
      $0.group($1, call)
    }
  }

  private func find(_ call: Call) async throws -> Group {
    let id = try call.parameter("group_id")
    let found = try await core.store.read { tx in try GroupTable.find(tx, id) }
    guard let found else { throw Fault.noSuch("group", id) }
    return found
  }

  private func create(_ call: Call) async throws -> Reply {
    let fields = try call.object("group")
    var group = Group(
      id: Identifier.hex(),
      domainID: try fields.optionalString("domain_id", 1...64) ?? call.principal().scope.domainID ?? Bootstrap.domainID,
      name: try fields.name(64), description: try fields.description() ?? "", extra: [:])
    group.extra = fields.newExtra()
    let made = group
    try await core.write("group") { tx in
      guard try ProjectTable.domain(tx, made.domainID) != nil else { throw Fault.noSuch("domain", made.domainID) }
      try GroupTable.insert(tx, made)
    }
    return Reply.one(201, "group") { $0.group(made, call) }
  }

  private func update(_ call: Call) async throws -> Reply {
    let id = try call.parameter("group_id")
    let fields = try call.object("group")
    let name = try fields.newName(64)
    let description = try fields.description()
    let domain = try fields.optionalString("domain_id", 1...64)
    let extra = fields.newExtra()
    let changed = try await core.write("group") { tx in
      guard var group = try GroupTable.find(tx, id) else { throw Fault.noSuch("group", id) }
      if let domain, domain != group.domainID { throw Fault.badRequest("A group's domain_id cannot be changed.") }
      group.name = name ?? group.name
      group.description = description ?? group.description
      group.extra.merge(extra) { $1 }
      try GroupTable.update(tx, group)
      return group
    }
    return Reply.one(200, "group") { $0.group(changed, call) }
  }

  private func check(_ call: Call) async throws -> Reply {
    let group = try await find(call).id
    let user = try call.parameter("user_id")
    guard try await core.store.read({ tx in try GroupTable.isMember(tx, group, user) }) else {
      throw Fault.noSuch("user in the group", user)
    }
    return .done
  }

  private func change(
    _ call: Call, _ body: @escaping @Sendable (Transaction, _ group: String) throws -> Void
  ) async throws -> Reply {
    let id = try call.parameter("group_id")
    try await core.store.write { tx in
      guard try GroupTable.find(tx, id) != nil else { throw Fault.noSuch("group", id) }
      try body(tx, id)
    }
    return .done
  }
}

extension JSONWriter {
  mutating func group(_ group: Group, _ call: Call) {
    object {
      $0.field("id", group.id)
      $0.field("name", group.name)
      $0.field("domain_id", group.domainID)
      $0.field("description", group.description)
      $0.extra(group.extra)
      $0.links(call.link("/groups/\(group.id)"))
    }
  }
}
