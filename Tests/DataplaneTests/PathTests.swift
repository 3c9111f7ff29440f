import Drivers
import Foundation
import Kit
import NodeLink
import Testing

@testable import Dataplane

/// The way of a port's packets, hop by hop, with what was counted and dropped.
@Suite struct PathTests {
  private static func hop(_ cloud: TestCloud, _ port: PortSpec, _ kind: String, _ name: String = "") async throws
    -> PacketPath.Hop
  {
    let path = try #require(await cloud.driver.packetPath(portID: port.id))
    return try #require(path.hops.first { $0.kind == kind && $0.name.hasPrefix(name) }, "\(kind): \(path.hops)")
  }

  @Test func everyHopIsTold() async throws {
    try await RouterTests.withGuests(71) { cloud, setup, one, two in
      try await cloud.driver.serveMetadata { _ in MetadataReply(status: 404, contentType: "text/plain", body: []) }
      let reached = try await RouterTests.eventually { try await one.pings("100.64.71.1") }
      #expect(reached)
      let path = try #require(await cloud.driver.packetPath(portID: setup.port.id))
      #expect(
        path.hops.map(\.kind) == [
          "tap", "bridge", "anti-spoofing", "security group", "security group", "dhcp", "metadata", "router",
          "floating ip", "external bridge",
        ])
      for hop in path.hops where hop.kind != "metadata" { #expect(hop.passes, "\(hop)") }
      let counted = path.hops.filter { ["tap", "router", "floating ip"].contains($0.kind) }
      #expect(counted.allSatisfy { ($0.packets ?? 0) > 0 && ($0.bytes ?? 0) > 0 }, "\(counted)")
      #expect(path.hops[3].packets ?? 0 > 0, "egress was asked: \(path.hops[3])")
      #expect(path.hops[5].state.contains("dnsmasq runs"), "\(path.hops[5])")
      let floating = path.hops[8]
      #expect(floating.name == "100.64.71.50" && floating.state.contains("for 10.71.0.21"))
      let before = floating.packets ?? 0
      #expect(try await one.pings("100.64.71.1"))
      #expect(try await Self.hop(cloud, setup.port, "floating ip").packets ?? 0 > before)
      // The other guest has no floating IP, and the router says by what it leaves.
      let other = try await Self.hop(cloud, setup.other, "router")
      #expect(other.state.contains("the source becomes 100.64.71.10"))
      #expect(await cloud.driver.packetPath(portID: Identifier.uuid()) == nil)
    }
  }

  @Test func dropsSayWhereAndWhy() async throws {
    try await TestCloud.with { cloud in
      let network = cloud.addNetwork(72)
      let closed = cloud.addGroup()
      let a = cloud.addPort(network, 21, groups: [closed])
      let b = cloud.addPort(network, 22, groups: [closed])
      await cloud.applyAll()
      let (one, two) = (try await cloud.frames(a), try await cloud.frames(b))
      for _ in 0..<3 { try one.udp(to: two, port: 53, text: "no rule lets it in") }
      try one.udp(to: two, port: 53, source: "10.72.0.99", text: "not its address")
      one.send(Frame.ethernet(two.mac, one.mac, type: 0x0800, [1, 2, 3]))
      let arp = try Frame.arp(operation: 1, senderMAC: one.mac, sender: "10.72.0.1", target: two.address)
      one.send(Frame.ethernet(one.mac, Frame.broadcast, type: 0x0806, arp))
      let server = try Frame.ip4(one.address, two.address, number: 17, Frame.udp(67, 68, [1]))
      one.send(Frame.ethernet(one.mac, two.mac, type: 0x0800, server))
      let dropped = try await RouterTests.eventually {
        try await Self.hop(cloud, b, "security group", "ingress").drops.contains("no ingress rule: 3")
      }
      let last = try await Self.hop(cloud, b, "security group", "ingress")
      #expect(dropped, "\(last)")
      let spoofed = try await Self.hop(cloud, a, "anti-spoofing").drops
      #expect(Set(spoofed) == ["source MAC: 1", "ARP sender: 1", "IPv4 source: 1", "DHCP server: 1"])
      #expect(try await Self.hop(cloud, b, "anti-spoofing").drops == [])
      #expect(try await !Self.hop(cloud, b, "security group", "ingress").passes, "no rule at all")
      #expect(try await Self.hop(cloud, b, "security group", "egress").passes)
    }
  }

  /// What a hand broke is seen at its hop, before anything is repaired.
  @Test func brokenHopsDoNotPass() async throws {
    try await RouterTests.withGuests(73) { cloud, setup, one, two in
      let network = setup.port.networkID
      let tap = cloud.driver.tap(portID: setup.port.id)
      let folder = "\(cloud.directory)/networks/\(network)"
      let pid = try String(contentsOfFile: "\(folder)/pid", encoding: .utf8)
      try await MeddlingTests.commit([
        ["ip", "link", "set", tap, "down"],
        ["nft", "delete", "table", "inet", cloud.tag.nftTable],
        ["kill", "-9", pid.trimmingCharacters(in: .whitespacesAndNewlines)],
        ["ip", "netns", "del", cloud.tag.routerNamespace(setup.router)],
      ])
      let path = try #require(await cloud.driver.packetPath(portID: setup.port.id))
      let broken = Set(path.hops.filter { !$0.passes }.map(\.kind))
      #expect(broken.isSuperset(of: ["tap", "bridge", "security group", "dhcp", "router"]), "\(path.hops)")
      #expect(!broken.contains("anti-spoofing"))
      _ = (one, two)
    }
  }

  @Test func manyPortsAreNoBurden() async throws {
    try await TestCloud.with { cloud in
      let network = cloud.addNetwork(74)
      let group = cloud.addGroup([TestCloud.rule(.ingress, number: 6, ports: 22...22)])
      let ports = (10..<110).map { cloud.addPort(network, $0, groups: [group]) }
      await cloud.applyAll()
      await cloud.applyAll()
      var began = ContinuousClock.now
      let path = await cloud.driver.packetPath(portID: ports[50].id)
      print("packet path with \(ports.count) ports:", ContinuousClock.now - began)
      #expect(path?.hops.first?.kind == "tap")
      began = .now
      #expect(await cloud.apply().changes == [])
      let took = ContinuousClock.now - began
      print("no-op look with \(ports.count) ports:", took, "a port:", took / ports.count)
    }
  }
}
