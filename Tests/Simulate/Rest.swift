import Kit
import NodeLink
import Simulation
import Synchronization

@testable import Agent
@testable import Store

/// What must be so once nothing fails any more and everybody has had time.
struct Rest {
  let world: World
  let tenants: [Tenant]

  /// Waits until nothing is to be complained of. What is left at the end of the time is a failure.
  func wait(_ what: String, for complaints: () async -> [String]) async {
    let began = world.seconds
    var left: [String] = []
    while world.seconds - began < Double(world.plan.restSecondsMax), world.failures.isEmpty {
      left = await complaints()
      if left.isEmpty {
        world.note("\(what) after \(Int(world.seconds - began)) s")
        return
      }
      try? await world.pause(seconds: 2...4)
      Invariants(world).all()
    }
    for complaint in left.prefix(20) { world.fail("not \(what): \(complaint)") }
  }

  /// Everything is as asked, or says why not; nobody has forgotten what was acknowledged.
  func settled() async -> [String] {
    guard let store = try? world.disk.read(Self.unsettled) else { return ["the store cannot be read"] }
    return store + acknowledged() + guests() + (await manifests())
  }

  private static func unsettled(_ tx: Transaction) throws -> [String] {
    try tx.query(
      """
      SELECT id || ' ' || status || ' ' || COALESCE(task_state, '-') || ' asked ' || asked_power || ' seen '
        || COALESCE(seen_power, '-') || ' deleting ' || deleting || ' ' || COALESCE(condition_type, '') FROM server
      WHERE deleting = 1 OR task_state IS NOT NULL OR action IS NOT NULL
        OR NOT (status = 'ACTIVE' AND asked_power = 'running' OR status = 'SHUTOFF' AND asked_power = 'stopped'
          OR status = 'ERROR' AND fault_message IS NOT NULL OR status = 'PAUSED')
      """
    ) { "server \($0.text(0))" }
      + tx.query("SELECT id || kind FROM saga WHERE state IN ('forward', 'unwinding')") { "saga \($0.text(0))" }
      + tx.query("SELECT kind || ' ' || object_id || ' of ' || node_id FROM manifest WHERE tombstone = 1") {
        "tombstone \($0.text(0))"
      }
      + tx.query("SELECT subject || ' ' || field || ': ' || found FROM drift WHERE settled IS NULL") {
        "drift \($0.text(0))"
      }
      + tx.query("SELECT hostname FROM node WHERE up = 0") { "node down \($0.text(0))" }
      + tx.query(
        """
        SELECT id || ' of ' || COALESCE(server_id, '') || ' ' || status FROM port
        WHERE server_id IN (SELECT id FROM server WHERE status = 'ACTIVE') AND status <> 'ACTIVE'
        """
      ) { "port \($0.text(0))" }
  }

  /// What the users were told is so.
  private func acknowledged() -> [String] {
    let rows = try? world.disk.read { tx in
      try tx.query("SELECT id, asked_power, status FROM server") { ($0.text(0), ($0.text(1), $0.text(2))) }
    }
    let found = Dictionary(rows ?? [], uniquingKeysWith: { $1 })
    var complaints: [String] = []
    for server in tenants.flatMap({ $0.servers.values }).sorted(by: { $0.id < $1.id }) {
      guard let (asked, status) = found[server.id] else {
        if !server.deleteSent { complaints.append("acknowledged, and not there: \(server.id)") }
        continue
      }
      if server.deleteAcknowledged { complaints.append("its delete was acknowledged, and it is there: \(server.id)") }
      guard status != "ERROR", !world.meddledWith.contains(server.id) else { continue }
      if server.asked == .running && asked != "running" || server.asked == .stopped && asked != "stopped" {
        complaints.append("\(server.id) was asked to be \(server.asked) and is \(asked) \(status)")
      }
    }
    return complaints
  }

  /// The guests are what the store says of them.
  private func guests() -> [String] {
    let rows = try? world.disk.read { tx in
      try tx.query("SELECT id, node_id, status FROM server WHERE node_id IS NOT NULL") {
        ($0.text(0), ($0.text(1), $0.text(2)))
      }
    }
    let found = Dictionary(rows ?? [], uniquingKeysWith: { $1 })
    var complaints: [String] = []
    for host in world.hosts {
      let running = Set(host.running.map(\.id))
      for id in host.domains where found[id]?.0 != host.id { complaints.append("a stray domain \(id) on \(host.name)") }
      for (id, server) in found where server.0 == host.id && server.1 == "ACTIVE" && !running.contains(id) {
        complaints.append("\(id) is said to be ACTIVE and does not run")
      }
      for (id, server) in found where server.0 == host.id && server.1 == "SHUTOFF" && running.contains(id) {
        complaints.append("\(id) is said to be SHUTOFF and runs")
      }
    }
    return complaints.sorted()
  }

  /// Every agent holds what its manifest says, and nothing else.
  private func manifests() async -> [String] {
    var complaints: [String] = []
    for host in world.hosts {
      guard let agent = host.agent else {
        complaints.append("\(host.name) has no agent")
        continue
      }
      let held = Set(await agent.manifest.held.map { "\($0.key) \($0.generation)" })
      let asked = try? world.disk.read { tx in
        Set(
          try tx.query("SELECT kind, object_id, generation FROM manifest WHERE node_id = \(host.id)") {
            "\($0.text(0))/\($0.text(1)) \($0.int(2))"
          })
      }
      guard let asked, held != asked else { continue }
      complaints.append(
        "\(host.name) holds \(held.subtracting(asked).sorted().prefix(2)), "
          + "lacks \(asked.subtracting(held).sorted().prefix(2))"
      )
    }
    return complaints
  }

  // MARK: the end

  /// The users delete all they have.
  func deleteEverything() async throws {
    for tenant in tenants {
      await world.loginAgain(tenant)
      let list = try await world.insist("GET", "/compute/v2.1/servers", token: tenant.token)
      for id in list.json["servers"]?.array?.compactMap({ $0["id"]?.string }) ?? [] {
        _ = try await world.insist("DELETE", "/compute/v2.1/servers/\(id)", token: tenant.token)
      }
    }
  }

  /// Nothing is left of any server, anywhere.
  func cleanSlate() async -> [String] {
    let tables = [
      "server", "server_card", "consumer", "allocation", "port WHERE server_id IS NOT NULL OR made_for_server = 1",
      "manifest WHERE kind IN ('server', 'port')", "blob_pin WHERE holder LIKE 'server/%'",
      "instance_action WHERE finished_at IS NULL", "drift WHERE settled IS NULL",
    ]
    var complaints: [String] = []
    for table in tables {
      let count = (try? world.disk.read { try $0.count("SELECT count(*) FROM \(raw: table)") }) ?? -1
      if count != 0 { complaints.append("\(count) left in \(table)") }
    }
    for host in world.hosts {
      if !host.domains.isEmpty { complaints.append("domains left on \(host.name)") }
      if !host.wired.isEmpty { complaints.append("ports left on \(host.name)") }
      let roots = host.disks.state.withLock { $0.roots.count }
      if roots > 0 { complaints.append("\(roots) disks left on \(host.name)") }
    }
    return complaints
  }
}
