import Drivers
import Foundation
import Kit
import NodeLink
import Testing

@testable import Dataplane

/// What was removed by hand comes back; what was removed by order is gone.
@Suite struct RepairTests {
  @Test func handRemovedThingsComeBack() async throws {
    try await TestCloud.with(externalAddress: "100.64.41.1/24") { cloud in
      let setup = RouterTests.build(cloud, 41)
      await cloud.applyAll()
      let network = setup.port.networkID
      let dhcp = cloud.tag.dhcpNamespace(network)
      let router = cloud.tag.routerNamespace(setup.router)
      func damage(_ tool: String, _ arguments: [String]) async throws {
        let done = try await Tool.run(tool, arguments)
        #expect(done.succeeded, "\(tool) \(arguments): \(done.error)")
        await cloud.applyAll()
        try await Self.expectWhole(cloud, setup)
      }
      try await Self.expectWhole(cloud, setup)
      try await damage("ip", ["link", "del", cloud.tag.interface(.bridge, network)])
      try await damage("ip", ["link", "del", cloud.driver.tap(portID: setup.port.id)])
      try await damage("nft", ["delete", "table", "inet", cloud.tag.nftTable])
      try await damage("nft", ["flush", "chain", "bridge", cloud.tag.nftTable, "prerouting"])
      try await damage("ip", ["netns", "del", dhcp])
      try await damage("ip", ["netns", "del", router])
      try await damage("ip", ["link", "del", cloud.names.externalBridge])
      let pid = try String(contentsOfFile: "\(cloud.directory)/networks/\(network)/pid", encoding: .utf8)
      try await damage("kill", ["-9", pid.trimmingCharacters(in: .whitespacesAndNewlines)])
      try await damage("nsenter", ["--net=/run/netns/\(router)", "nft", "flush", "ruleset"])
      try await damage("ip", ["-n", router, "route", "flush", "default"].dropLast(2) + ["del", "default"])
    }
  }

