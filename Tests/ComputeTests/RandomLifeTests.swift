import Kit
import NodeLink
import Store
import Testing

/// Everything at once, under a seed: clients that create, act, attach, detach and delete side by side, a node that
/// lags, refuses and repeats itself, hands behind the cloud's back. After each round every ledger equals what it
/// counts; at the end everything is as asked or says why not, and after the deletes nothing is left.
struct RandomLifeTests {
  private static let rounds = 40
  private static let serversMax = 4

  private static func servers(_ cloud: Fixture) async throws -> [String] {
    try await cloud.store.read { try $0.query("SELECT id FROM server ORDER BY id") { $0.text(0) } }
  }

  /// One wish of one client. Any answer but a 5xx is right; what it leads to is judged by the ledgers.
  private static func wish(_ cloud: Fixture, _ servers: [String], _ own: String, _ dice: inout Dice)
    -> @Sendable () async
    -> Int
  {
    guard let id = servers.randomElement(using: &dice), servers.count > 1 || dice.chance(50) else {
      return { await cloud.send("POST", "/v2.1/servers", Fixture.body()).status }
    }
    let interfaces = "/v2.1/servers/\(id)/os-interface"
    switch Int.random(in: 0..<(servers.count < serversMax ? 10 : 9), using: &dice) {
    case 0: return { await cloud.act(id, #"{"os-start": null}"#).status }
    case 1: return { await cloud.act(id, #"{"os-stop": null}"#).status }
    case 2: return { await cloud.act(id, #"{"reboot": {"type": "SOFT"}}"#).status }
    case 3: return { await cloud.act(id, #"{"reboot": {"type": "HARD"}}"#).status }
    case 4:
      let body = #"{"interfaceAttachment": {"net_id": "\#(FakeNetworks.networkID)"}}"#
      return { await cloud.send("POST", interfaces, body).status }
    case 5:
      return { await cloud.send("POST", interfaces, #"{"interfaceAttachment": {"port_id": "\#(own)"}}"#).status }
    case 6, 7:
      return {
        let ports = await cloud.get(interfaces)["interfaceAttachments"]?.array?.compactMap { $0["port_id"]?.string }
        guard let port = ports?.last else { return 200 }
        return await cloud.send("DELETE", interfaces + "/" + port).status
      }
    case 8: return { await cloud.send("DELETE", "/v2.1/servers/\(id)").status }
    default: return { await cloud.send("POST", "/v2.1/servers", Fixture.body()).status }
    }
  }

  /// A port of which a guest holds the card belongs to that guest's server and to nobody else (ATTACKS.md 70, 72).
  private static func holdersAreOwners(_ cloud: Fixture, _ node: PlayedNode) async throws {
    let owners = try await cloud.store.read { tx in
      try tx.query("SELECT id, COALESCE(server_id, '') FROM fake_port") { ($0.text(0), $0.text(1)) }
    }
    let held = node.heldPorts
    for (port, owner) in owners {
      if let holder = held[port] { #expect(owner == holder, "port \(port)") }
    }
  }

  @Test(arguments: 1...8) func aLife(seed: UInt64) async throws {
    let cloud = try await Fixture()
    let node = PlayedNode(cloud, seed: seed)
    var dice = Dice(seed: seed + 1000)
    let own = try await cloud.freePort("10.0.9.9")
    var answered: [Int: Int] = [:]
    for round in 0..<Self.rounds {
      let servers = try await Self.servers(cloud)
      let wishes = (0..<3).map { _ in Self.wish(cloud, servers, own, &dice) }
      let statuses = try await withThrowingTaskGroup(of: Int?.self) { group in
        for wish in wishes { group.addTask { await wish() } }
        group.addTask {
          try await node.act()
          return nil
        }
        return try await group.reduce(into: []) { $0.append($1) }.compactMap { $0 }
      }
      for status in statuses {
        #expect(status < 500)
        answered[status, default: 0] += 1
      }
      if dice.chance(40) { try await cloud.pass(seconds: Double(Int.random(in: 1...60, using: &dice)), wall: false) }
      try await cloud.settle()
      try await cloud.ledgersAgree()
      try await Self.holdersAreOwners(cloud, node)
      if round % 5 == 4 { try await node.act() }
    }
    // Most of what was wished was allowed: the run has tried something.
    #expect(answered[202, default: 0] > 15)
    try await Self.comeToRest(cloud, node)
    for id in try await Self.servers(cloud) { _ = await cloud.send("DELETE", "/v2.1/servers/\(id)") }
    for _ in 0..<3 { try await node.act(calm: true) }
    try await cloud.isCleanSlate()
    #expect(try await cloud.count("fake_port WHERE id = '\(own)' AND server_id IS NULL") == 1)
  }

  private static func comeToRest(_ cloud: Fixture, _ node: PlayedNode) async throws {
    for _ in 0..<10 {
      try await node.act(calm: true)
      try await cloud.pass(seconds: 10, wall: false)
    }
    try await cloud.pass(seconds: 700, wall: false)
    try await node.act(calm: true)
    try await node.act(calm: true)
    #expect(try await cloud.count("server WHERE action IS NOT NULL OR deleting = 1") == 0)
    #expect(try await cloud.count("saga WHERE state IN ('forward', 'unwinding')") == 0)
    let odd = try await cloud.store.read { tx in
      try tx.query(
        """
        SELECT id || ' ' || status || ' asked ' || asked_power || ' seen ' || seen_power FROM server
        WHERE NOT (status = 'ACTIVE' AND asked_power = 'running' OR status = 'SHUTOFF' AND asked_power = 'stopped'
          OR status = 'ERROR' AND fault_message IS NOT NULL OR status = 'PAUSED') OR task_state IS NOT NULL
        """
      ) { $0.text(0) }
    }
    #expect(odd.isEmpty)
    try await cloud.ledgersAgree()
  }
}
