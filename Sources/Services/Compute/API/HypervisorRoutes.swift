import API
import Auth
import Contracts
import Kit
import Store

/// `/os-hypervisors`: the hosts with what they have and what is taken of it.
struct HypervisorRoutes {
  private static let pageMax = 1000

  let context: ComputeContext

  var routes: [Route] {
    let read = ComputePermissions.system("os-hypervisors:list")
    return [
      Route(.get, "/v2.1/os-hypervisors", read, query: .hypervisors) { try await list($0, detailed: false) },
      Route(
        .get, "/v2.1/os-hypervisors/detail", ComputePermissions.system("os-hypervisors:list-detail"),
        query: .hypervisors
      ) {
        try await list($0, detailed: true)
      },
      Route(
        .get, "/v2.1/os-hypervisors/statistics", until: .compute(87),
        ComputePermissions.system("os-hypervisors:statistics"), query: .unread
      ) { try await statistics($0) },
      Route(
        .get, "/v2.1/os-hypervisors/{hypervisor_id}", ComputePermissions.system("os-hypervisors:show"),
        query: .hypervisor
      ) {
        try await show($0)
      },
    ]
  }

  /// A host as both services know it.
  private struct Hypervisor: Sendable {
    var host: ComputeHost
    var record: HostRecord
    var servers: [(id: String, name: String)] = []
  }

  private static func load(_ tx: Transaction, _ context: ComputeContext) throws -> [Hypervisor] {
    let hosts = Dictionary(try HostTable.all(tx).map { ($0.nodeID, $0) }, uniquingKeysWith: { $1 })
    return try context.placement.hosts(tx).compactMap { record in
      hosts[record.nodeID].map { Hypervisor(host: $0, record: record) }
    }.sorted { $0.host.number < $1.host.number }
  }

  private static func addServers(_ tx: Transaction, _ hypervisors: inout [Hypervisor]) throws {
    var servers: [String: [(id: String, name: String)]] = [:]
    try tx.forEach("SELECT node_id, id, name FROM server WHERE node_id IS NOT NULL ORDER BY created_at, id") {
      servers[$0.text(0), default: []].append(($0.text(1), $0.text(2)))
    }
    for index in hypervisors.indices { hypervisors[index].servers = servers[hypervisors[index].host.nodeID] ?? [] }
  }

  private func list(_ call: Call, detailed: Bool) async throws -> Reply {
    let withServers = call.at(53) ? try call.query.bool("with_servers") ?? false : false
    let pattern = call.at(53) ? call.query["hypervisor_hostname_pattern"] : nil
    let page = call.at(33) ? try call.page(default: Self.pageMax, maximum: Self.pageMax) : nil
    if pattern != nil, call.query.has("limit") || call.query.has("marker") {
      throw Fault.badRequest(
        "Paging over hypervisors with the hypervisor_hostname_pattern query parameter is not supported.")
    }
    let limit = page?.limit ?? Self.pageMax
    let all = try await context.store.read { [context] tx in
      var found = try Self.load(tx, context)
      if let pattern { found = found.filter { $0.host.hostname.contains(pattern) } }
      if withServers { try Self.addServers(tx, &found) }
      return found
    }
    if let pattern, all.isEmpty { throw Fault.notFound("No hypervisor matching \(pattern.quoted) could be found.") }
    var rest = all[...]
    if let marker = page?.marker {
      guard let index = all.firstIndex(where: { Self.id($0, call) == marker }) else {
        throw Fault.badRequest("marker [\(marker.prefix(64))] not found")
      }
      rest = all[(index + 1)...]
    }
    let shown = Array(rest.prefix(limit))
    let more = call.at(33) && pattern == nil && limit > 0 && shown.count == limit
    return .json { json in
      json.field("hypervisors", shown) { Self.write(&$0, $1, call, detailed: detailed, withServers: withServers) }
      json.nextLink("hypervisors", call, marker: more ? shown.last.map { Self.id($0, call) } : nil)
    }
  }

