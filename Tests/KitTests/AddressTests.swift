import Kit
import Testing

struct AddressTests {
  @Test(arguments: ["10.0.0.1", "255.255.255.255", "::", "fd00::1", "fe80::f816:3eff:fe00:1"])
  func addressRoundTrips(text: String) { #expect(IPAddress(text)?.description == text) }

  @Test(arguments: ["", "10.0.0", "10.0.0.256", "10.0.0.1/24", "fe80::1%eth0", "0x7f.1", "::g"])
  func refusesWhatIsNoAddress(text: String) { #expect(IPAddress(text) == nil) }

  @Test func blockKnowsItsEnds() throws {
    let block = try #require(CIDR("10.1.2.3/22"))
    #expect(block.description == "10.1.0.0/22")
    #expect(block.last.description == "10.1.3.255")
    #expect(block.netmask == "255.255.252.0")
    #expect(CIDR("fd00::/64")?.last.description == "fd00::ffff:ffff:ffff:ffff")
    #expect(CIDR("0.0.0.0/0")?.last.description == "255.255.255.255")
  }

  @Test(arguments: ["10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/ 8", "fd00::/129", "10.0.0.0/"])
  func refusesWhatIsNoBlock(text: String) { #expect(CIDR(text) == nil) }

  @Test func overlapsBothWays() throws {
    let wide = try #require(CIDR("10.0.0.0/8"))
    let narrow = try #require(CIDR("10.9.0.0/24"))
    let other = try #require(CIDR("fd00::/8"))
    #expect(wide.overlaps(narrow) && narrow.overlaps(wide))
    #expect(!wide.overlaps(other))
  }

  @Test func macGivesLinkLocalAddress() throws {
    let mac = try #require(MACAddress("fa:16:3e:00:00:01"))
    #expect(mac.description == "fa:16:3e:00:00:01")
    #expect(IPAddress.linkLocal(mac: mac).description == "fe80::f816:3eff:fe00:1")
    #expect(MACAddress("fa:16:3e:00:00") == nil)
    #expect(MACAddress("fa:16:3e:00:00:zz") == nil)
  }
}
