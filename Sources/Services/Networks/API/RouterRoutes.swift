import API
import Auth
import Kit

/// What routers have beside the five routes of every resource: interfaces and single routes.
struct RouterActionRoutes: Sendable {
  let networks: NetworksService

  var routes: [Route] {
    let one = "/v2.0/routers/{id}"
    return [
      Route(.put, one + "/add_router_interface", Permission("add_router_interface", .projectMember)) {
        try await interface($0, RouterInterfaceRules.add)
      },
      Route(.put, one + "/remove_router_interface", Permission("remove_router_interface", .projectMember)) {
        try await interface($0, RouterInterfaceRules.remove)
      },
    ]
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
