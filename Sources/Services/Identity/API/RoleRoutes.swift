import API
import Auth
import Kit
import Store

/// Roles.
struct RoleRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    let one = "/v3/roles/{role_id}"
    return [
      Route(
        .get, "/v3/roles", Permission("identity:list_roles", .systemReader),
        query: .list(Self.filters.parameters + ["domain_id"])
      ) {
        try await list($0)
      },
      Route(
        .post, "/v3/roles", Permission("identity:create_role", .admin), query: .unread,
        body: .needed(.role(changes: false))
      ) { try await create($0) },
      Route(.get, one, Permission("identity:get_role", .systemReader), query: .unread) { try await show($0) },
      Route(
        .patch, one, Permission("identity:update_role", .admin), query: .unread, body: .needed(.role(changes: true))
      ) { try await update($0) },
      Route(.delete, one, Permission("identity:delete_role", .admin), query: .unread) { try await delete($0) },
    ]
  }

  private static let filters: TextFilters = ["name": "r.name"]

  private func list(_ call: Call) async throws -> Reply {
    var conditions = Self.filters.conditions(call.query)
    // Roles that belong to one domain are not offered.
    if let domain = call.query["domain_id"], !domain.isEmpty, domain != "null" { conditions.append("1 = 0") }
    let fixed = conditions
    return try await call.list("roles", from: core.store, read: { try RoleTable.list($0, fixed, $1) }, id: \.id) {
      $0.role($1, call)
    }
  }

  private func create(_ call: Call) async throws -> Reply {
    let fields = try call.object("role")
    if try fields.optionalString("domain_id") != nil {
      throw fields.invalid("domain_id", "roles of one domain alone are not offered")
    }
    var role = Role(
      id: Identifier.hex(), name: try fields.name(255), description: try fields.description(),
      options: try fields.immutableOption(), extra: [:])
    role.extra = fields.newExtra()
    let made = role
    try await core.write("role") { tx in try RoleTable.insert(tx, made) }
    return Reply.one(201, "role") { $0.role(made, call) }
  }

  private func show(_ call: Call) async throws -> Reply {
    let id = try call.parameter("role_id")
    let found = try await core.store.read { tx in try RoleTable.find(tx, id) }
    guard let found else { throw Fault.noSuch("role", id) }
    return Reply.one(200, "role") { $0.role(found, call) }
  }

  private func update(_ call: Call) async throws -> Reply {
    let id = try call.parameter("role_id")
    let fields = try call.object("role")
    let name = try fields.newName(255)
    let description = try fields.description()
    try fields.unchanged("domain_id", nil)
    _ = try fields.immutableOption()
    let options = fields.value("options")
    let extra = fields.newExtra()
    let changed = try await core.write("role") { tx in
      guard let old = try RoleTable.find(tx, id) else { throw Fault.noSuch("role", id) }
      var role = old
      role.options = try JSONFields(options.map { ["options": $0] } ?? [:], path: "").immutableOption(over: old.options)
      guard !old.isImmutable || !role.isImmutable else { throw Fault.forbidden("The role is immutable.") }
      role.name = name ?? old.name
      role.description = description ?? old.description
      role.extra.merge(extra) { $1 }
      try RoleTable.update(tx, role)
      return role
    }
    return Reply.one(200, "role") { $0.role(changed, call) }
  }

  private func delete(_ call: Call) async throws -> Reply {
    let id = try call.parameter("role_id")
    try await core.store.write { tx in
      guard let role = try RoleTable.find(tx, id) else { throw Fault.noSuch("role", id) }
      guard !role.isImmutable else { throw Fault.forbidden("The role is immutable.") }
      try RoleTable.delete(tx, id)
    }
    return .done
  }
}

extension JSONWriter {
  mutating func role(_ role: Role, _ call: Call) {
    object {
      $0.field("id", role.id)
      $0.field("name", role.name)
      $0.field("domain_id", nil as String?)
      $0.field("description", role.description)
      $0.field("options", .object(role.options))
      $0.extra(role.extra)
      $0.links(call.link("/roles/\(role.id)"))
    }
  }
}
