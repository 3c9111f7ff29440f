import API
import Auth
import Kit
import Store

/// Giving a role to a user or a group in a project, a domain or the system, and taking it away.
struct GrantRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    var routes: [Route] = []
    for target in ["/v3/projects/{project_id}", "/v3/domains/{domain_id}", "/v3/system"] {
      for actor in ["/users/{user_id}", "/groups/{group_id}"] {
        let list = target + actor + "/roles"
        let one = list + "/{role_id}"
        routes += [
          Route(.get, list, Permission("identity:list_grants", .systemReader), query: .unread) {
            try await self.list($0)
          },
          Route(.get, one, Permission("identity:check_grant", .systemReader), query: .unread) { try await check($0) },
          Route(.put, one, Permission("identity:create_grant", .admin), query: .unread) { try await put($0) },
          Route(.delete, one, Permission("identity:revoke_grant", .admin), query: .unread) { try await delete($0) },
        ]
      }
    }
    return routes
  }

  private struct Path: Sendable {
    let actor: Actor
    let target: Target

    init(_ call: Call) throws {
      actor =
        if let group = call.parameters["group_id"] { .group(group) } else { .user(try call.parameter("user_id")) }
      target =
        if let project = call.parameters["project_id"] {
          .project(project)
        } else if let domain = call.parameters["domain_id"] {
          .domain(domain)
        } else {
          .system
        }
    }

    /// Throws `Fault` 404 where the actor or the target does not exist.
    func check(_ tx: Transaction) throws {
      switch target {
      case .project(let id):
        if try ProjectTable.forToken(tx, id, isDomain: false) == nil { throw Fault.noSuch("project", id) }
      case .domain(let id):
        if try ProjectTable.forToken(tx, id, isDomain: true) == nil { throw Fault.noSuch("domain", id) }
      case .system: break
      }
      switch actor {
      case .user(let id): if try UserTable.find(tx, id) == nil { throw Fault.noSuch("user", id) }
      case .group(let id): if try GroupTable.find(tx, id) == nil { throw Fault.noSuch("group", id) }
      }
    }
  }

  private func list(_ call: Call) async throws -> Reply {
    let path = try Path(call)
    let roles = try await core.store.read { tx in
      try path.check(tx)
      return try AssignmentTable.roles(tx, path.actor, path.target)
    }
    return call.list("roles", roles) { $0.role($1, call) }
  }

  private func check(_ call: Call) async throws -> Reply {
    let path = try Path(call)
    let role = try call.parameter("role_id")
    let has = try await core.store.read { tx in
      try AssignmentTable.exists(tx, path.actor, path.target, role: role)
    }
    guard has else { throw Fault.noSuch("role assignment", role) }
    return .done
  }

  private func put(_ call: Call) async throws -> Reply {
    let path = try Path(call)
    let role = try call.parameter("role_id")
    try await core.store.write { tx in
      try path.check(tx)
      guard try RoleTable.find(tx, role) != nil else { throw Fault.noSuch("role", role) }
      try AssignmentTable.insert(tx, path.actor, path.target, role: role)
    }
    return .done
  }

  private func delete(_ call: Call) async throws -> Reply {
    let path = try Path(call)
    let role = try call.parameter("role_id")
    try await core.store.write { tx in
      guard try AssignmentTable.delete(tx, path.actor, path.target, role: role) else {
        throw Fault.noSuch("role assignment", role)
      }
    }
    return .done
  }
}
