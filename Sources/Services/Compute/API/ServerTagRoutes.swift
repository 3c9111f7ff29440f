import API
import Auth
import Kit
import Store

/// `/servers/{id}/tags`, from 2.26.
struct ServerTagRoutes {
  let context: ComputeContext

  private static let path = "/v2.1/servers/{server_id}/tags"
  private static let since = Microversion.compute(26)

  var routes: [Route] {
    [
      Route(.get, Self.path, since: Self.since, ComputePermissions.read("os-server-tags:index"), query: .unread) {
        try await index($0)
      },
      Route(
        .put, Self.path, since: Self.since, ComputePermissions.write("os-server-tags:update_all"), query: .unread,
        body: .needed(.serverTags)
      ) {
        try await replace($0)
      },
      Route(
        .delete, Self.path, since: Self.since, ComputePermissions.write("os-server-tags:delete_all"), query: .unread
      ) {
        try await deleteAll($0)
      },
      Route(
        .get, Self.path + "/{tag}", since: Self.since, ComputePermissions.read("os-server-tags:show"), query: .unread
      ) {
        try await show($0)
      },
      Route(
        .put, Self.path + "/{tag}", since: Self.since, ComputePermissions.write("os-server-tags:update"), query: .unread
      ) {
        try await add($0)
      },
      Route(
        .delete, Self.path + "/{tag}", since: Self.since, ComputePermissions.write("os-server-tags:delete"),
        query: .unread
      ) {
        try await delete($0)
      },
    ]
  }

  private func index(_ call: Call) async throws -> Reply {
    let server = try await load(call)
    return .json { $0.field("tags", raw: server.tags) }
  }

  private func show(_ call: Call) async throws -> Reply {
    let tag = try call.parameter("tag")
    guard try Self.tags(await load(call)).contains(tag) else { throw Self.missing(tag) }
    return Reply(status: 204)
  }

  private func replace(_ call: Call) async throws -> Reply {
    let body = try call.body()
    guard let asked = try body.optionalStrings("tags") else { throw body.invalid("tags", "it is required") }
    let tags = try ServerFields.tags(asked)
    let server = try await change(call) { _ in tags }
    return .json { $0.field("tags", raw: server.tags) }
  }

  /// 201 for a new tag, 204 for one that is there already.
  private func add(_ call: Call) async throws -> Reply {
    let tag = try call.parameter("tag")
    try ServerFields.checkTag(tag)
    let known = try Self.tags(await load(call)).contains(tag)
    if !known { _ = try await change(call) { try ServerFields.tags($0 + [tag]) } }
    let id = try call.parameter("server_id")
    let location = "\(call.root)/servers/\(id)/tags/\(tag)"
    return Reply(status: known ? 204 : 201, headers: [("Location", location)])
  }

  private func delete(_ call: Call) async throws -> Reply {
    let tag = try call.parameter("tag")
    _ = try await change(call) { old in
      guard old.contains(tag) else { throw Self.missing(tag) }
      return old.filter { $0 != tag }
    }
    return Reply(status: 204)
  }

  private func deleteAll(_ call: Call) async throws -> Reply {
    _ = try await change(call) { _ in [] }
    return Reply(status: 204)
  }

  private static func missing(_ tag: String) -> Fault {
    .notFound("Server doesn't have tag \(tag.quoted)")
  }

  private static func tags(_ server: Server) throws -> [String] {
    (try JSONValue(parsing: server.tags).array ?? []).compactMap(\.string)
  }

  private func load(_ call: Call) async throws -> Server {
    let principal = try call.principal()
    let id = try call.parameter("server_id")
    return try await context.store.read { [context] in try context.server($0, id: id, for: principal) }
  }

  private func change(
    _ call: Call, _ update: @escaping @Sendable ([String]) throws -> [String]
  ) async throws -> Server {
    let principal = try call.principal()
    let id = try call.parameter("server_id")
    return try await context.store.write { [context] tx in
      var server = try context.server(tx, id: id, for: principal)
      try ServerTable.setTags(tx, &server, try update(Self.tags(server)))
      return server
    }
  }
}
