import API
import Auth
import Contracts
import Converge
import Kit
import NodeLink
import Store

/// `/servers/{id}/os-interface`: a server's network cards.
struct InterfaceRoutes {
  let context: ComputeContext
  let interfaces: InterfaceSagas
  let sagas: SagaRunner

  private static let path = "/v2.1/servers/{server_id}/os-interface"
  private static let states: Set<String> = ["active", "paused", "stopped"]

  var routes: [Route] {
    [
      Route(.get, Self.path, ComputePermissions.read("os-attach-interfaces:list"), query: .unread) {
        try await index($0)
      },
      Route(
        .post, Self.path, ComputePermissions.write("os-attach-interfaces:create"), query: .unread,
        body: .needed(.interfaceAttachment)
      ) { try await attach($0) },
      Route(.get, Self.path + "/{port_id}", ComputePermissions.read("os-attach-interfaces:show"), query: .unread) {
        try await show($0)
      },
      Route(.delete, Self.path + "/{port_id}", ComputePermissions.write("os-attach-interfaces:delete"), query: .unread)
      {
        try await detach($0)
      },
    ]
  }

  private func index(_ call: Call) async throws -> Reply {
    let principal = try call.principal()
    let id = try call.parameter("server_id")
    let ports = try await context.store.read { [context] in
      try Self.ports($0, context.server($0, id: id, for: principal), context)
    }
    return .json { $0.field("interfaceAttachments", ports) { Self.write(&$0, $1, call) } }
  }

  private func show(_ call: Call) async throws -> Reply {
    let principal = try call.principal()
    let id = try call.parameter("server_id")
    let portID = try call.parameter("port_id")
    let ports = try await context.store.read { [context] in
      try Self.ports($0, context.server($0, id: id, for: principal), context)
    }
    guard let port = ports.first(where: { $0.id == portID }) else { throw Self.missing(portID, id) }
    return Self.reply(port, call)
  }

  private func attach(_ call: Call) async throws -> Reply {
    let principal = try call.principal()
    let id = try call.parameter("server_id")
    let card = try Self.card(call)
    let port = try await context.store.write { [context, interfaces, sagas] tx in
      let server = try context.unlockedServer(tx, id: id, for: principal)
      try ServerGuard.check(server, "attach_interface", in: Self.states)
      let node = try ServerGuard.checkHost(server, "attach_interface")
      let ports = try context.networks.attach(
        tx, server: .init(id: id, projectID: server.projectID, hostname: server.hostname),
        requests: card.map { [$0] }, securityGroups: [], principal: principal, nodeID: node,
        requestID: call.requestID)
      // `attach` may answer with all the server's ports: the new one is the last.
      guard let port = ports.last else { throw Fault.badRequest("There is no network to attach.") }
      try ActionTable.begin(tx, server, "attach_interface", requestID: call.requestID, userID: principal.userID)
      try sagas.begin(
        tx, interfaces.attach, InterfaceSagas.Card(serverID: id, portID: port.id, requestID: call.requestID),
        subject: id,
        requestID: call.requestID, userID: principal.userID)
      return port
    }
    return Self.reply(port, call)
  }

  /// What is to be attached; nil is the project's only network. Throws `Fault` 400.
  private static func card(_ call: Call) throws -> CardRequest? {
    let fields = try call.object("interfaceAttachment")
    let network = try fields.optionalUUID("net_id")
    let port = try fields.optionalUUID("port_id")
    let addresses = try fields.optionalObjects("fixed_ips", countMax: 1)?.map { entry in
      let address = try entry.string("ip_address")
      guard IPAddress(address) != nil else { throw entry.invalid("ip_address", "it is no address") }
      return address
    }
    let tag = call.at(49) ? try fields.optionalString("tag", 1...60) : nil
    if let tag { try ServerFields.checkTag(tag) }
    if let port {
      guard network == nil, addresses == nil else {
        throw Fault.badRequest("Must not input both network_id and port_id, nor fixed_ips with port_id")
      }
      return .port(id: port, tag: tag)
    }
    if let network { return .network(id: network, fixedIP: addresses?.first, tag: tag) }
    if addresses != nil { throw Fault.badRequest("Must input network_id when request IP address") }
    if tag != nil { throw Fault.badRequest("Must input network_id or port_id with a tag") }
    return nil
  }

  private func detach(_ call: Call) async throws -> Reply {
    let principal = try call.principal()
    let id = try call.parameter("server_id")
    let portID = try call.parameter("port_id")
    try await context.store.write { [context, interfaces, sagas] tx in
      let server = try context.unlockedServer(tx, id: id, for: principal)
      guard try Self.ports(tx, server, context).contains(where: { $0.id == portID }) else {
        throw Self.missing(portID, id)
      }
      try ServerGuard.check(server, "detach_interface", in: Self.states)
      let card = InterfaceSagas.Card(serverID: id, portID: portID, requestID: call.requestID)
      try interfaces.detachTakesOver(tx, card)
      try ActionTable.begin(tx, server, "detach_interface", requestID: call.requestID, userID: principal.userID)
      try sagas.begin(
        tx, interfaces.detach, card, subject: id, requestID: call.requestID, userID: principal.userID)
    }
    return Reply(status: 202)
  }

  private static func ports(_ tx: Transaction, _ server: Server, _ context: ComputeContext) throws -> [ServerPort] {
    let leaving = try CardTable.detaching(tx)
    return (try context.networks.ports(tx, servers: [server.id])[server.id] ?? []).filter {
      !leaving.contains($0.id)
    }
  }

  private static func missing(_ port: String, _ server: String) -> Fault {
    .notFound("Instance \(server) does not have a port with id \(port.quoted)")
  }

  private static func reply(_ port: ServerPort, _ call: Call) -> Reply {
    .json { json in
      json.key("interfaceAttachment")
      write(&json, port, call)
    }
  }

  private static func write(_ json: inout JSONWriter, _ port: ServerPort, _ call: Call) {
    json.object {
      $0.field("net_id", port.networkID)
      $0.field("port_id", port.id)
      $0.field("mac_addr", port.mac)
      $0.field("port_state", port.status)
      $0.field("fixed_ips", port.addresses.filter { $0.type == "fixed" }) { json, address in
        json.object {
          $0.field("subnet_id", address.subnetID)
          $0.field("ip_address", address.address)
        }
      }
      if call.at(70) { $0.field("tag", port.tag) }
    }
  }
}
