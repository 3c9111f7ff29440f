import Drivers
import Kit
import NodeLink
import Testing

@testable import Dataplane

/// What a removed rule cuts, and what it leaves.
@Suite struct FlowTests {
  private static let ssh =
    "tcp      6 431999 ESTABLISHED src=203.0.113.1 dst=10.0.0.5 sport=50000 dport=22 src=10.0.0.5 dst=203.0.113.1 "
    + "sport=22 dport=50000 [ASSURED] mark=0 zone=7 use=1"

  @Test func readsTheDirectionAFlowWasBegunIn() throws {
    let flow = try #require(Flow(line: Self.ssh[...]))
    #expect(flow.protocolNumber == 6)
    #expect(flow.source.description == "203.0.113.1")
    #expect(flow.destinationPort == 22)
    #expect(
      flow.selector == ["-p", "6", "-s", "203.0.113.1", "-d", "10.0.0.5", "--sport", "50000", "--dport", "22"])
    let ping =
      "icmp     1 29 src=10.0.0.5 dst=203.0.113.1 type=8 code=0 id=1 src=203.0.113.1 dst=10.0.0.5 type=0 code=0"
    #expect(Flow(line: ping[...])?.icmpType == 8)
    #expect(Flow(line: "conntrack v1.4.7 (conntrack-tools): 1 flow entries have been shown.") == nil)
  }

  @Test func judgesByTheRulesAsTheyAreNow() throws {
    let flow = try #require(Flow(line: Self.ssh[...]))
    #expect(try judge([rule(.ingress, number: 6, ports: 22...22)]).allows(flow, zone: 7))
    #expect(try judge([rule(.ingress, number: 6, ports: 20...30, remote: "203.0.113.0/24")]).allows(flow, zone: 7))
    #expect(try !judge([rule(.ingress, number: 6, ports: 80...80)]).allows(flow, zone: 7))
    #expect(try !judge([rule(.ingress, number: 17)]).allows(flow, zone: 7))
    #expect(try !judge([rule(.ingress, number: 6, remote: "198.51.100.0/24")]).allows(flow, zone: 7))
    #expect(try !judge([rule(.egress)]).allows(flow, zone: 7))
    // The same address in another network is another guest's.
    #expect(try judge([rule(.egress)]).allows(flow, zone: 8))
    #expect(try !judge([rule(.egress)]).knows(FlowRecord.Cut(zone: 8, address: "10.0.0.5")))
  }

  @Test func aFlowTheGuestBeganGoesByEgressRules() throws {
    let line =
      "udp      17 20 src=10.0.0.5 dst=198.51.100.1 sport=4000 dport=53 src=198.51.100.1 dst=10.0.0.5 sport=53 dport=4000"
    let flow = try #require(Flow(line: line[...]))
    #expect(try judge([rule(.egress)]).allows(flow, zone: 7))
    #expect(try !judge([rule(.ingress)]).allows(flow, zone: 7))
    let metadata =
      "tcp 6 10 TIME_WAIT src=10.0.0.5 dst=169.254.169.254 sport=4000 dport=80 src=169.254.169.254 dst=10.0.0.5"
    #expect(try judge([]).allows(try #require(Flow(line: metadata[...])), zone: 7))
  }

  private func rule(
    _ direction: SecurityGroupSpec.Rule.Direction, number: Int? = nil, ports: ClosedRange<Int>? = nil,
    remote: String? = nil
  ) -> SecurityGroupSpec.Rule {
    SecurityGroupSpec.Rule(
      id: Identifier.uuid(), direction: direction, ipVersion: 4, protocolNumber: number, portMin: ports?.lowerBound,
      portMax: ports?.upperBound, remoteCIDR: remote, remoteGroupID: nil)
  }

  private func judge(_ rules: [SecurityGroupSpec.Rule]) throws -> FlowJudge {
    let names = Names(tag: CloudTag(cloudID: Identifier.uuid()), externalBridge: "none")
    let group = try CheckedGroup(SecurityGroupSpec(id: Identifier.uuid(), stateful: true, rules: rules))
    let port = try CheckedPort(
      PortSpec(
        id: Identifier.uuid(), networkID: Identifier.uuid(), projectID: "p", deviceID: "d", mac: "fa:16:3e:00:00:01",
        fixedIPs: [.init(subnetID: Identifier.uuid(), address: "10.0.0.5")], adminStateUp: true,
        portSecurityEnabled: true, allowedAddressPairs: [], securityGroupIDs: [group.id], hostname: "h",
        extraDHCPOptions: []), names: names)
    let input = RuleInput(
      names: names, ports: [.init(port: port, number: 1, external: false, stateful: true)], groups: [group],
      addressSets: [:], zones: [:])
    return FlowJudge(input: input) { _ in 7 }
  }
}
