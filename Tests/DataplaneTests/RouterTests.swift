import Drivers
import Foundation
import Kit
import NodeLink
import Testing

@testable import Dataplane

/// Routers, floating IPs and metadata with guests that have a whole network stack.
@Suite struct RouterTests {
  struct Setup {
    var port: PortSpec
    var other: PortSpec
    var router: String
  }

  /// Two ports behind a router with a gateway on the external network `100.64.<n>.0/24`, the host at `.1`.
  static func build(_ cloud: TestCloud, _ number: Int) -> Setup {
    let network = cloud.addNetwork(number, six: "slaac")
    let everything = cloud.addGroup([4, 6].map { TestCloud.rule(.ingress, version: $0) })
    let port = cloud.addPort(network, 21, groups: [everything])
    let other = cloud.addPort(network, 22, groups: [everything])
    let outside = cloud.addNetwork(0, external: true, cidr: "100.64.\(number).0/24")
    let id = Identifier.uuid()
    let six = network.subnets.filter { $0.ipv6RAMode != nil }
    cloud.intent.routers[id] = RouterSpec(
      id: id, projectID: network.projectID, adminStateUp: true,
      interfaces: [
        .init(
          portID: Identifier.uuid(), networkID: network.id, mac: MACAddress.random().description,
          addresses: ["10.\(number).0.1/24", "fd00:\(number)::1/64"], advertised: six, mtu: 1450)
      ],
      gateway: .init(
        portID: Identifier.uuid(), networkID: outside.id, mac: MACAddress.random().description,
        addresses: ["100.64.\(number).10/24"], nexthops: ["100.64.\(number).1"], enableSNAT: true, mtu: 1500),
      floatingIPs: [.init(id: Identifier.uuid(), floating: "100.64.\(number).50", fixed: "10.\(number).0.21")],
      routes: [])
    return Setup(port: port, other: other, router: id)
  }

  static func guest(_ cloud: TestCloud, _ port: PortSpec, _ number: Int) async throws -> StackGuest {
    let address = port.fixedIPs[0].address + "/24"
    return try await StackGuest(
      tap: cloud.driver.tap(portID: port.id), mac: port.mac, addresses: [address], gateway: "10.\(number).0.1")
  }

  /// Runs `body` with both guests of a set-up.
  static func withGuests(
    _ number: Int, _ body: (TestCloud, Setup, StackGuest, StackGuest) async throws -> Void
  ) async throws {
    try await TestCloud.with(externalAddress: "100.64.\(number).1/24") { cloud in
      let setup = build(cloud, number)
      await cloud.applyAll()
      let one = try await guest(cloud, setup.port, number)
      let two = try await guest(cloud, setup.other, number)
      do {
        try await body(cloud, setup, one, two)
      } catch {
        Issue.record(error)
      }
      await one.end()
      await two.end()
    }
  }

  static func eventually(_ body: () async throws -> Bool) async throws -> Bool {
    for _ in 0..<200 {
      if try await body() { return true }
      try await Task.sleep(for: .milliseconds(100))
    }
    return false
  }

  private static func host(_ address: String) async throws -> Bool {
    try await Tool.run("ping", ["-c1", "-W1", address]).succeeded
  }

  @Test func floatingIPGoesInOutAndAround() async throws {
    try await Self.withGuests(31) { cloud, setup, one, two in
      let seen1 = try await Self.eventually { try await Self.host("100.64.31.50") }
      #expect(seen1, "host to floating IP")
      let seen2 = try await two.pings("100.64.31.1")
      #expect(seen2, "SNAT")
      let seen3 = try await two.pings("100.64.31.50")
      #expect(seen3, "hairpin")
      let seen4 = try await one.pings("100.64.31.50")
      #expect(seen4, "its own floating IP")
      let sixes = try await Self.eventually {
        try await one.run(["ip", "-6", "addr", "show", "dev", "eth0"]).output.contains("fd00:31:")
      }
      #expect(sixes, "SLAAC address by the router's advertisement")

      cloud.intent.routers[setup.router]?.floatingIPs = []
      await cloud.applyAll()
      let seen5 = try await Self.host("100.64.31.50")
      #expect(!seen5)
      cloud.intent.routers[setup.router]?.adminStateUp = false
      await cloud.applyAll()
      let seen6 = try await two.pings("100.64.31.1")
      #expect(!seen6)
    }
  }

  @Test func guestsDoNotReachTheHostThroughTheirBridge() async throws {
    try await Self.withGuests(32) { cloud, setup, one, two in
      let seen7 = try await Self.eventually { try await one.pings("10.32.0.22") }
      #expect(seen7, "its neighbour")
      _ = try await one.run(["ip", "route", "add", "100.64.32.1/32", "dev", "eth0"])
      let seen8 = try await one.pings("100.64.32.1")
      #expect(!seen8)
    }
  }

  @Test func externalPortsAreReachedByTheirRules() async throws {
    try await TestCloud.with(externalAddress: "100.64.33.1/24") { cloud in
      let outside = cloud.addNetwork(0, external: true, cidr: "100.64.33.0/24")
      let closed = cloud.addGroup()
      let port = cloud.addPort(outside, 60, groups: [closed])
      await cloud.applyAll()
      let guest = try await StackGuest(
        tap: cloud.driver.tap(portID: port.id), mac: port.mac, addresses: ["100.64.33.60/24"], gateway: nil)
      let seen9 = try await Self.eventually { try await guest.pings("100.64.33.1") }
      #expect(seen9, "to the host")
      let seen10 = try await Self.host("100.64.33.60")
      #expect(!seen10, "closed from the host")
      cloud.intent.securityGroups[closed]?.rules.append(TestCloud.rule(.ingress, number: 1))
      await cloud.applyAll()
      let seen11 = try await Self.host("100.64.33.60")
      #expect(seen11, "open from the host")
      await guest.end()
    }
  }
}
