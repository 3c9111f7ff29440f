import Drivers
import Foundation
import Kit
import NodeLink
import Testing

@testable import Dataplane

/// What is written for the kernel and the daemons, without a host.
@Suite struct RenderTests {
  private static func names() -> Names {
    let tag = CloudTag(cloudID: Identifier.uuid())
    return Names(tag: tag, externalBridge: tag.interface(.external, ""))
  }

  @Test(arguments: [
    "1.1.1.1\nlog-facility=/etc/passwd", "a\rb", "tab\there", "quote\"", "back\\slash", "a #b", "#b", "ü",
  ])
  func optionValuesCannotLeaveTheirLine(value: String) {
    #expect(throws: Refusal.self) { try ConfigText.value(value) }
  }

  @Test(arguments: ["", "router,option:mtu", "a b", "a:b", "a\n", "tag=x"])
  func optionNamesAreWords(name: String) {
    #expect(throws: Refusal.self) { try ConfigText.word(name) }
  }

  @Test func refusedOptionLeavesTheOthers() throws {
    let names = Self.names()
    let cloud = TestCloud()
    let network = cloud.addNetwork(51)
    var bad = cloud.addPort(network, 21)
    bad.extraDHCPOptions = [.init(name: "67", value: "x\ndhcp-script=/bin/sh", ipVersion: 4)]
    var good = cloud.addPort(network, 22)
    good.extraDHCPOptions = [.init(name: "bootfile-name", value: "http://10.0.0.1/a,b", ipVersion: 4)]
    let config = DnsmasqConfig(
      network: try CheckedNetwork(network, names: names),
      ports: [try CheckedPort(bad, names: names), try CheckedPort(good, names: names)], device: "ns", directory: "/d")
    #expect(config.refused.keys.sorted() == [bad.id])
    #expect(config.options.contains("tag:port-\(good.id),option:bootfile-name,http://10.0.0.1/a,b"))
    #expect(!config.options.contains { $0.contains("script") || $0.contains("\n") })
    #expect(config.hosts.count == 2)
    #expect(!config.arguments.contains { $0.contains("script") })
  }

  @Test func rangesMergeAndSort() throws {
    let blocks = ["10.0.0.5", "10.0.0.4/31", "10.0.0.0/30", "fd00::/64", "fd00::1", "192.168.0.0/24"].compactMap(
      CIDR.init)
    let ranges = AddressRanges(blocks)
    #expect(ranges.elements(version: 4) == "10.0.0.0-10.0.0.5, 192.168.0.0-192.168.0.255")
    #expect(ranges.elements(version: 6) == "fd00::-fd00::ffff:ffff:ffff:ffff")
  }

