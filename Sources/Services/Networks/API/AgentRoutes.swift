import API
import Auth
import Kit
import Store

/// The nodes as agents, and the availability zones.
struct AgentRoutes: Sendable {
  static let type = "Haneul node agent"
  static let binary = "haneul-node"

  private static let query = QueryShape(
    [
      "id", "host", "agent_type", "binary", "availability_zone", .init("alive", .boolean),
      .init("admin_state_up", .boolean),
    ] + .networkPage(sortKeys: ["id", "host", "agent_type", "binary"]), others: .refused)
  private static let zoneQuery = QueryShape(
    ["name", "resource", "state"] + .networkPage(sortKeys: ["name", "resource", "state"]), others: .refused)

  let networks: NetworksService

  var routes: [Route] {
    let agents = Permission("get_agent", .systemReader)
    let zones = Permission("get_availability_zone", .projectReader)
    return [
      Route(.get, "/v2.0/agents", agents, query: Self.query, list),
      Route(.get, "/v2.0/agents.json", agents, query: Self.query, list),
      Route(.get, "/v2.0/agents/{id}", agents, query: .unread, show),
      Route(.delete, "/v2.0/agents/{id}", Permission("delete_agent", .admin), query: .unread, delete),
      Route(.get, "/v2.0/availability_zones", zones, query: Self.zoneQuery, listZones),
      Route(.get, "/v2.0/availability_zones.json", zones, query: Self.zoneQuery, listZones),
    ]
  }

  private static func encode(_ agent: NetworkAgent, _ wanted: Set<String>?) -> [UInt8] {
    var writer = ResourceWriter(wanted: wanted, admin: true)
    writer.json.beginObject()
    writer.field("id", agent.nodeID)
    writer.field("agent_type", type)
    writer.field("binary", binary)
    writer.field("topic", "N/A")
    writer.field("host", agent.hostname)
    writer.field("availability_zone", "nova")
    writer.field("admin_state_up", true)
    writer.field("alive", agent.isAlive)
    writer.field("created_at", agent.createdAt.iso8601)
    writer.field("started_at", agent.createdAt.iso8601)
    writer.field("heartbeat_timestamp", agent.lastSeen.iso8601)
    writer.field("description", nil as String?)
    writer.field("resources_synced", nil as Int?)
    writer.object("configurations") { _ in }
    writer.json.endObject()
    return writer.json.bytes
  }

  private func list(_ call: Call) async throws -> Reply {
    let alive = try call.query.bool("alive")
    let up = try call.query.bool("admin_state_up") ?? true
    let fields = call.query.all("fields")
    func fits(_ name: String, _ value: String) -> Bool {
      let values = call.query.all(name)
      return values.isEmpty || values.contains(value)
    }
    let agents = try await networks.store.read { try AgentTable.all($0) }.filter {
      up && fits("id", $0.nodeID) && fits("host", $0.hostname) && fits("agent_type", Self.type)
        && fits("binary", Self.binary) && fits("availability_zone", "nova") && (alive ?? $0.isAlive) == $0.isAlive
    }
    let page = try ShortList(
      call, agents, id: \.nodeID,
      keys: ["host": \.hostname, "agent_type": { _ in Self.type }, "binary": { _ in Self.binary }])
    return .json { json in
      page.write(&json, "agents") { $0.raw(Self.encode($1, fields.isEmpty ? nil : Set(fields))) }
    }
  }

  private func show(_ call: Call) async throws -> Reply {
    let id = try call.resourceID("id")
    guard let agent = try await networks.store.read({ try AgentTable.all($0) }).first(where: { $0.nodeID == id }) else {
      throw Fault.notFound("Agent \(id.quoted) could not be found", type: "AgentNotFound")
    }
    return .json { json in
      json.key("agent")
      json.raw(Self.encode(agent, nil))
    }
  }

  /// The operator's word that a dead node does not come back: what its guests may still use is free again. A node that
  /// comes back all the same is an agent anew, and then takes down what it was told to.
  private func delete(_ call: Call) async throws -> Reply {
    let id = try call.resourceID("id")
    return try await networks.write(call) { change in
      guard let agent = try AgentTable.all(change.tx).first(where: { $0.nodeID == id }) else {
        throw Fault.notFound("Agent \(id.quoted) could not be found", type: "AgentNotFound")
      }
      guard !agent.isAlive else {
        throw Fault.conflict("Agent \(id.quoted) is alive: only one that is gone can be deleted.", type: "Conflict")
      }
      try HeldAddressTable.release(change.tx, node: id)
      try AgentTable.remove(change.tx, node: id)
      return Reply(status: 204)
    }
  }

  private func listZones(_ call: Call) async throws -> Reply {
    func fits(_ name: String, _ value: String) -> Bool {
      let values = call.query.all(name)
      return values.isEmpty || values.contains(value)
    }
    let zones = ["network", "router"].filter {
      fits("resource", $0) && fits("name", "nova") && fits("state", "available")
    }
    let page = try ShortList(call, zones, id: { $0 }, keys: ["resource": { $0 }])
    let wanted = Set(call.query.all("fields").filter { !$0.isEmpty })
    return .json { json in
      page.write(&json, "availability_zones") { json, resource in
        json.object { json in
          for (name, value) in [("name", "nova"), ("resource", resource), ("state", "available")]
          where wanted.isEmpty || wanted.contains(name) {
            json.field(name, value)
          }
        }
      }
    }
  }
}
