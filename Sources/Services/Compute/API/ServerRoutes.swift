import API
import Auth
import Contracts
import Kit
import Store

/// `POST /servers` and what concerns one server as a whole.
struct ServerRoutes {
  let context: ComputeContext
  let lifecycle: ServerLifecycle

  var routes: [Route] {
    [
      Route(
        .post, "/v2.1/servers", ComputePermissions.write("servers:create"), query: .unread, body: .needed(.newServer)
      ) { try await create($0) },
      Route(.get, "/v2.1/servers/{server_id}", ComputePermissions.read("servers:show"), query: .unread) {
        try await show($0)
      },
      Route(
        .put, "/v2.1/servers/{server_id}", ComputePermissions.write("servers:update"), query: .unread,
        body: .needed(.serverChange)
      ) { try await update($0) },
      Route(.delete, "/v2.1/servers/{server_id}", ComputePermissions.write("servers:delete"), query: .unread) {
        try await delete($0)
      },
      Route(.get, "/v2.1/servers/{server_id}/ips", ComputePermissions.read("ips:index"), query: .unread) {
        try await addresses($0)
      },
      Route(.get, "/v2.1/servers/{server_id}/ips/{network}", ComputePermissions.read("ips:show"), query: .unread) {
        try await addresses($0)
      },
      Route(
        .get, "/v2.1/servers/{server_id}/os-security-groups", ComputePermissions.read("os-security-groups:list"),
        query: .unread
      ) { try await securityGroups($0) },
      Route(
        .get, "/v2.1/servers/{server_id}/os-volume_attachments",
        ComputePermissions.read("os-volumes-attachments:index"), query: .nova(["limit", "offset"])
      ) { try await volumes($0) },
    ]
  }

  private func create(_ call: Call) async throws -> Reply {
    let body = try ServerCreateBody(call)
    let principal = try call.principal()
    let project = try call.projectID()
    let creation = ServerCreation(context: context, lifecycle: lifecycle)
    let servers = try await context.store.write { tx in
      try creation.create(tx, body, principal: principal, project: project, requestID: call.requestID)
    }
    guard let server = servers.first else { throw Fault.forbidden("Quota exceeded for instances.") }
    if body.returnReservationID { return .json(202) { $0.field("reservation_id", server.reservationID) } }
    let location = "\(call.root)/servers/\(server.id)"
    return .json(202, headers: [("Location", location)]) { json in
      json.field("server") {
        $0.field("id", server.id)
        $0.links(call, "/servers/\(server.id)")
        $0.field("OS-DCF:diskConfig", server.diskConfig)
        $0.field("security_groups", body.securityGroups ?? ["default"]) { json, name in
          json.object { $0.field("name", name) }
        }
        $0.field("adminPass", body.adminPass.reveal())
      }
    }
  }

  private func show(_ call: Call) async throws -> Reply {
    let principal = try call.principal()
    let id = try call.parameter("server_id")
    let columns = ServerColumns.shown(userData: call.at(3) && principal.isAdmin)
    return try await context.store.read { [context] tx in
      let found = try tx.first(
        "SELECT \(raw: ServerView.Key.columns) FROM server WHERE id = \(id)", ServerView.Key.init)
      guard let key = found, principal.isAdmin || key.projectID == principal.projectID else {
        throw ComputeContext.noServer(id)
      }
      var view = ServerView(call, tag: context.tag)
      let texts = try view.texts(tx, [key], one: true, context, columns: columns)
      return .json { json in
        json.key("server")
        json.raw(texts.first ?? [])
      }
    }
  }

  private static func reply(
    _ tx: Transaction, _ server: Server, _ call: Call, _ context: ComputeContext
  ) throws -> Reply {
    var view = ServerView(call, tag: context.tag)
    try view.load(tx, server, context.networks)
    return .json { json in
      json.key("server")
      view.full(&json, server, one: true)
    }
  }