  /// All that the set-up asks is on the host.
  private static func expectWhole(_ cloud: TestCloud, _ setup: RouterTests.Setup) async throws {
    let network = setup.port.networkID
    let links = try await HostLinks.read()
    let bridge = cloud.tag.interface(.bridge, network)
    #expect(links[bridge]?.up == true)
    for port in [setup.port, setup.other] {
      let tap = links[cloud.driver.tap(portID: port.id)]
      #expect(tap?.up == true && tap?.master == bridge)
    }
    #expect(links[cloud.tag.interface(.dhcp, network)]?.master == bridge)
    let thread = NamespaceThread()
    let dhcp = try await thread.run(in: cloud.tag.dhcpNamespace(network)) { NamespaceView.read() }
    #expect(
      dhcp.devices[Names.inside("ns", network)]?.addresses.contains(try InterfaceAddress("169.254.169.254/32")) == true)
    let router = try await thread.run(in: cloud.tag.routerNamespace(setup.router)) { NamespaceView.read() }
    #expect(router.routes.contains { $0.destination.prefix == 0 })
    let nat = try await thread.run(in: cloud.tag.routerNamespace(setup.router)) {
      try Nftables().table("ip", RouterTable.name) ?? ""
    }
    #expect(nat.contains("100.64.41.50"))
    let table = cloud.tag.nftTable
    let rules = try await thread.run { () -> [String] in
      let nftables = try Nftables()
      return [nftables.table("bridge", table) ?? "", nftables.table("inet", table) ?? ""]
    }
    #expect(rules.allSatisfy { $0.contains(setup.port.id.replacing("-", with: "")) })
    #expect(rules[0].contains("iifname vmap @from_guest"))
    #expect(try await Tool.run("ip", ["addr", "show", cloud.names.externalBridge]).output.contains("100.64.41.1/24"))
    let pid = try String(contentsOfFile: "\(cloud.directory)/networks/\(network)/pid", encoding: .utf8)
    #expect(FileManager.default.fileExists(atPath: "/proc/\(pid.trimmingCharacters(in: .whitespacesAndNewlines))"))
  }

  @Test func removalLeavesNothing() async throws {
    try await TestCloud.with(externalAddress: "100.64.42.1/24") { cloud in
      _ = RouterTests.build(cloud, 42)
      await cloud.applyAll()
      for (key, outcome) in await cloud.removeAll() { #expect(outcome.ready, "\(key)") }
      let links = try await HostLinks.read()
      #expect(links.named(cloud.tag.interfacePrefix) == [cloud.names.externalBridge])
      #expect(!links.namespaces.contains { $0.hasPrefix(cloud.tag.namespacePrefix) })
      for folder in ["networks", "routers"] {
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(cloud.directory)/\(folder)").isEmpty)
      }
      let rules = try await Tool.run("nft", ["list", "table", "bridge", cloud.tag.nftTable]).output
      #expect(!rules.contains("from_guest {\n\t\ttype ifname : verdict\n\t\telements"))
      let processes = try await Tool.run("ps", ["-eo", "args"]).output
      #expect(!processes.contains(cloud.directory))
      #expect(try String(contentsOfFile: "\(cloud.directory)/zones.json", encoding: .utf8) == "{}")
    }
  }

  @Test func secondApplyDoesNothing() async throws {
    try await TestCloud.with(externalAddress: "100.64.43.1/24") { cloud in
      let setup = RouterTests.build(cloud, 43)
      if let network = cloud.intent.networks[setup.port.networkID] {
        for host in 30..<48 { _ = cloud.addPort(network, host, groups: setup.port.securityGroupIDs) }
      }
      await cloud.applyAll()
      await cloud.applyAll()
      let began = ContinuousClock.now
      await cloud.applyAll()
      print("no-op apply with \(cloud.intent.ports.count) ports:", ContinuousClock.now - began)
    }
  }

  /// Daemons go on through a restart of the node, and what was taken away meanwhile is cut.
  @Test func restartTakesUpWhatIsThere() async throws {
    try await TestCloud.with(externalAddress: "100.64.45.1/24") { cloud in
      let setup = RouterTests.build(cloud, 45)
      await cloud.applyAll()
      let (one, two) = (try await cloud.frames(setup.other), try await cloud.frames(setup.port))
      try one.udp(to: two, port: 53, text: "before")
      #expect(two.hears("before"))
      let files = ["networks/\(setup.port.networkID)/pid", "routers/\(setup.router)/radvd.pid"].map {
        "\(cloud.directory)/\($0)"
      }
      func pids() throws -> [String] { try files.map { try String(contentsOfFile: $0, encoding: .utf8) } }
      let before = try pids()
      let again = cloud.secondDriver()
      for (key, outcome) in await again.apply(cloud.intent).outcomes { #expect(outcome.ready, "\(key)") }
      #expect(try pids() == before)
      try two.udp(to: one, port: 4000, from: 53, text: "still established")
      #expect(one.hears("still established"))

      cloud.intent.securityGroups[setup.port.securityGroupIDs[0]]?.rules.removeAll { $0.direction == .ingress }
      _ = await cloud.secondDriver().apply(cloud.intent)
      try two.udp(to: one, port: 4000, from: 53, text: "cut by the third")
      #expect(!one.hears("cut by the third", within: 300))
    }
  }

  @Test func strangeOptionStopsNobody() async throws {
    try await TestCloud.with { cloud in
      let network = cloud.addNetwork(46)
      let port = cloud.addPort(network, 21)
      let other = cloud.addPort(network, 22)
      cloud.intent.ports[other.id]?.extraDHCPOptions = [
        .init(name: "no-such-option", value: "x", ipVersion: 4),
        .init(name: "router", value: "not-an-address", ipVersion: 4),
        .init(name: "bootfile-name", value: "evil\ndhcp-script=/bin/sh", ipVersion: 4),
      ]
      let outcomes = await cloud.apply().outcomes
      #expect(outcomes[ObjectKey(.port, other.id)]?.problemType == "DHCPOptionRefused")
      #expect(outcomes[ObjectKey(.port, port.id)]?.ready == true)
      let options = try String(contentsOfFile: "\(cloud.directory)/networks/\(network.id)/opts", encoding: .utf8)
      #expect(!options.contains("script"))
      cloud.intent.ports[other.id]?.extraDHCPOptions.removeLast()
      await cloud.applyAll()
      let guest = try await cloud.frames(port)
      guest.send(try Frame.dhcp(type: 1, mac: guest.mac))
      #expect(guest.first(within: 10_000) { DHCPAnswer($0) != nil } != nil)
      let pid = try String(contentsOfFile: "\(cloud.directory)/networks/\(network.id)/pid", encoding: .utf8)
      _ = try await Tool.run("kill", ["-9", pid.trimmingCharacters(in: .whitespacesAndNewlines)])
      await cloud.applyAll()
      guest.send(try Frame.dhcp(type: 1, mac: guest.mac))
      #expect(guest.first(within: 10_000) { DHCPAnswer($0) != nil } != nil)
    }
  }

  @Test func removeEverythingLeavesNothing() async throws {
    try await TestCloud.with(externalAddress: "100.64.47.1/24") { cloud in
      _ = RouterTests.build(cloud, 47)
      await cloud.applyAll()
      try await cloud.driver.removeEverything()
      let links = try await HostLinks.read()
      #expect(links.named(cloud.tag.interfacePrefix).isEmpty)
      #expect(!FileManager.default.fileExists(atPath: cloud.directory))
      let table = cloud.tag.nftTable
      let tables = try await NamespaceThread().run {
        let nftables = try Nftables()
        return ["bridge", "inet"].compactMap { nftables.table($0, table) }
      }
      #expect(tables.isEmpty)
      let rest = try await Tool.run("ps", ["-eo", "args"]).output
      #expect(!rest.contains(cloud.directory))
      await cloud.applyAll()
    }
  }

  @Test func eventsTellOfDamage() async throws {
    try await TestCloud.with { cloud in
      let network = cloud.addNetwork(44)
      let port = cloud.addPort(network, 21)
      await cloud.applyAll()
      let events = cloud.driver.events()
      for damage in [
        ["ip", "link", "del", cloud.driver.tap(portID: port.id)],
        ["nft", "flush", "table", "inet", cloud.tag.nftTable],
        ["ip", "netns", "del", cloud.tag.dhcpNamespace(network.id)],
      ] {
        _ = try await Tool.run(damage[0], Array(damage.dropFirst()))
        let told = await withTaskGroup(of: Bool.self) { group in
          group.addTask {
            for await _ in events { return true }; return false
          }
          group.addTask { (try? await Task.sleep(for: .seconds(20))) == nil }
          defer { group.cancelAll() }
          return await group.next() ?? false
        }
        #expect(told, "\(damage)")
        await cloud.applyAll()
      }
    }
  }
}
