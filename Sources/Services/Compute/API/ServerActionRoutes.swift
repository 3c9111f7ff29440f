import API
import Auth
import Contracts
import Kit
import Logging
import NodeLink
import Store

/// `POST /servers/{id}/action`: the body's only member names the action.
struct ServerActionRoutes {
  let context: ComputeContext
  let lifecycle: ServerLifecycle

  /// Nova's other actions: known, and not offered.
  private static let unsupported: Set<String> = [
    "addFixedIp", "addFloatingIp", "changePassword", "confirmResize", "createBackup", "createImage", "evacuate",
    "forceDelete", "injectNetworkInfo", "migrate", "os-getRDPConsole", "os-getSerialConsole", "os-getSPICEConsole",
    "os-getVNCConsole", "os-migrateLive", "os-resetState", "pause", "rebuild", "removeFixedIp", "removeFloatingIp",
    "rescue", "resetNetwork", "resize", "restore", "resume", "revertResize", "shelve", "shelveOffload", "suspend",
    "trigger_crash_dump", "unpause", "unrescue", "unshelve",
  ]

  var routes: [Route] {
    [
      // The least any action needs; each asks for its own permission besides.
      Route(
        .post, "/v2.1/servers/{server_id}/action", ComputePermissions.read("servers:action"), query: .unread,
        body: .needed(.serverAction)
      ) {
        try await act($0)
      }
    ]
  }

  private func act(_ call: Call) async throws -> Reply {
    let body = try call.body()
    guard body.names.count == 1, let name = body.names.first else {
      throw Fault.badRequest("The body must have exactly one member, which names the action.")
    }
    if name == "os-getConsoleOutput" { return try await console(call, body) }
    guard let action = Self.actions[name] else {
      try call.require(ComputePermissions.write("servers:\(name)"))
      if Self.unsupported.contains(name) { throw Fault.badRequest("Action \(name.quoted) is not supported here.") }
      throw Fault.badRequest("There is no such action: \(name.quoted)")
    }
    try call.require(ComputePermissions.write(action.policy))
    return try await action.run(self, call, body)
  }

  private struct Action: Sendable {
    var policy: String
    var run: @Sendable (ServerActionRoutes, Call, JSONFields) async throws -> Reply
  }

  private static let actions: [String: Action] = [
    "os-start": Action(policy: "servers:start") { try await $0.start($1, $2) },
    "os-stop": Action(policy: "servers:stop") { try await $0.stop($1, $2) },
    "reboot": Action(policy: "servers:reboot") { try await $0.reboot($1, $2) },
    "lock": Action(policy: "os-lock-server:lock") { try await $0.lock($1, $2) },
    "unlock": Action(policy: "os-lock-server:unlock") { try await $0.unlock($1, $2) },
    "addSecurityGroup": Action(policy: "os-security-groups:add") {
      try await $0.setSecurityGroup($1, $2, "addSecurityGroup", present: true)
    },
    "removeSecurityGroup": Action(policy: "os-security-groups:remove") {
      try await $0.setSecurityGroup($1, $2, "removeSecurityGroup", present: false)
    },
  ]

  /// Changes the server in one transaction and answers 202.
  private func change(
    _ call: Call, lockable: Bool = true,
    _ body: @escaping @Sendable (Transaction, inout Server, Principal) throws -> Void
  ) async throws -> Reply {
    let principal = try call.principal()
    let id = try call.parameter("server_id")
    try await context.store.write { [context] tx in
      var server =
        lockable
        ? try context.unlockedServer(tx, id: id, for: principal) : try context.server(tx, id: id, for: principal)
      try body(tx, &server, principal)
    }
    return Reply(status: 202)
  }

  private func start(_ call: Call, _ body: JSONFields) async throws -> Reply {
    _ = body.value("os-start")
    return try await change(call) { [lifecycle] tx, server, principal in
      try ServerGuard.check(server, "start", in: ["stopped"])
      _ = try ServerGuard.checkHost(server, "start")
      // A boot of its own: a node that was away must not take it for the one that ended.
      try lifecycle.begin(tx, &server, .start, requestID: call.requestID, userID: principal.userID) {
        $0.power = .running
        $0.bootEpoch += 1
      }
    }
  }

  private func stop(_ call: Call, _ body: JSONFields) async throws -> Reply {
    _ = body.value("os-stop")
    return try await change(call) { [lifecycle] tx, server, principal in
      // One that is off and asked to run is being repaired: a stop ends that.
      let repaired: Set<String> = server.asked.power == .running ? ["stopped"] : []
      try ServerGuard.check(server, "stop", in: repaired.union(["active", "paused", "error"]))
      _ = try ServerGuard.checkHost(server, "stop")
      try lifecycle.begin(tx, &server, .stop, requestID: call.requestID, userID: principal.userID) {
        $0.power = .stopped
      }
    }
  }

