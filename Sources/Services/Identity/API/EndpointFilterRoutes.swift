import API
import Auth
import Kit
import Store

/// Which endpoints, and groups of them, were given to which projects (OS-EP-FILTER): a project that was given any has
/// no others in its catalogue.
struct EndpointFilterRoutes: Sendable {
  let core: IdentityCore

  private static let root = "/v3/OS-EP-FILTER"

  var routes: [Route] { endpointRoutes + groupRoutes }

  private var endpointRoutes: [Route] {
    let one = Self.root + "/projects/{project_id}/endpoints/{endpoint_id}"
    return [
      Route(
        .get, Self.root + "/projects/{project_id}/endpoints",
        .identity("list_endpoints_for_project", IdentityPolicy.adminOrSystemReader), query: .list([])
      ) { try await endpoints($0) },
      Route(
        .get, Self.root + "/endpoints/{endpoint_id}/projects",
        .identity("list_projects_for_endpoint", IdentityPolicy.adminOrSystemReader), query: .list([])
      ) { try await projectsOfEndpoint($0) },
      Route(
        .get, one, .identity("check_endpoint_in_project", IdentityPolicy.adminOrSystemReader), query: .unread
      ) { try await check($0, .endpoint($0.parameter("endpoint_id"))) },
      Route(.put, one, .identity("add_endpoint_to_project", IdentityPolicy.admin), query: .unread) {
        try await give($0, .endpoint($0.parameter("endpoint_id")))
      },
      Route(.delete, one, .identity("remove_endpoint_from_project", IdentityPolicy.admin), query: .unread) {
        try await take($0, .endpoint($0.parameter("endpoint_id")))
      },
    ]
  }

  private var groupRoutes: [Route] {
    let all = Self.root + "/endpoint_groups/{endpoint_group_id}/projects"
    let one = all + "/{project_id}"
    return [
      Route(
        .get, Self.root + "/projects/{project_id}/endpoint_groups",
        .identity("list_endpoint_groups_for_project", IdentityPolicy.adminOrSystemReader), query: .list([])
      ) { try await groups($0) },
      Route(
        .get, all,
        .identity("list_projects_associated_with_endpoint_group", IdentityPolicy.adminOrSystemReader),
        query: .list([])
      ) { try await projects($0, with: .group($0.parameter("endpoint_group_id"))) },
      Route(
        .get, one, .identity("get_endpoint_group_in_project", IdentityPolicy.adminOrSystemReader), query: .unread
      ) { try await showGroup($0) },
      Route(.put, one, .identity("add_endpoint_group_to_project", IdentityPolicy.admin), query: .unread) {
        try await give($0, .group($0.parameter("endpoint_group_id")))
      },
      Route(.delete, one, .identity("remove_endpoint_group_from_project", IdentityPolicy.admin), query: .unread) {
        try await take($0, .group($0.parameter("endpoint_group_id")))
      },
    ]
  }

  // MARK: Lists

  private func endpoints(_ call: Call) async throws -> Reply {
    let project = try call.parameter("project_id")
    return try await call.list(
      "endpoints", from: core.store,
      read: { tx, chunk in
        try Self.requireProject(tx, project)
        return try CatalogTable.endpoints(tx, [try EndpointFilterTable.endpoints(tx, of: project)], chunk)
      }, id: \.id
    ) { $0.endpoint($1, call, base: core.baseURL) }
  }

  private func groups(_ call: Call) async throws -> Reply {
    let project = try call.parameter("project_id")
    return try await call.list(
      "endpoint_groups", from: core.store,
      read: { tx, chunk in
        try Self.requireProject(tx, project)
        return try EndpointFilterTable.groups(tx, [EndpointFilterTable.given(to: project)], chunk)
      }, id: \.id
    ) { $0.endpointGroup($1, call) }
  }

  private func projectsOfEndpoint(_ call: Call) async throws -> Reply {
    let endpoint = EndpointFilterTable.Gift.endpoint(try call.parameter("endpoint_id"))
    try await core.store.read { tx in try Self.require(tx, endpoint) }
    return try await projects(call, with: endpoint)
  }

  /// A group that is not there has no projects, as in Keystone.
  private func projects(_ call: Call, with gift: EndpointFilterTable.Gift) async throws -> Reply {
    try await call.list(
      "projects", from: core.store,
      read: { try ProjectTable.list($0, [EndpointFilterTable.projects(with: gift)], $1) }, id: \.id
    ) { $0.project($1, call) }
  }

  // MARK: One project and one gift

  private func check(_ call: Call, _ gift: EndpointFilterTable.Gift) async throws -> Reply {
    let project = try call.parameter("project_id")
    try await core.store.read { tx in
      try Self.requireProject(tx, project)
      try Self.require(tx, gift)
      guard try EndpointFilterTable.has(tx, gift, project: project) else { throw Self.notGiven }
    }
    return .done
  }

  private func showGroup(_ call: Call) async throws -> Reply {
    let group = try call.parameter("endpoint_group_id")
    let project = try call.parameter("project_id")
    _ = try await check(call, .group(group))
    return Reply.one(200, "project_endpoint_group") {
      $0.object {
        $0.field("endpoint_group_id", group)
        $0.field("project_id", project)
        $0.links(call.link("/OS-EP-FILTER/endpoint_groups/\(group)/projects/\(project)"))
      }
    }
  }

  private func give(_ call: Call, _ gift: EndpointFilterTable.Gift) async throws -> Reply {
    let project = try call.parameter("project_id")
    try await core.write("association") { tx in
      try Self.requireProject(tx, project)
      try Self.require(tx, gift)
      try EndpointFilterTable.give(tx, gift, to: project)
    }
    return .done
  }

  private func take(_ call: Call, _ gift: EndpointFilterTable.Gift) async throws -> Reply {
    let project = try call.parameter("project_id")
    try await core.store.write { tx in
      guard try EndpointFilterTable.take(tx, gift, from: project) else { throw Self.notGiven }
    }
    return .done
  }

  private static var notGiven: Fault { .notFound("The project was not given that.") }

  private static func requireProject(_ tx: Transaction, _ id: String) throws {
    guard try ProjectTable.find(tx, id) != nil else { throw Fault.noSuch("project", id) }
  }

  private static func require(_ tx: Transaction, _ gift: EndpointFilterTable.Gift) throws {
    switch gift {
    case .endpoint(let id):
      guard try CatalogTable.endpoint(tx, id) != nil else { throw Fault.noSuch("endpoint", id) }
    case .group(let id):
      guard try EndpointFilterTable.group(tx, id) != nil else { throw Fault.noSuch("endpoint group", id) }
    }
  }
}
