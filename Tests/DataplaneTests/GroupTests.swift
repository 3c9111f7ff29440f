import Drivers
import Kit
import NodeLink
import Testing

@testable import Dataplane

/// Two guests on one network: what gets through, and what stops getting through.
@Suite struct GroupTests {
  @Test func dhcpOffersThePortItsAddressRoutesAndMTU() async throws {
    try await TestCloud.with { cloud in
      let network = cloud.addNetwork(11)
      let port = cloud.addPort(network, 20)
      await cloud.applyAll()
      let guest = try await cloud.frames(port)
      guest.send(try Frame.dhcp(type: 1, mac: guest.mac))
      let frame = try #require(guest.first(within: 10_000) { DHCPAnswer($0) != nil })
      let offer = try #require(DHCPAnswer(frame))
      #expect(offer.address == IPAddress("10.11.0.20"))
      #expect(offer.options[26] == Frame.word(1450))
      #expect(offer.options[6] == [9, 9, 9, 9])
      #expect(offer.options[12] == Array("guest-20".utf8))
      #expect(offer.options[121] == [32, 169, 254, 169, 254, 10, 11, 0, 2, 0, 10, 11, 0, 1])
    }
  }

  @Test func rulesBlockAllowAndCutEstablishedFlows() async throws {
    try await TestCloud.with { cloud in
      let network = cloud.addNetwork(12)
      let closed = cloud.addGroup()
      let a = cloud.addPort(network, 21, groups: [closed])
      let b = cloud.addPort(network, 22, groups: [closed])
      await cloud.applyAll()
      let (one, two) = (try await cloud.frames(a), try await cloud.frames(b))
      try one.udp(to: two, port: 53, text: "blocked")
      #expect(!two.hears("blocked", within: 300))

      let open = TestCloud.rule(.ingress, number: 17, ports: 53...53)
      cloud.intent.securityGroups[closed]?.rules.append(open)
      await cloud.applyAll()
      try one.udp(to: two, port: 53, text: "allowed")
      #expect(two.hears("allowed"))
      try two.udp(to: one, port: 4000, from: 53, text: "answer")
      #expect(one.hears("answer"))
      try one.udp(to: two, port: 54, text: "other port")
      #expect(!two.hears("other port", within: 300))

      cloud.intent.securityGroups[closed]?.rules.removeLast()
      await cloud.applyAll()
      try one.udp(to: two, port: 53, text: "cut off")
      #expect(!two.hears("cut off", within: 300))
      try two.udp(to: one, port: 4000, from: 53, text: "late answer")
      #expect(!one.hears("late answer", within: 300))
    }
  }

  @Test func membersOfARemoteGroupGetIn() async throws {
    try await TestCloud.with { cloud in
      let network = cloud.addNetwork(13)
      let members = cloud.addGroup()
      let guarded = cloud.addGroup([TestCloud.rule(.ingress, number: 17, group: members)])
      let a = cloud.addPort(network, 21, groups: [members])
      let b = cloud.addPort(network, 22, groups: [guarded])
      await cloud.applyAll()
      let (one, two) = (try await cloud.frames(a), try await cloud.frames(b))
      try one.udp(to: two, port: 53, text: "no member yet")
      #expect(!two.hears("no member yet", within: 300))
      cloud.intent.addressSets[members] = AddressSetSpec(id: members, addresses: ["10.13.0.21"])
      await cloud.applyAll()
      try one.udp(to: two, port: 53, text: "member")
      #expect(two.hears("member"))
      cloud.intent.addressSets[members]?.addresses = ["10.13.0.99"]
      await cloud.applyAll()
      try one.udp(to: two, port: 53, text: "former member")
      #expect(!two.hears("former member", within: 300))
    }
  }

