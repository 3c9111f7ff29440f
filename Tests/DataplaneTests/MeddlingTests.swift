import Drivers
import Foundation
import Kit
import NodeLink
import Testing

@testable import Dataplane

/// Hands that meddle: each is noticed by an event, told precisely, put right, and disturbs nobody else.
@Suite struct MeddlingTests {
  /// A cloud with a router, and a second network beside it that nobody meddles with.
  struct Scene {
    let cloud: TestCloud
    let setup: RouterTests.Setup
    let network: String
    let calm: Connection
    let closedGroup: String

    var dhcp: String { cloud.tag.dhcpNamespace(network) }
    var router: String { cloud.tag.routerNamespace(setup.router) }
    var tap: String { cloud.driver.tap(portID: setup.port.id) }
    var bridge: String { cloud.tag.interface(.bridge, network) }
    var folder: String { "\(cloud.directory)/networks/\(network)" }
    var routerFolder: String { "\(cloud.directory)/routers/\(setup.router)" }
    var networkKey: ObjectKey { ObjectKey(.network, network) }
    var routerKey: ObjectKey { ObjectKey(.router, setup.router) }
    var portKey: ObjectKey { ObjectKey(.port, setup.port.id) }

    func pid(_ file: String) throws -> String {
      try String(contentsOfFile: file, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// The flow that was established before anything was done goes on: no rule but memory lets its answers in.
    func expectCalm(_ what: String) throws {
      let text = "calm \(UInt32.random(in: 0...UInt32.max))"
      try calm.answer(text)
      #expect(calm.client.hears(text, within: 30_000), "the established flow after: \(what)")
    }
  }

  /// A TCP connection between two guests that is kept by hand: it is remembered for days, however slow the machine.
  final class Connection {
    let client: FrameGuest
    let server: FrameGuest
    private var sequence: UInt32 = 2000

    init(client: FrameGuest, server: FrameGuest) throws {
      (self.client, self.server) = (client, server)
      try send(client, to: server, (4000, 53), sequence: 1000, acknowledged: 0, flags: 2)
      guard server.first(within: 30_000, { $0.count >= 54 && $0[23] == 6 }) != nil else { throw Failed("no SYN") }
      try send(server, to: client, (53, 4000), sequence: sequence, acknowledged: 1001, flags: 0x12)
      sequence += 1
      guard client.first(within: 30_000, { $0.count >= 54 && $0[23] == 6 }) != nil else { throw Failed("no SYN-ACK") }
      try send(client, to: server, (4000, 53), sequence: 1001, acknowledged: sequence, flags: 0x10)
    }

    func answer(_ text: String) throws {
      try send(server, to: client, (53, 4000), sequence: sequence, acknowledged: 1001, flags: 0x18, Array(text.utf8))
      sequence += UInt32(text.utf8.count)
    }

    private func send(
      _ from: FrameGuest, to: FrameGuest, _ ports: (Int, Int), sequence: UInt32, acknowledged: UInt32, flags: UInt8,
      _ payload: [UInt8] = []
    ) throws {
      let packet = try Frame.tcp4(
        from.address, to.address, ports: ports, sequence: sequence, acknowledged: acknowledged, flags: flags, payload)
      from.send(Frame.ethernet(from.mac, to.mac, type: 0x0800, packet))
    }
  }

  /// One thing that a hand does.
  struct Deed {
    var name: String
    var commands: [[String]]
    /// What must be told: the object and the field, and a word of what was found.
    var told: [Told]
    /// Whether an event must tell of it; what happens inside namespaces is seen by the clock.
    var event = true
  }
  struct Told: Hashable {
    var key: ObjectKey?
    var field: DriftField
    var found: String
  }

  static func with(_ number: Int, _ body: (Scene) async throws -> Void) async throws {
    try await TestCloud.with(externalAddress: "100.64.\(number).1/24") { cloud in
      let setup = RouterTests.build(cloud, number)
      let beside = cloud.addNetwork(number + 100)
      let closed = cloud.addGroup()
      let open = cloud.addGroup([TestCloud.rule(.ingress, number: 6, ports: 53...53)])
      let ports = [cloud.addPort(beside, 31, groups: [closed]), cloud.addPort(beside, 32, groups: [open])]
      await cloud.applyAll()
      let (client, server) = (try await cloud.frames(ports[0]), try await cloud.frames(ports[1]))
      let scene = Scene(
        cloud: cloud, setup: setup, network: setup.port.networkID,
        calm: try Connection(client: client, server: server), closedGroup: closed)
      try scene.expectCalm("nothing")
      let changes = await cloud.apply().changes
      #expect(changes == [], "what was just made is as asked")
      try await body(scene)
    }
  }

  private static func links(_ scene: Scene) -> [Deed] {
    let (tap, bridge, external) = (scene.tap, scene.bridge, scene.cloud.names.externalBridge)
    let hostEnd = scene.cloud.tag.interface(.dhcp, scene.network)
    return [
      Deed(
        name: "deleted tap", commands: [["ip", "link", "del", tap]],
        told: [Told(key: scene.portKey, field: .tap, found: "missing")]),
      Deed(
        name: "tap set down", commands: [["ip", "link", "set", tap, "down"]],
        told: [Told(key: scene.portKey, field: .tap, found: "down")]),
      Deed(
        name: "tap taken off its bridge", commands: [["ip", "link", "set", tap, "nomaster"]],
        told: [Told(key: scene.portKey, field: .tap, found: "on no bridge")]),
      Deed(
        name: "tap with another MTU", commands: [["ip", "link", "set", tap, "mtu", "1300"]],
        told: [Told(key: scene.portKey, field: .tap, found: "MTU 1300")]),
      Deed(
        name: "renamed tap",
        commands: [["ip", "link", "set", tap, "down"], ["ip", "link", "set", tap, "name", "hn-x"]],
        told: [Told(key: scene.portKey, field: .tap, found: "renamed to hn-x")]),
      Deed(
        name: "bridge set down", commands: [["ip", "link", "set", bridge, "down"]],
        told: [Told(key: scene.networkKey, field: .bridge, found: "down")]),
      Deed(
        name: "renamed bridge",
        commands: [["ip", "link", "set", bridge, "down"], ["ip", "link", "set", bridge, "name", "hn-y"]],
        told: [Told(key: scene.networkKey, field: .bridge, found: "renamed to hn-y")]),
      Deed(
        name: "deleted DHCP pair", commands: [["ip", "link", "del", hostEnd]],
        told: [Told(key: scene.networkKey, field: .dhcpNamespace, found: "missing")]),
      Deed(
        name: "address off the external bridge", commands: [["ip", "addr", "flush", "dev", external]],
        told: [Told(key: nil, field: .externalBridge, found: "missing")]),
    ]
  }

  private static func rules(_ scene: Scene) -> [Deed] {
    let table = scene.cloud.tag.nftTable
    return [
      Deed(
        name: "deleted table", commands: [["nft", "delete", "table", "inet", table]],
        told: [Told(key: nil, field: .rules, found: "table inet \(table) is gone")]),
      Deed(
        name: "flushed table", commands: [["nft", "flush", "table", "bridge", table]],
        told: [Told(key: nil, field: .rules, found: "table bridge \(table): missing")]),
      Deed(
        name: "added rule", commands: [["nft", "insert", "rule", "inet", table, "forward", "counter", "accept"]],
        told: [Told(key: nil, field: .rules, found: "table inet \(table): added counter accept")]),
      Deed(
        name: "flushed router rules",
        commands: [["nsenter", "--net=/run/netns/\(scene.router)", "nft", "flush", "ruleset"]],
        told: [Told(key: scene.routerKey, field: .routerRules, found: "table ip haneul is gone")], event: false),
    ]
  }

  private static func services(_ scene: Scene) throws -> [Deed] {
    let (folder, router) = (scene.folder, scene.router)
    let gateway = scene.cloud.intent.routers[scene.setup.router]?.gateway?.portID ?? ""
    return [
      Deed(
        name: "killed dnsmasq", commands: [["kill", "-9", try scene.pid("\(folder)/pid")]],
        told: [Told(key: scene.networkKey, field: .dhcpDaemon, found: "ended")]),
      Deed(
        name: "killed radvd", commands: [["kill", "-9", try scene.pid("\(scene.routerFolder)/radvd.pid")]],
        told: [Told(key: scene.routerKey, field: .routerDaemon, found: "ended")]),
      Deed(
        name: "deleted file of leases", commands: [["rm", "\(folder)/leases"]],
        told: [Told(key: scene.networkKey, field: .leases, found: "missing")]),
      Deed(
        name: "edited hosts of dnsmasq", commands: [["sed", "-i", "s/10\\./11./", "\(folder)/hosts"]],
        told: [Told(key: scene.networkKey, field: .dhcpDaemon, found: "edited")]),
      Deed(
        name: "deleted options of dnsmasq", commands: [["rm", "\(folder)/opts"]],
        told: [Told(key: scene.networkKey, field: .dhcpDaemon, found: "missing")]),
      Deed(
        name: "edited radvd.conf", commands: [["sed", "-i", "s/30/40/", "\(scene.routerFolder)/radvd.conf"]],
        told: [Told(key: scene.routerKey, field: .routerDaemon, found: "edited")]),
      Deed(
        name: "route and address off a router",
        commands: [
          ["ip", "-n", router, "route", "del", "default"],
          ["ip", "-n", router, "addr", "del", "100.64.61.50/32", "dev", Names.inside("qg", gateway)],
        ], told: [Told(key: scene.routerKey, field: .routerDevices, found: "missing")], event: false),
      Deed(
        name: "forwarding of a router off",
        commands: [["nsenter", "--net=/run/netns/\(router)", "sysctl", "-q", "net.ipv4.ip_forward=0"]],
        told: [Told(key: scene.routerKey, field: .routerDevices, found: "ipv4/ip_forward = 0")], event: false),
      Deed(
        name: "deleted DHCP namespace", commands: [["ip", "netns", "del", scene.dhcp]],
        told: [Told(key: scene.networkKey, field: .dhcpNamespace, found: "missing")]),
      Deed(
        name: "deleted router namespace", commands: [["ip", "netns", "del", router]],
        told: [Told(key: scene.routerKey, field: .routerNamespace, found: "missing")]),
      Deed(
        name: "unmounted namespace", commands: [["umount", "/run/netns/\(scene.dhcp)"]],
        told: [Told(key: scene.networkKey, field: .dhcpNamespace, found: "missing")]),
      Deed(
        name: "namespace made anew", commands: [["ip", "netns", "del", router], ["ip", "netns", "add", router]],
        told: [Told(key: scene.routerKey, field: .routerNamespace, found: "another one under its name")]),
    ]
  }

  static func commit(_ commands: [[String]]) async throws {
    for command in commands {
      let done = try await Tool.run(command[0], Array(command.dropFirst()))
      #expect(done.succeeded, "\(command): \(done.error)")
    }
  }

  /// Whether an event comes, waiting as long as it takes.
  static func hears(_ events: AsyncStream<Void>, within limit: Duration = .seconds(30)) async -> Bool {
    await withTaskGroup(of: Bool.self) { group in
      group.addTask {
        for await _ in events { return true }
        return false
      }
      group.addTask {
        try? await Task.sleep(for: limit)
        return false
      }
      defer { group.cancelAll() }
      return await group.next() ?? false
    }
  }

  private static func carryOut(_ deeds: [Deed], _ scene: Scene) async throws {
    for deed in deeds {
      let events = scene.cloud.driver.events()
      try await commit(deed.commands)
      if deed.event { #expect(await hears(events), "an event of: \(deed.name)") }
      let result = await scene.cloud.apply()
      for (key, outcome) in result.outcomes where !outcome.ready {
        Issue.record("\(deed.name): \(key) \(outcome.problem ?? "")")
      }
      expectTold(deed.told, result.changes, deed.name)
      let rest = await scene.cloud.apply().changes
      #expect(rest == [], "all is put right after: \(deed.name)")
      try scene.expectCalm(deed.name)
    }
  }

  /// Exactly this was told, of these objects.
  private static func expectTold(_ told: [Told], _ changes: [NetworkChange], _ name: String) {
    for one in told {
      let change = changes.first { $0.key == one.key && $0.field == one.field }
      #expect(change?.found.contains(one.found) == true, "\(name): \(changes)")
      #expect(change?.done.hasPrefix("not done") == false, "\(name): \(changes)")
    }
    let places = Set(told.map { "\($0.key?.description ?? "host") \($0.field)" })
    #expect(
      Set(changes.map { "\($0.key?.description ?? "host") \($0.field)" }) == places, "\(name): \(changes)")
  }

  @Test func meddlingWithLinks() async throws {
    try await Self.with(59) { try await Self.carryOut(Self.links($0), $0) }
  }

  @Test func meddlingWithRules() async throws {
    try await Self.with(60) { try await Self.carryOut(Self.rules($0), $0) }
  }

  @Test func meddlingWithServices() async throws {
    try await Self.with(61) { scene in
      // Each deed is made when its turn comes: pids change as daemons are started again.
      for index in try Self.services(scene).indices {
        try await Self.carryOut([try Self.services(scene)[index]], scene)
      }
    }
  }

  /// A deleted bridge takes its taps' and pairs' places with it: all of them are told.
  @Test func meddlingAllAtOnce() async throws {
    try await Self.with(62) { scene in
      let events = scene.cloud.driver.events()
      let table = scene.cloud.tag.nftTable
      try await Self.commit([
        ["kill", "-9", try scene.pid("\(scene.folder)/pid"), try scene.pid("\(scene.routerFolder)/radvd.pid")],
        ["rm", "\(scene.folder)/leases", "\(scene.folder)/hosts"], ["ip", "link", "del", scene.bridge],
        ["ip", "link", "del", scene.tap], ["ip", "netns", "del", scene.router],
        ["nft", "insert", "rule", "bridge", table, "forward", "accept"], ["nft", "delete", "table", "inet", table],
        ["ip", "addr", "flush", "dev", scene.cloud.names.externalBridge],
      ])
      #expect(await Self.hears(events))
      let result = await scene.cloud.apply()
      for (key, outcome) in result.outcomes { #expect(outcome.ready, "\(key) \(outcome.problem ?? "")") }
      let told = Set(result.changes.map(\.field))
      let all: Set<DriftField> = [
        .dhcpDaemon, .leases, .bridge, .tap, .routerNamespace, .rules, .externalBridge, .dhcpNamespace,
      ]
      #expect(told == all, "\(result.changes)")
      #expect(await scene.cloud.apply().changes == [])
      try scene.expectCalm("all at once")
    }
  }

  /// What the data plane does itself wakes nobody.
  @Test func ownChangesMakeNoEvents() async throws {
    try await Self.with(63) { scene in
      try await Task.sleep(for: .milliseconds(500))
      let events = scene.cloud.driver.events()
      let network = try #require(scene.cloud.intent.networks[scene.network])
      scene.cloud.intent.routers[scene.setup.router]?.floatingIPs = []
      // Other tests make and remove bridges that are nobody's, which does wake: one quiet time is enough.
      var isQuiet = false
      for host in 40..<48 where !isQuiet {
        _ = scene.cloud.addPort(network, host, groups: [scene.closedGroup])
        scene.cloud.intent.ports[scene.setup.port.id]?.adminStateUp = host % 2 == 1
        await scene.cloud.applyAll()
        isQuiet = await !Self.hears(events, within: .seconds(2))
      }
      #expect(isQuiet)
      #expect(await scene.cloud.apply().changes == [])
    }
  }
}
