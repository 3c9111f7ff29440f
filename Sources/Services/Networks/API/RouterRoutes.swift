import API
import Auth
import Kit

/// What routers have beside the five routes of every resource: interfaces and single routes.
struct RouterActionRoutes: Sendable {
  let networks: NetworksService

  var routes: [Route] {
    let one = "/v2.0/routers/{id}"
    return [
      Route(
        .put, one + "/add_router_interface", Permission("add_router_interface", .projectMember), query: .unread,
        body: .needed(.routerInterface)
      ) {
        try await interface($0, RouterInterfaceRules.add)
      },
      Route(
        .put, one + "/remove_router_interface", Permission("remove_router_interface", .projectMember), query: .unread,
        body: .needed(.routerInterface)
      ) {
        try await interface($0, RouterInterfaceRules.remove)
      },
      Route(
        .put, one + "/add_extraroutes", Permission("add_extraroutes", .projectMember), query: .unread,
        body: Router.routesBody
      ) {
        try await editRoutes($0) { old, named in old + named.filter { !old.contains($0) } }
      },
      Route(
        .put, one + "/remove_extraroutes", Permission("remove_extraroutes", .projectMember), query: .unread,
        body: Router.routesBody
      ) {
        try await editRoutes($0) { old, named in old.filter { !named.contains($0) } }
      },
    ]
  }

  /// Adds or removes single routes, so that two clients do not undo each other's.
  private func editRoutes(
    _ call: Call, _ edit: @escaping @Sendable (_ old: [Subnet.Route], _ named: [Subnet.Route]) -> [Subnet.Route]
  ) async throws -> Reply {
    let id = try call.resourceID("id")
    let scope = Scope(try call.principal())
    let router = try await networks.write(call) { change in
      var router = try change.tx.need(Router.self, id: id, in: scope)
      let fields = try call.object(Router.singular)
      let named = try RouteReader.read(fields, "routes", countMax: Router.routesMax)
      let routes = edit(router.routes, named)
      guard routes.count <= Router.routesMax else {
        throw fields.invalid("routes", "a router has at most \(Router.routesMax)")
      }
      try change.checkRoutes(routes, router)
      router.routes = routes
      router.standard.revision += 1
      router.standard.updatedAt = .now()
      try change.tx.save(router)
      change.routers.insert(router.id)
      return router
    }
    var writer = ResourceWriter(admin: scope.isAdmin)
    writer.json.beginObject()
    writer.json.key(Router.singular)
    writer.resource(router)
    writer.json.endObject()
    return .json(bytes: writer.json.bytes)
  }

  private func interface(
    _ call: Call, _ action: @escaping @Sendable (Change, Call, String) throws -> RouterInterface
  ) async throws -> Reply {
    let id = try call.resourceID("id")
    let answer = try await networks.write(call) { try action($0, call, id) }
    return .json {
      $0.field("id", answer.routerID)
      $0.field("project_id", answer.projectID)
      $0.field("tenant_id", answer.projectID)
      $0.field("port_id", answer.portID)
      $0.field("network_id", answer.networkID)
      $0.field("subnet_id", answer.subnetIDs.first)
      $0.field("subnet_ids", answer.subnetIDs)
    }
  }
}
