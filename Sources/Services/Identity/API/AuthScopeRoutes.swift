import API
import Auth
import Kit
import Store

/// What the caller could scope a token to, and the catalogue.
struct AuthScopeRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    // Clients of federation know the lists by their older paths.
    ["/v3/auth", "/v3/OS-FEDERATION"].flatMap { prefix in
      [
        Route(
          .get, prefix + "/projects", Permission("identity:get_auth_projects", .authenticated), query: .list([])
        ) { try await reachable($0, "projects", isDomain: false) },
        Route(.get, prefix + "/domains", Permission("identity:get_auth_domains", .authenticated), query: .list([])) {
          try await reachable($0, "domains", isDomain: true)
        },
      ]
    } + [
      Route(.get, "/v3/auth/system", Permission("identity:get_auth_system", .authenticated), query: .unread) {
        try await system($0)
      },
      Route(.get, "/v3/auth/catalog", Permission("identity:get_auth_catalog", .authenticated), query: .unread) {
        try await catalog($0)
      },
    ]
  }

  /// Enabled projects or domains where the user has a role. A delegated token has its own project only.
  private func reachable(_ call: Call, _ name: String, isDomain: Bool) async throws -> Reply {
    let caller = try call.principal()
    var conditions: [SQL] = [
      AssignmentTable.reachable(by: caller.userID, groups: caller.federation?.groupIDs ?? []),
      "p.is_domain = \(isDomain)", "p.enabled = 1",
      "(p.domain_id IS NULL OR p.domain_id IN (SELECT d.id FROM identity_project d WHERE d.enabled = 1))",
    ]
    if caller.isDelegated { conditions.append("p.id = \(caller.projectID ?? "")") }
    let fixed = conditions
    return try await call.list(name, from: core.store, read: { try ProjectTable.list($0, fixed, $1) }, id: \.id) {
      $0.project($1, call)
    }
  }

  private func system(_ call: Call) async throws -> Reply {
    let caller = try call.principal()
    let roles = try await core.store.read { tx in
      try AssignmentTable.effectiveRoles(
        tx, user: caller.userID, groups: caller.federation?.groupIDs ?? [], .system)
    }
    let scopes = roles.isEmpty || caller.isDelegated ? [] : [true]
    return call.list("system", scopes) { json, all in json.object { $0.field("all", all) } }
  }

  private func catalog(_ call: Call) async throws -> Reply {
    let caller = try call.principal()
    guard caller.scope != .unscoped else {
      throw Fault.forbidden("A token with a scope is needed for the catalogue.")
    }
    let catalog = try await core.catalogJSON(for: caller)
    return Reply.json {
      $0.key("catalog")
      $0.raw(catalog)
      $0.links(call.link("/auth/catalog"))
    }
  }
}
