import Contracts
import Kit
import NodeLink
import Testing

@testable import Networks

/// Security groups and their rules.
struct SecurityGroupTests {
  @Test func newGroupLetsOutAndNothingIn() async throws {
    let cloud = try await Fixture()
    let group = try await cloud.make("security-groups", "{\"name\": \"web\"}")
    let rules = group["security_group_rules"]?.array ?? []
    #expect(rules.count == 2 && rules.allSatisfy { $0[path: "direction"] == "egress" && $0["protocol"] == .null })
    #expect(Set(rules.map { $0[path: "ethertype"] }) == ["IPv4", "IPv6"])
    #expect(group["stateful"] == .bool(true))
  }

  @Test func defaultGroupIsOneEvenWhenManyAsk() async throws {
    let cloud = try await Fixture()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<20 { group.addTask { _ = try? await cloud.call("GET", "/security-groups") } }
    }
    let groups = try await cloud.call("GET", "/security-groups")["security_groups"].array ?? []
    #expect(groups.count == 1)
    let group = try #require(groups.first)
    let rules = group["security_group_rules"]?.array ?? []
    #expect(
      rules.filter { $0[path: "direction"] == "ingress" }.allSatisfy {
        $0[path: "remote_group_id"] == group[path: "id"]
      })
    #expect(rules.count == 4)
    let id = group[path: "id"]
    #expect(try await cloud.call("DELETE", "/security-groups/\(id)").fault == "SecurityGroupCannotRemoveDefault")
    let renamed = try await cloud.call("PUT", "/security-groups/\(id)", "{\"security_group\": {\"name\": \"x\"}}")
    #expect(renamed.fault == "SecurityGroupCannotUpdateDefault")
    let second = try await cloud.call("POST", "/security-groups", "{\"security_group\": {\"name\": \"default\"}}")
    #expect(second.fault == "SecurityGroupDefaultAlreadyExists")
  }

  @Test(arguments: [
    ("\"direction\": \"up\"", 400, "HTTPBadRequest"), ("\"protocol\": \"tcp\"", 400, "HTTPBadRequest"),
    ("\"direction\": \"ingress\", \"ethertype\": \"IPv5\"", 400, "SecurityGroupRuleInvalidEtherType"),
    ("\"direction\": \"ingress\", \"protocol\": \"carrier-pigeon\"", 400, "SecurityGroupRuleInvalidProtocol"),
    ("\"direction\": \"ingress\", \"protocol\": 256", 400, "SecurityGroupRuleInvalidProtocol"),
    ("\"direction\": \"ingress\", \"protocol\": \"ipv6-icmp\"", 400, "SecurityGroupEthertypeConflictWithProtocol"),
    ("\"direction\": \"ingress\", \"port_range_min\": 80", 400, "SecurityGroupProtocolRequiredWithPorts"),
    ("\"direction\": \"ingress\", \"protocol\": \"tcp\", \"port_range_min\": 80", 400, "SecurityGroupInvalidPortRange"),
    (
      "\"direction\": \"ingress\", \"protocol\": \"tcp\", \"port_range_min\": 80, \"port_range_max\": 79", 400,
      "SecurityGroupInvalidPortRange"
    ),
    (
      "\"direction\": \"ingress\", \"protocol\": \"tcp\", \"port_range_min\": 0, \"port_range_max\": 79", 400,
      "SecurityGroupInvalidPortValue"
    ),
    (
      "\"direction\": \"ingress\", \"protocol\": \"tcp\", \"port_range_min\": 1, \"port_range_max\": 65536", 400,
      "HTTPBadRequest"
    ),
    (
      "\"direction\": \"ingress\", \"protocol\": \"vrrp\", \"port_range_min\": 1, \"port_range_max\": 2", 400,
      "SecurityGroupInvalidProtocolForPort"
    ),
    ("\"direction\": \"ingress\", \"protocol\": \"icmp\", \"port_range_max\": 2", 400, "SecurityGroupMissingIcmpType"),
    (
      "\"direction\": \"ingress\", \"protocol\": \"icmp\", \"port_range_min\": 256", 400,
      "SecurityGroupInvalidIcmpValue"
    ),
    ("\"direction\": \"ingress\", \"remote_ip_prefix\": \"fd00::/8\"", 400, "SecurityGroupRuleParameterConflict"),
    ("\"direction\": \"ingress\", \"remote_ip_prefix\": \"everyone\"", 400, "HTTPBadRequest"),
    (
      "\"direction\": \"ingress\", \"remote_address_group_id\": \"6a7c1e0e-3c56-4bc5-8a0f-6f4f3d1f0001\"", 400,
      "HTTPBadRequest"
    ),
    (
      "\"direction\": \"ingress\", \"remote_group_id\": \"6a7c1e0e-3c56-4bc5-8a0f-6f4f3d1f0001\"", 404,
      "SecurityGroupNotFound"
    ),
    (
      """
      "direction": "ingress", "remote_ip_prefix": "10.0.0.0/8", "remote_group_id": "6a7c1e0e-3c56-4bc5-8a0f-6f4f3d1f0001"
      """, 400, "SecurityGroupMultipleRemoteEntites"
    ),
    ("\"direction\": \"egress\"", 409, "SecurityGroupRuleExists"),
    ("\"direction\": \"ingress\", \"qos\": 1", 400, "HTTPBadRequest"),
  ])
  func badRules(_ members: String, _ status: Int, _ fault: String) async throws {
    let cloud = try await Fixture()
    let group = try await cloud.make("security-groups", "{\"name\": \"web\"}")[path: "id"]
    let answer = try await cloud.call(
      "POST", "/security-group-rules", "{\"security_group_rule\": {\"security_group_id\": \"\(group)\", \(members)}}")
    #expect(answer.status == status && answer.fault == fault, "\(answer)")
    let after = try await cloud.call("GET", "/security-group-rules?security_group_id=\(group)")
    #expect(after["security_group_rules"].ids.count == 2)
  }

  @Test(
    arguments: [
      ("\"icmp\"", "IPv4", 1), ("\"icmp\"", "IPv6", 58), ("\"icmpv6\"", "IPv6", 58), ("\"ipv6-icmp\"", "IPv6", 58),
      ("6", "IPv4", 6), ("\"17\"", "IPv4", 17), ("\"TCP\"", "IPv6", 6), ("\"any\"", "IPv4", nil), ("0", "IPv4", nil),
    ] as [(String, String, Int?)])
  func protocols(_ name: String, _ ethertype: String, _ number: Int?) async throws {
    let cloud = try await Fixture()
    let (network, _) = try await cloud.network()
    let group = try await cloud.make("security-groups", "{\"name\": \"web\"}")[path: "id"]
    let rule = try await cloud.make(
      "security-group-rules",
      "{\"security_group_id\": \"\(group)\", \"direction\": \"ingress\", \"ethertype\": \"\(ethertype)\", \"protocol\": \(name)}"
    )
    _ = try await cloud.attach(Identifier.uuid(), [.network(id: network, fixedIP: nil, tag: nil)], groups: [group])
    let spec = try await cloud.manifest().group(group)?.rules.first { $0.id == rule[path: "id"] }
    #expect(spec?.protocolNumber == number && spec != nil)
  }

  @Test func usedAndNamedGroups() async throws {
    let cloud = try await Fixture()
    let (network, _) = try await cloud.network()
    let web = try await cloud.make("security-groups", "{\"name\": \"web\"}")[path: "id"]
    let clients = try await cloud.make("security-groups", "{\"name\": \"clients\"}")[path: "id"]
    _ = try await cloud.make(
      "security-group-rules",
      "{\"security_group_id\": \"\(web)\", \"direction\": \"ingress\", \"remote_group_id\": \"\(clients)\"}")
    _ = try await cloud.attach(Identifier.uuid(), [.network(id: network, fixedIP: nil, tag: nil)], groups: ["web"])
    #expect(try await cloud.call("DELETE", "/security-groups/\(web)").fault == "SecurityGroupInUse")
    #expect(try await cloud.manifest().set(clients) != nil)
    // The named group goes: so do the rules that named it, on the node too.
    #expect(try await cloud.call("DELETE", "/security-groups/\(clients)").status == 204)
    let objects = try await cloud.manifest()
    #expect(objects.set(clients) == nil && objects.group(web)?.rules.count == 2)
  }

  @Test func bulkRulesWithDuplicates() async throws {
    let cloud = try await Fixture()
    let group = try await cloud.make("security-groups", "{\"name\": \"web\"}")[path: "id"]
    let rule = "{\"security_group_id\": \"\(group)\", \"direction\": \"ingress\", \"protocol\": \"tcp\"}"
    let answer = try await cloud.call("POST", "/security-group-rules", "{\"security_group_rules\": [\(rule), \(rule)]}")
    #expect(answer.status == 409)
    let left = try await cloud.call("GET", "/security-groups/\(group)")["security_group"]["security_group_rules"]
    #expect(left?.array?.count == 2)
  }
}