  private func reboot(_ call: Call, _ body: JSONFields) async throws -> Reply {
    let fields = try body.object("reboot")
    let type = try fields.string("type").uppercased()
    guard type == "SOFT" || type == "HARD" else {
      throw fields.invalid("type", "it must be SOFT or HARD")
    }
    return try await change(call) { [lifecycle] tx, server, principal in
      if type == "SOFT" {
        try ServerGuard.check(server, "reboot", in: ["active"])
        _ = try ServerGuard.checkHost(server, "reboot")
        try lifecycle.begin(tx, &server, .softReboot, requestID: call.requestID, userID: principal.userID) {
          $0.operationID = Identifier.uuid()
        }
      } else {
        try ServerGuard.check(server, "reboot", in: ["active", "stopped", "paused", "error"])
        _ = try ServerGuard.checkHost(server, "reboot")
        try lifecycle.begin(tx, &server, .hardReboot, requestID: call.requestID, userID: principal.userID) {
          $0.power = .running
          $0.bootEpoch += 1
        }
      }
    }
  }

  private func lock(_ call: Call, _ body: JSONFields) async throws -> Reply {
    var reason: String?
    if call.at(73), case .object? = body.value("lock") {
      let fields = try body.object("lock")
      reason = try fields.optionalString("locked_reason", 1...255)
    } else if !call.at(73) {
      _ = body.value("lock")
    } else if let value = body.value("lock"), !value.isNull {
      throw body.invalid("lock", "it must be null or an object")
    }
    return try await change(call, lockable: false) { [reason] tx, server, principal in
      server.lockedBy = principal.isAdmin && server.projectID != principal.projectID ? "admin" : "owner"
      server.lockedReason = reason
      try ServerTable.saveAttributes(tx, &server)
      try ActionTable.record(tx, server, "lock", requestID: call.requestID, userID: principal.userID)
    }
  }

  private func unlock(_ call: Call, _ body: JSONFields) async throws -> Reply {
    _ = body.value("unlock")
    return try await change(call, lockable: false) { tx, server, principal in
      if server.lockedBy == "admin", !principal.isAdmin {
        throw Fault.forbidden("Policy doesn't allow os_compute_api:os-lock-server:unlock:unlock_override.")
      }
      server.lockedBy = nil
      server.lockedReason = nil
      try ServerTable.saveAttributes(tx, &server)
      try ActionTable.record(tx, server, "unlock", requestID: call.requestID, userID: principal.userID)
    }
  }

  private func setSecurityGroup(
    _ call: Call, _ body: JSONFields, _ member: String, present: Bool
  ) async throws -> Reply {
    let fields = try body.object(member)
    let group = try fields.string("name", 1...255)
    return try await change(call, lockable: false) { [context, lifecycle] tx, server, _ in
      try context.networks.setSecurityGroup(
        tx, serverID: server.id, projectID: server.projectID, group: group, present: present,
        requestID: call.requestID)
      try lifecycle.manifest.put(tx, server, requestID: call.requestID)
    }
  }

  // MARK: Console

  /// What is asked of a node at the most, in bytes.
  private static let consoleBytesMax = 100 * 1024

  private func console(_ call: Call, _ body: JSONFields) async throws -> Reply {
    try call.require(ComputePermissions.write("os-console-output"))
    let fields = try body.object("os-getConsoleOutput")
    let length = try fields.optionalInt("length", -1...Int(Int32.max), lenient: true)
    let principal = try call.principal()
    let id = try call.parameter("server_id")
    let server = try await context.store.read { [context] in try context.server($0, id: id, for: principal) }
    guard server.state.vm != "building", let node = server.nodeID else {
      throw Fault.conflict("Instance \(id) is not ready")
    }
    let bytes: [UInt8]?
    do { bytes = try await context.consoleQuery(node, id, Self.consoleBytesMax) } catch let fault as Fault {
      throw fault
    } catch {
      context.logger.warning("console not read", metadata: ["server": "\(id)", "error": "\(error)"])
      throw Fault(503, "The host does not answer at present.", headers: [("Retry-After", "5")])
    }
    guard let bytes else { throw Fault.notFound("Unable to get console: the guest has written none yet.") }
    let text = ConsoleText.clean(bytes, lines: length)
    return .json { $0.field("output", text) }
  }
}