  private func update(_ call: Call) async throws -> Reply {
    let principal = try call.principal()
    let id = try call.parameter("server_id")
    let fields = try call.object("server")
    let name = try ServerFields.optionalName(fields, "name")
    if fields.isNull("name") { throw fields.invalid("name", "it must be a string") }
    let diskConfig = try fields.optionalChoice("OS-DCF:diskConfig", ["AUTO", "MANUAL"])
    let description: Patch<String> = call.at(19) ? try fields.patchString("description", 0...255) : .absent
    let hostname = call.at(90) ? try ServerFields.hostname(fields, dotted: call.at(94)) : nil
    let v4 = try access(fields, "accessIPv4", 4)
    let v6 = try access(fields, "accessIPv6", 6)
    return try await context.store.write { [context, lifecycle] tx in
      var server = try context.server(tx, id: id, for: principal)
      if let name { server.name = name }
      if let diskConfig { server.diskConfig = diskConfig }
      server.description = description.applied(to: server.description)
      server.accessIPv4 = v4.applied(to: server.accessIPv4)
      server.accessIPv6 = v6.applied(to: server.accessIPv6)
      if let hostname, hostname != server.hostname {
        server.hostname = hostname
        try context.networks.serverRenamed(tx, serverID: id, hostname: hostname)
      }
      try ServerTable.saveAttributes(tx, &server)
      try lifecycle.manifest.put(tx, server, requestID: call.requestID)
      return call.at(75)
        ? try Self.reply(tx, server, call, context) : try Self.shortReply(tx, server, call, context)
    }
  }

  private func access(_ fields: JSONFields, _ member: String, _ version: Int) throws -> Patch<String> {
    guard fields.has(member) else { return .absent }
    return try ServerFields.access(fields, member, version: version, old: nil).map { .value($0) } ?? .null
  }

  /// What an update answered before 2.75: the server as in 2.1, without what extensions added.
  private static func shortReply(
    _ tx: Transaction, _ server: Server, _ call: Call, _ context: ComputeContext
  ) throws -> Reply {
    var view = ServerView(call, tag: context.tag)
    try view.load(tx, server, context.networks)
    return .json { json in json.field("server") { view.updated(&$0, server) } }
  }

  private func delete(_ call: Call) async throws -> Reply {
    let principal = try call.principal()
    let id = try call.parameter("server_id")
    try await context.store.write { [context, lifecycle] tx in
      let server = try context.unlockedServer(tx, id: id, for: principal)
      try lifecycle.delete(tx, server, requestID: call.requestID, userID: principal.userID)
    }
    return Reply(status: 204)
  }

  private func addresses(_ call: Call) async throws -> Reply {
    let principal = try call.principal()
    let id = try call.parameter("server_id")
    let network = call.parameters["network"]
    let ports = try await context.store.read { [context] tx in
      let server = try context.server(tx, id: id, for: principal)
      let leaving = try CardTable.detaching(tx)
      return (try context.networks.ports(tx, servers: [server.id])[server.id] ?? []).filter {
        !leaving.contains($0.id)
      }
    }
    guard let network else {
      return .json { json in json.field("addresses") { ServerView.write(ports, to: &$0, extended: false) } }
    }
    guard ports.contains(where: { $0.networkName == network }) else {
      throw Fault.notFound("Instance is not a member of specified network")
    }
    return .json { ServerView.write(ports, to: &$0, only: network, extended: false) }
  }

  private func securityGroups(_ call: Call) async throws -> Reply {
    let principal = try call.principal()
    let id = try call.parameter("server_id")
    let (project, groups) = try await context.store.read { [context] tx in
      let server = try context.server(tx, id: id, for: principal)
      let ports = try context.networks.ports(tx, servers: [server.id])[server.id] ?? []
      var groups: [(id: String, name: String)] = []
      for pair in ports.flatMap({ zip($0.securityGroupIDs, $0.securityGroupNames) })
      where !groups.contains(where: { $0.id == pair.0 }) { groups.append((pair.0, pair.1)) }
      return (server.projectID, groups)
    }
    return .json { json in
      json.field("security_groups", groups) { json, group in
        json.object {
          $0.field("id", group.id)
          $0.field("name", group.name)
          $0.field("description", "")
          $0.field("tenant_id", project)
          $0.field("rules", [String]())
        }
      }
    }
  }

  /// Volumes are not offered: a server has none.
  private func volumes(_ call: Call) async throws -> Reply {
    let principal = try call.principal()
    let id = try call.parameter("server_id")
    _ = try await context.store.read { [context] in try context.server($0, id: id, for: principal).id }
    return .json { $0.field("volumeAttachments", [String]()) }
  }
}
