import API
import Auth
import Kit
import Store

/// `/servers/{id}/metadata`: names and values the user keeps with a server; its guest can read them.
struct ServerMetadataRoutes {
  let context: ComputeContext
  let lifecycle: ServerLifecycle

  private static let path = "/v2.1/servers/{server_id}/metadata"

  var routes: [Route] {
    [
      Route(.get, Self.path, ComputePermissions.read("server-metadata:index"), query: .unread) { try await index($0) },
      Route(
        .post, Self.path, ComputePermissions.write("server-metadata:create"), query: .unread,
        body: .needed(.only("metadata", .metadata))
      ) { try await set($0, replace: false) },
      Route(
        .put, Self.path, ComputePermissions.write("server-metadata:update_all"), query: .unread,
        body: .needed(.only("metadata", .metadata))
      ) {
        try await set($0, replace: true)
      },
      Route(.get, Self.path + "/{key}", ComputePermissions.read("server-metadata:show"), query: .unread) {
        try await show($0)
      },
      Route(
        .put, Self.path + "/{key}", ComputePermissions.write("server-metadata:update"), query: .unread,
        body: .needed(.only("meta", .metadata))
      ) { try await update($0) },
      Route(.delete, Self.path + "/{key}", ComputePermissions.write("server-metadata:delete"), query: .unread) {
        try await delete($0)
      },
    ]
  }

  private static let missing = Fault.notFound("Metadata item was not found")

  private func index(_ call: Call) async throws -> Reply {
    let principal = try call.principal()
    let id = try call.parameter("server_id")
    let server = try await context.store.read { [context] in try context.server($0, id: id, for: principal) }
    return .json { $0.field("metadata", raw: server.metadata) }
  }

  private func show(_ call: Call) async throws -> Reply {
    let principal = try call.principal()
    let id = try call.parameter("server_id")
    let key = try call.parameter("key")
    let server = try await context.store.read { [context] in try context.server($0, id: id, for: principal) }
    guard let value = try JSONValue(parsing: server.metadata)[key]?.string else { throw Self.missing }
    return .json { json in json.field("meta") { $0.field(key, value) } }
  }

  private func set(_ call: Call, replace: Bool) async throws -> Reply {
    let body = try call.body()
    guard let items = try ServerFields.metadata(body, "metadata") else {
      throw body.invalid("metadata", "it is required")
    }
    let server = try await change(call) { old in replace ? items : old.merging(items) { $1 } }
    return .json { $0.field("metadata", raw: server.metadata) }
  }

  private func update(_ call: Call) async throws -> Reply {
    let key = try call.parameter("key")
    let body = try call.body()
    guard let items = try ServerFields.metadata(body, "meta") else { throw body.invalid("meta", "it is required") }
    guard items.count == 1, let value = items[key] else {
      throw Fault.badRequest("Request body and URI mismatch")
    }
    _ = try await change(call) { $0.merging([key: value]) { $1 } }
    return .json { json in json.field("meta") { $0.field(key, value) } }
  }

  private func delete(_ call: Call) async throws -> Reply {
    let key = try call.parameter("key")
    _ = try await change(call) { old in
      guard old[key] != nil else { throw Self.missing }
      return old.filter { $0.key != key }
    }
    return Reply(status: 204)
  }

  private func change(
    _ call: Call, _ update: @escaping @Sendable ([String: String]) throws -> [String: String]
  ) async throws -> Server {
    let principal = try call.principal()
    let id = try call.parameter("server_id")
    return try await context.store.write { [context, lifecycle] tx in
      var server = try context.unlockedServer(tx, id: id, for: principal)
      if server.deleting {
        throw Fault.conflict("Cannot 'update_instance_metadata' instance \(id) while it is in task_state deleting")
      }
      let old = (try JSONValue(parsing: server.metadata).object ?? [:]).compactMapValues(\.string)
      let new = try update(old)
      if new.count > old.count { try ComputeQuota.checkMetadata(tx, project: server.projectID, count: new.count) }
      server.metadata = ServerFields.text(new)
      try ServerTable.saveAttributes(tx, &server)
      try lifecycle.manifest.put(tx, server, requestID: call.requestID)
      return server
    }
  }
}
