import API
import Auth
import Kit
import Store

/// Roles, of the cloud and of domains.
struct RoleRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    let one = "/v3/roles/{role_id}"
    return [
      Route(
        .get, "/v3/roles", .identity("list_roles", IdentityPolicy.listRoles),
        query: .list(Self.filters.parameters + ["domain_id"])
      ) { try await list($0) },
      Route(
        .post, "/v3/roles", .identity("create_role", IdentityPolicy.admin), query: .unread,
        body: .needed(.role(changes: false))
      ) { try await create($0) },
      Route(
        .get, one, .identity("get_role", IdentityPolicy.getRole + IdentityPolicy.untilFound), query: .unread
      ) { try await show($0) },
      Route(
        .patch, one, .identity("update_role", IdentityPolicy.admin + IdentityPolicy.untilFound), query: .forced,
        body: .needed(.role(changes: true))
      ) { try await update($0) },
      Route(
        .delete, one, .identity("delete_role", IdentityPolicy.admin + IdentityPolicy.untilFound), query: .careful
      ) { try await delete($0) },
    ]
  }

  private static let listOfDomain = Permission.identity("list_domain_roles", IdentityPolicy.adminOrSystemReader)
  private static let ofDomain = Permission.identity("get_domain_role", IdentityPolicy.adminOrSystemReader)

  private static let filters: TextFilters = ["name": RoleTable.name]

  /// Those of the cloud, or of the one domain that is asked for.
  private func list(_ call: Call) async throws -> Reply {
    var conditions = Self.filters.conditions(call.query)
    if let domain = call.query["domain_id"], !domain.isEmpty {
      try call.require(Self.listOfDomain)
      conditions.append("r.domain_id = \(domain)")
    } else {
      conditions.append("r.domain_id IS NULL")
    }
    let fixed = conditions
    return try await call.list("roles", from: core.store, read: { try RoleTable.list($0, fixed, $1) }, id: \.id) {
      $0.role($1, call)
    }
  }

  private func create(_ call: Call) async throws -> Reply {
    let fields = try call.object("role")
    var role = Role(
      id: Identifier.hex(), name: try fields.name(255), domainID: try fields.optionalString("domain_id"),
      description: try fields.description(), options: try fields.immutableOption(), extra: [:])
    role.extra = fields.newExtra()
    let made = role
    try await core.write("role") { tx in
      if let domain = made.domainID, try ProjectTable.domainID(tx, .id(domain)) == nil {
        throw Fault.noSuch("domain", domain)
      }
      try RoleTable.insert(tx, made)
    }
    return Reply.one(201, "role") { $0.role(made, call) }
  }

  /// The role of the path, which the caller may use as the route says. Throws `Fault` 404 before 403, as Keystone does.
  private func found(_ tx: Transaction, _ call: Call) throws -> Role {
    let id = try call.parameter("role_id")
    guard let role = try RoleTable.find(tx, id) else { throw Fault.noSuch("role", id) }
    let name = role.domainID == nil ? role.name : nil
    try call.require(on: PolicyTarget(projectID: call.caller?.projectID, roleName: name))
    return role
  }

  private func show(_ call: Call) async throws -> Reply {
    let role = try await core.store.read { tx in
      let id = try call.parameter("role_id")
      guard let role = try RoleTable.find(tx, id), role.domainID != nil else { return try found(tx, call) }
      try call.require(Self.ofDomain)
      return role
    }
    return Reply.one(200, "role") { $0.role(role, call) }
  }

  private func update(_ call: Call) async throws -> Reply {
    let fields = try call.object("role")
    let name = try fields.newName(255)
    let description = try fields.description()
    let domain: String?? = fields.has("domain_id") ? .some(try fields.optionalString("domain_id")) : nil
    _ = try fields.immutableOption()
    let options = fields.value("options")
    let extra = fields.newExtra()
    let changed = try await core.writeKeepingAdministrators(call, "role") { tx in
      let old = try found(tx, call)
      var role = old
      role.options = try JSONFields(options.map { ["options": $0] } ?? [:], path: "").immutableOption(over: old.options)
      // It can be made mutable, and nothing else with it, as in Keystone.
      let isAlone = name == nil && description == nil && domain == nil && extra.isEmpty
      guard !old.isImmutable || isAlone && !role.isImmutable else { throw Fault.forbidden("The role is immutable.") }
      if let domain, domain != old.domainID { throw Fault.badRequest("The domain of a role cannot be changed.") }
      role.name = name ?? old.name
      role.description = description ?? old.description
      role.extra.merge(extra) { $1 }
      try RoleTable.update(tx, role)
      return role
    }
    return Reply.one(200, "role") { $0.role(changed, call) }
  }

  private func delete(_ call: Call) async throws -> Reply {
    return try await core.delete(call, .role, try call.parameter("role_id")) { tx in
      guard try !found(tx, call).isImmutable else { throw Fault.forbidden("The role is immutable.") }
    }
  }
}

extension JSONWriter {
  mutating func role(_ role: Role, _ call: Call) {
    object {
      $0.field("id", role.id)
      $0.field("name", role.name)
      $0.field("domain_id", role.domainID)
      $0.field("description", role.description)
      $0.field("options", .object(role.options))
      $0.extra(role.extra)
      $0.links(call.link("/roles/\(role.id)"))
    }
  }
}