  private func show(_ call: Call) async throws -> Reply {
    let id = try call.parameter("hypervisor_id")
    if call.at(53), !Identifier.isUUID(id) { throw Fault.badRequest("Invalid uuid \(id.quoted)") }
    let withServers = call.at(53) ? try call.query.bool("with_servers") ?? false : false
    let found = try await context.store.read { [context] tx in
      var found = try Self.load(tx, context).filter { Self.id($0, call) == id }
      if withServers { try Self.addServers(tx, &found) }
      return found.first
    }
    guard let found else { throw Fault.notFound("Hypervisor with ID \(id.quoted) could not be found.") }
    return .json { json in
      json.key("hypervisor")
      Self.write(&json, found, call, detailed: true, withServers: withServers)
    }
  }

  private func statistics(_ call: Call) async throws -> Reply {
    let all = try await context.store.read { [context] in try Self.load($0, context) }
    func sum(_ value: (Hypervisor) -> Int) -> Int { all.reduce(0) { $0 + value($1) } }
    return .json { json in
      json.field("hypervisor_statistics") { json in
        json.field("count", all.count)
        for (name, value) in Self.amounts { json.field(name, sum(value)) }
      }
    }
  }

  /// What clients before 2.88 read here.
  private static let amounts: [(String, @Sendable (Hypervisor) -> Int)] = [
    ("vcpus", { $0.record.total.vcpus }), ("memory_mb", { $0.record.total.memoryMiB }),
    ("local_gb", { $0.record.total.diskGiB }), ("vcpus_used", { $0.record.used.vcpus }),
    ("memory_mb_used", { $0.record.used.memoryMiB }), ("local_gb_used", { $0.record.used.diskGiB }),
    ("free_ram_mb", { $0.record.total.memoryMiB - $0.record.used.memoryMiB }),
    ("free_disk_gb", { $0.record.total.diskGiB - $0.record.used.diskGiB }), ("current_workload", { _ in 0 }),
    ("running_vms", { $0.record.serverCount }), ("disk_available_least", { $0.host.diskFreeGiB }),
  ]

  private static func id(_ hypervisor: Hypervisor, _ call: Call) -> String {
    call.at(53) ? hypervisor.host.nodeID : String(hypervisor.host.number)
  }

  private static func write(
    _ json: inout JSONWriter, _ hypervisor: Hypervisor, _ call: Call, detailed: Bool, withServers: Bool
  ) {
    let host = hypervisor.host
    json.object { json in
      if call.at(53) { json.field("id", host.nodeID) } else { json.field("id", host.number) }
      json.field("hypervisor_hostname", host.hostname)
      json.field("state", host.isUp(at: .now()) ? "up" : "down")
      json.field("status", host.disabled ? "disabled" : "enabled")
      if detailed { writeDetails(&json, hypervisor, call) }
      if withServers, call.at(75) || !hypervisor.servers.isEmpty {
        json.field("servers", hypervisor.servers) { json, server in
          json.object {
            $0.field("name", server.name)
            $0.field("uuid", server.id)
          }
        }
      }
    }
  }

  private static func writeDetails(_ json: inout JSONWriter, _ hypervisor: Hypervisor, _ call: Call) {
    let host = hypervisor.host
    json.field("hypervisor_type", host.accelerator == "kvm" ? "KVM" : "QEMU")
    json.field("hypervisor_version", host.hypervisorVersion)
    json.field("host_ip", "127.0.0.1")
    json.field("service") {
      if call.at(53) { $0.field("id", host.nodeID) } else { $0.field("id", host.number) }
      $0.field("host", host.hostname)
      $0.field("disabled_reason", host.disabledReason)
    }
    if call.at(88) { return json.field("uptime", String?.none) }
    for (name, value) in amounts { json.field(name, value(hypervisor)) }
    let cpu = JSONValue.object(["model": .string(host.cpuModel)])
    if call.at(28) { json.field("cpu_info", cpu) } else { json.field("cpu_info", cpu.text) }
  }
}