  @Test func refusesRulesThatNoFirewallUnderstands() {
    let bad: [SecurityGroupSpec.Rule] = [
      TestCloud.rule(.ingress, number: 112, ports: 80...80), TestCloud.rule(.ingress, number: 6, ports: 80...70_000),
      TestCloud.rule(.ingress, version: 5), TestCloud.rule(.ingress, version: 6, cidr: "10.0.0.0/8"),
      TestCloud.rule(.ingress, cidr: "10.0.0.0/8; drop"), TestCloud.rule(.ingress, number: 999),
      TestCloud.rule(.ingress, ports: 1...2), TestCloud.rule(.ingress, cidr: "10.0.0.0/8", group: Identifier.uuid()),
    ]
    for rule in bad { #expect(throws: Refusal.self) { try CheckedGroup.Rule(rule) } }
  }

  /// Each kind of rule goes through the kernel, in a namespace of its own.
  @Test func kernelTakesEveryKindOfRule() async throws {
    let names = Self.names()
    let cloud = TestCloud()
    let other = Identifier.uuid()
    var rules: [SecurityGroupSpec.Rule] = []
    for version in [4, 6] {
      let block = version == 4 ? "10.0.0.0/8" : "fd00::/8"
      for direction in [SecurityGroupSpec.Rule.Direction.ingress, .egress] {
        rules.append(TestCloud.rule(direction, version: version))
        rules.append(TestCloud.rule(direction, version: version, group: other))
        for number in [6, 17, 33, 132, 136] {
          rules.append(TestCloud.rule(direction, version: version, number: number, ports: 80...90, cidr: block))
        }
        rules.append(TestCloud.rule(direction, version: version, number: 112))
        rules.append(TestCloud.rule(direction, version: version, number: 1))
        rules.append(TestCloud.rule(direction, version: version, number: 1, ports: 8...8))
      }
    }
    let group = SecurityGroupSpec(id: Identifier.uuid(), stateful: false, rules: rules)
    let network = cloud.addNetwork(52, six: "dhcpv6-stateful")
    let port = try CheckedPort(cloud.addPort(network, 21, groups: [group.id]), names: names)
    var input = RuleInput(
      names: names, ports: [.init(port: port, number: 65_535, external: true, stateful: false)],
      groups: [try CheckedGroup(group)],
      addressSets: [other: AddressRanges([CIDR("10.0.0.0/24"), CIDR("fd00::/8")].compactMap { $0 })],
      zones: ["hb1": 7], masqueraded: CIDR("100.64.0.0/24"), hostPorts: [443])
    input.dropped = ["nobody"]
    let text = RuleLoader.render(input)
    let space = "hng-render-\(names.tag)"
    var batch = IPBatch()
    batch.add("netns add \(space)")
    _ = await batch.run(logger: testLogger)
    let thread = NamespaceThread()
    let listing = try await thread.run(in: space) { () -> String in
      let nftables = try Nftables()
      _ = try nftables.run(text)
      _ = try nftables.run(text)
      return nftables.table("inet", names.tag.nftTable) ?? ""
    }
    #expect(listing.contains("masquerade"))
    _ = try await Tool.run("ip", ["netns", "del", space])
  }

  @Test func oneRefusedGroupStopsOnlyItsPorts() async throws {
    let names = Self.names()
    let cloud = TestCloud()
    let network = cloud.addNetwork(53)
    var good = try CheckedGroup(SecurityGroupSpec(id: Identifier.uuid(), stateful: true, rules: []))
    good.rules = [try .init(TestCloud.rule(.ingress, number: 6, ports: 22...22))]
    var bad = good
    bad.id = Identifier.uuid()
    bad.rules = [.init(ingress: true, version: 4, match: .number(99_999), remote: .anyone)]
    var ports = try [good, bad, good, good].enumerated().map { index, group in
      RuleInput.Port(
        port: try CheckedPort(cloud.addPort(network, 21 + index, groups: [group.id]), names: names),
        number: UInt16(index + 1), external: false, stateful: true)
    }
    // Each may stand alone, but not both: the kernel refuses a map with two verdicts for one tap.
    ports[3].port.tap = ports[2].port.tap
    let input = RuleInput(names: names, ports: ports, groups: [good, bad], addressSets: [:], zones: [:])
    let loader = RuleLoader(
      names: names, path: NSTemporaryDirectory() + "rules-\(names.tag).json", thread: NamespaceThread(),
      logger: testLogger)
    let outcome = try await loader.load(input)
    let refused = outcome.refused
    #expect(refused.keys.contains(ObjectKey(.securityGroup, bad.id)))
    #expect(!refused.keys.contains(ObjectKey(.securityGroup, good.id)))
    #expect(outcome.input.emptied == [bad.id])
    #expect(outcome.input.dropped == [ports[3].port.id])
    #expect(refused.keys.contains(ObjectKey(.port, ports[3].port.id)) && refused.count == 2)
    // Asked for the same again, nothing is tried or loaded again.
    let again = try await loader.load(input)
    #expect(again.loaded == outcome.loaded && again.refused == refused && again.found == nil)
    let table = try await Tool.run("nft", ["list", "table", "inet", names.tag.nftTable]).output
    #expect(table.contains("ingress_\(good.id.compact)") && table.contains("dport 22"))
    for family in ["bridge", "inet"] { _ = try await Tool.run("nft", ["delete", "table", family, names.tag.nftTable]) }
  }

  @Test func radvdSaysWhatTheModesMean() throws {
    let names = Self.names()
    let cloud = TestCloud()
    let setup = RouterTests.build(cloud, 54)
    var spec = try #require(cloud.intent.routers[setup.router])
    #expect(RadvdConfig(router: try CheckedRouter(spec, names: names)).text.contains("AdvAutonomous on"))
    spec.interfaces[0].advertised[0].ipv6RAMode = "dhcpv6-stateful"
    let text = RadvdConfig(router: try CheckedRouter(spec, names: names)).text
    #expect(text.contains("AdvAutonomous off") && text.contains("AdvManagedFlag on"))
    spec.interfaces[0].advertised[0].ipv6RAMode = nil
    #expect(RadvdConfig(router: try CheckedRouter(spec, names: names)).text.isEmpty)
  }

  @Test func flowsAreCutWhereSomethingWasTakenAway() {
    var old = FlowRecord()
    old.ports["a"] = .init(zone: 1, addresses: ["10.0.0.1"], rules: ["x", "y"], remoteGroups: ["g"])
    old.ports["b"] = .init(zone: 1, addresses: ["10.0.0.2"], rules: ["x"], remoteGroups: [])
    old.members = ["g": ["10.0.0.9", "10.0.0.8"]]
    var new = old
    new.ports["a"]?.rules.insert("z")
    new.members["g"]?.insert("10.0.0.7")
    #expect(new.cuts(since: old).isEmpty)
    new.members["g"]?.remove("10.0.0.9")
    #expect(new.cuts(since: old) == [.init(zone: 1, address: "10.0.0.1")])
    new = old
    new.ports["b"]?.rules = ["any"]
    #expect(new.cuts(since: old).isEmpty)
    #expect(old.cuts(since: new) == [.init(zone: 1, address: "10.0.0.2")])
    new.ports["b"] = nil
    #expect(new.cuts(since: old) == [.init(zone: 1, address: "10.0.0.2")])
  }

  @Test(arguments: [
    ("GET /latest/ HTTP/1.1\r\n\r\n", MetadataRequestHead.Outcome.path("/latest/")),
    ("GET //a//b/./c?x=1 HTTP/1.0\n\n", .path("/a/b/c")), ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", .path("/")),
    ("GET http://169.254.169.254/openstack HTTP/1.1\r\n\r\n", .path("/openstack")),
    ("GET /../etc/passwd HTTP/1.1\r\n\r\n", .refused(status: 400)), ("POST / HTTP/1.1\r\n\r\n", .refused(status: 405)),
    ("GET /%2e%2e/x HTTP/1.1\r\n\r\n", .refused(status: 400)), ("nonsense\r\n\r\n", .refused(status: 400)),
    ("GET / HTTP/1.1\r\nHost: x\r\n", .incomplete),
  ])
  func readsRequestHeads(text: String, outcome: MetadataRequestHead.Outcome) {
    #expect(MetadataRequestHead.read(Array(text.utf8)) == outcome)
  }
}