  @Test func dhcpv6GivesThePortItsAddress() async throws {
    try await TestCloud.with { cloud in
      let network = cloud.addNetwork(23, six: "dhcpv6-stateful")
      let port = cloud.addPort(network, 0x20)
      await cloud.applyAll()
      let guest = try await cloud.frames(port)
      let source = IPAddress.linkLocal(mac: guest.mac).description
      let identity = Frame.word(1) + Frame.word(10) + Frame.word(3) + Frame.word(1) + Frame.bytes(guest.mac)
      let wish = Frame.word(3) + Frame.word(12) + [0, 0, 0, 1] + [UInt8](repeating: 0, count: 8)
      let elapsed = Frame.word(8) + Frame.word(2) + [0, 0]
      let solicit = Frame.udp(546, 547, [1, 7, 7, 7] + identity + wish + elapsed)
      let summed = try Frame.summed6(source, "ff02::1:2", number: 17, offset: 6, solicit)
      let packet = try Frame.ip6(source, "ff02::1:2", number: 17, summed)
      guest.send(Frame.ethernet(guest.mac, MACAddress(bits: 0x3333_0001_0002), type: 0x86dd, packet))
      // The server asks who has the address it answers to.
      let wanted = try #require(IPAddress("fd00:23::20")).bytes
      let answer = guest.first(within: 10_000) { frame in
        if frame.count >= 78, frame[12] == 0x86, frame[54] == 135 {
          let asking = IPAddress(version: 6, bits: frame[22..<38].reduce(UInt128(0)) { $0 << 8 | UInt128($1) })
          let own = IPAddress.linkLocal(mac: guest.mac).bytes
          let server = MACAddress(bits: frame[6..<12].reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
          let body = [0x60, 0, 0, 0] + own + [2, 1] + Frame.bytes(guest.mac)
          if let reply = try? Frame.icmp6(source, asking.description, type: 136, body: body) {
            guest.send(Frame.ethernet(guest.mac, server, type: 0x86dd, reply))
          }
        }
        return frame.count > 80 && frame[12] == 0x86 && frame[20] == 17
          && (0...(frame.count - 16)).contains { frame[$0..<($0 + 16)].elementsEqual(wanted) }
      }
      #expect(answer != nil)
    }
  }

  /// A stateless group lets answers in only by a rule of their own.
  @Test func statelessGroupsRememberNothing() async throws {
    try await TestCloud.with { cloud in
      let network = cloud.addNetwork(24)
      let stateless = cloud.addGroup()
      cloud.intent.securityGroups[stateless]?.stateful = false
      let a = cloud.addPort(network, 21, groups: [stateless])
      let b = cloud.addPort(network, 22, groups: [cloud.addGroup([TestCloud.rule(.ingress, number: 17)])])
      await cloud.applyAll()
      let (one, two) = (try await cloud.frames(a), try await cloud.frames(b))
      try one.udp(to: two, port: 53, text: "question")
      #expect(two.hears("question"))
      try two.udp(to: one, port: 4000, from: 53, text: "no rule for it")
      #expect(!one.hears("no rule for it", within: 300))
      cloud.intent.securityGroups[stateless]?.rules.append(TestCloud.rule(.ingress, number: 17, ports: 4000...4000))
      await cloud.applyAll()
      try two.udp(to: one, port: 4000, from: 53, text: "its own rule")
      #expect(one.hears("its own rule"))
    }
  }

  @Test func portAskedToBeDownIsDown() async throws {
    try await TestCloud.with { cloud in
      let network = cloud.addNetwork(25)
      let port = cloud.addPort(network, 21)
      cloud.intent.ports[port.id]?.adminStateUp = false
      await cloud.applyAll()
      let down = try await HostLinks.read()[cloud.driver.tap(portID: port.id)]
      #expect(down?.up == false && down?.linkinfo?.info_data?.vnet_hdr == true)
      cloud.intent.ports[port.id]?.adminStateUp = true
      await cloud.applyAll()
      let up = try await HostLinks.read()[cloud.driver.tap(portID: port.id)]
      #expect(up?.up == true)
    }
  }
}
