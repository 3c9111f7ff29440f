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
      let frame = try #require(guest.first(within: 3000) { DHCPAnswer($0) != nil })
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
}
