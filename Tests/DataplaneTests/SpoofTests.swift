import Drivers
import Kit
import NodeLink
import Testing

@testable import Dataplane

/// A hostile guest says what is not its own: its neighbour, who lets everything in, hears nothing of it.
@Suite struct SpoofTests {
  /// Ports that allow everything in, so that only anti-spoofing decides.
  private static func pair(_ cloud: TestCloud, _ number: Int) async throws -> (FrameGuest, FrameGuest, [PortSpec]) {
    let network = cloud.addNetwork(number, six: "slaac")
    let everything = cloud.addGroup([4, 6].map { TestCloud.rule(.ingress, version: $0) })
    let ports = [21, 22].map { cloud.addPort(network, $0, groups: [everything]) }
    await cloud.applyAll()
    return (try await cloud.frames(ports[0]), try await cloud.frames(ports[1]), ports)
  }

  private static let other = MACAddress(bits: 0xfa16_3e99_9999)

  @Test func forgedIPv4AndARPGoNowhere() async throws {
    try await TestCloud.with { cloud in
      let (one, two, _) = try await Self.pair(cloud, 14)
      try one.udp(to: two, port: 9, text: "true")
      #expect(two.hears("true"))
      try one.udp(to: two, port: 9, source: "10.14.0.99", text: "forged source")
      let packet = try Frame.ip4(one.address, two.address, number: 17, Frame.udp(9, 9, Array("forged MAC".utf8)))
      one.send(Frame.ethernet(Self.other, two.mac, type: 0x0800, packet))
      one.send(Frame.ethernet(one.mac, two.mac, type: 0x88b5, Array("other ether type".utf8)))
      one.send(Frame.ethernet(one.mac, two.mac, type: 0x8100, Frame.word(5) + Frame.word(0x0800) + packet))
      let senders = [Frame.bytes(one.mac), Frame.bytes(Self.other)]
      #expect(two.first(within: 400) { senders.contains(Array($0[6..<12])) } == nil)
      let asks = [
        try Frame.arp(operation: 1, senderMAC: one.mac, sender: "10.14.0.1", target: two.address),
        try Frame.arp(operation: 2, senderMAC: Self.other, sender: one.address, target: two.address),
        try Frame.arp(operation: 1, senderMAC: one.mac, sender: "0.0.0.0", target: "10.14.0.22"),
      ]
      for arp in asks { one.send(Frame.ethernet(one.mac, Frame.broadcast, type: 0x0806, arp)) }
      #expect(
        two.first(within: 400) { $0[12] == 8 && $0[13] == 6 && $0[6..<12].elementsEqual(Frame.bytes(one.mac)) } == nil)
      let honest = try Frame.arp(operation: 1, senderMAC: one.mac, sender: one.address, target: two.address)
      one.send(Frame.ethernet(one.mac, Frame.broadcast, type: 0x0806, honest))
      #expect(two.first(within: 10_000) { $0[12] == 8 && $0[13] == 6 } != nil)
    }
  }

  @Test func forgedDHCPGoesNowhere() async throws {
    try await TestCloud.with { cloud in
      let (one, two, _) = try await Self.pair(cloud, 15)
      let offer = try Frame.ip4(one.address, two.address, number: 17, Frame.udp(67, 68, Array("offer".utf8)))
      one.send(Frame.ethernet(one.mac, two.mac, type: 0x0800, offer))
      one.send(Frame.ethernet(one.mac, Frame.broadcast, type: 0x0800, offer))
      #expect(!two.hears("offer", within: 300))
      one.send(try Frame.dhcp(type: 1, mac: one.mac, chaddr: two.mac))
      #expect(two.first(within: 400) { DHCPAnswer($0) != nil } == nil)
      #expect(one.first(within: 200) { DHCPAnswer($0) != nil } == nil)
    }
  }

  @Test func forgedIPv6AndNeighbourDiscoveryGoNowhere() async throws {
    try await TestCloud.with { cloud in
      let (one, two, ports) = try await Self.pair(cloud, 16)
      let mine = ports[0].fixedIPs[1].address
      let theirs = ports[1].fixedIPs[1].address
      let linkLocal = IPAddress.linkLocal(mac: one.mac).description
      let all = "ff02::1"
      let allMAC = MACAddress(bits: 0x3333_0000_0001)
      func send(_ source: String, _ type: Int, _ body: [UInt8]) throws {
        one.send(Frame.ethernet(one.mac, allMAC, type: 0x86dd, try Frame.icmp6(source, all, type: type, body: body)))
      }
      func six(_ text: String) throws -> [UInt8] { try #require(IPAddress(text)).bytes }
      try send(linkLocal, 134, [64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0])
      try send(linkLocal, 137, try [0, 0, 0, 0] + six(theirs) + six(mine))
      try send(mine, 136, try [0x20, 0, 0, 0] + six(theirs))
      try send("fe80::1", 136, try [0x20, 0, 0, 0] + six("fe80::1"))
      try send("::", 135, try [0, 0, 0, 0] + six(theirs))
      try send("fd00:16::99", 135, try [0, 0, 0, 0] + six(theirs))
      let payload = try Frame.summed6(
        "fd00:16::99", theirs, number: 17, offset: 6, Frame.udp(9, 9, Array("forged".utf8)))
      let forged = try Frame.ip6("fd00:16::99", theirs, number: 17, payload)
      one.send(Frame.ethernet(one.mac, two.mac, type: 0x86dd, forged))
      let server = try Frame.summed6(linkLocal, theirs, number: 17, offset: 6, Frame.udp(547, 546, [7]))
      one.send(Frame.ethernet(one.mac, two.mac, type: 0x86dd, try Frame.ip6(linkLocal, theirs, number: 17, server)))
      #expect(two.first(within: 500) { $0[6..<12].elementsEqual(Frame.bytes(one.mac)) } == nil)

      try send(mine, 136, try [0x20, 0, 0, 0] + six(mine))
      #expect(two.first(within: 10_000) { $0[12] == 0x86 && $0[54] == 136 } != nil)
      try send("::", 135, try [0, 0, 0, 0] + six(mine))
      #expect(two.first(within: 10_000) { $0[12] == 0x86 && $0[54] == 135 } != nil)
      let true6 = try Frame.summed6(mine, theirs, number: 17, offset: 6, Frame.udp(9, 9, Array("true six".utf8)))
      one.send(Frame.ethernet(one.mac, two.mac, type: 0x86dd, try Frame.ip6(mine, theirs, number: 17, true6)))
      #expect(two.hears("true six"))
    }
  }

  /// A router advertisement behind an extension header and a fragment header is still one.
  @Test func fragmentedRouterAdvertisementGoesNowhere() async throws {
    try await TestCloud.with { cloud in
      let (one, two, _) = try await Self.pair(cloud, 17)
      let source = IPAddress.linkLocal(mac: one.mac).description
      let message = try Frame.summed6(
        source, "ff02::1", number: 58, offset: 2, [134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0])
      let options: [UInt8] = [58, 0, 1, 4, 0, 0, 0, 0]
      let first = try Frame.ip6(source, "ff02::1", number: 44, [60, 0, 0, 1, 0, 0, 0, 7] + options)
      let second = try Frame.ip6(source, "ff02::1", number: 44, [60, 0, 0, 8, 0, 0, 0, 7] + message)
      for packet in [first, second] {
        one.send(Frame.ethernet(one.mac, MACAddress(bits: 0x3333_0000_0001), type: 0x86dd, packet))
      }
      let whole = try Frame.ip6(source, "ff02::1", number: 60, options + message)
      one.send(Frame.ethernet(one.mac, MACAddress(bits: 0x3333_0000_0001), type: 0x86dd, whole))
      #expect(two.first(within: 500) { $0[6..<12].elementsEqual(Frame.bytes(one.mac)) } == nil)
    }
  }

  @Test func allowedPairsAndOpenPortsPass() async throws {
    try await TestCloud.with { cloud in
      let network = cloud.addNetwork(18)
      let everything = cloud.addGroup([TestCloud.rule(.ingress)])
      let a = cloud.addPort(network, 21, groups: [everything])
      let b = cloud.addPort(network, 22, groups: [everything])
      cloud.intent.ports[a.id]?.allowedAddressPairs = [
        .init(mac: a.mac, address: "10.18.0.0/28"), .init(mac: Self.other.description, address: "0.0.0.0/0"),
      ]
      await cloud.applyAll()
      let (one, two) = (try await cloud.frames(a), try await cloud.frames(b))
      try one.udp(to: two, port: 9, source: "10.18.0.7", text: "pair")
      #expect(two.hears("pair"))
      try one.udp(to: two, port: 9, source: "10.18.0.77", text: "outside the pair")
      #expect(!two.hears("outside the pair", within: 300))
      let packet = try Frame.ip4("7.7.7.7", two.address, number: 17, Frame.udp(9, 9, Array("other MAC".utf8)))
      one.send(Frame.ethernet(Self.other, two.mac, type: 0x0800, packet))
      #expect(two.hears("other MAC"))

      cloud.intent.ports[a.id]?.portSecurityEnabled = false
      await cloud.applyAll()
      try one.udp(to: two, port: 9, source: "10.18.0.77", text: "no security")
      #expect(two.hears("no security"))
    }
  }

  @Test func tapThatNobodyDescribedPassesNothing() async throws {
    try await TestCloud.with { cloud in
      let network = cloud.addNetwork(19)
      let everything = cloud.addGroup([TestCloud.rule(.ingress)])
      let a = cloud.addPort(network, 21, groups: [everything])
      let stray = cloud.addPort(network, 22, groups: [everything])
      await cloud.applyAll()
      cloud.intent.ports[stray.id] = nil
      await cloud.applyAll()
      let (one, two) = (try await cloud.frames(a), try await cloud.frames(stray))
      try two.udp(to: one, port: 9, text: "from the stray")
      #expect(!one.hears("from the stray", within: 300))
      try one.udp(to: two, port: 9, text: "to the stray")
      #expect(!two.hears("to the stray", within: 300))
      cloud.intent.removed.insert(ObjectKey(.port, stray.id))
    }
  }

  @Test func overlappingNetworksStayApart() async throws {
    try await TestCloud.with { cloud in
      var guests: [FrameGuest] = []
      for _ in 0..<2 {
        let network = cloud.addNetwork(20)
        let group = cloud.addGroup([TestCloud.rule(.ingress, number: 17)])
        let ports = [21, 22].map { cloud.addPort(network, $0, groups: [group]) }
        await cloud.applyAll()
        for port in ports { guests.append(try await cloud.frames(port)) }
      }
      try guests[0].udp(to: guests[1], port: 9, text: "first network")
      #expect(guests[1].hears("first network"))
      #expect(!guests[3].hears("first network", within: 200))
      try guests[2].udp(to: guests[3], port: 9, text: "second network")
      #expect(guests[3].hears("second network"))
      #expect(!guests[1].hears("second network", within: 200))
      try guests[0].udp(to: guests[3], port: 9, text: "across")
      #expect(!guests[3].hears("across", within: 200))
    }
  }
}
