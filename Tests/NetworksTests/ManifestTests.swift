import Contracts
import Foundation
import Kit
import NodeLink
import Store
import Testing

@testable import Networks

/// What nodes are asked to hold.
struct ManifestTests {
  @Test func boundPortBringsAllItNeeds() async throws {
    let cloud = try await Fixture()
    let (network, subnet) = try await cloud.network()
    #expect(try await cloud.manifest().isEmpty)
    let server = Identifier.uuid()
    let ports = try await cloud.attach(server, nil)
    #expect(ports.count == 1)
    let port = try #require(ports.first)
    #expect(port.status == "DOWN")
    #expect(port.addresses.map(\.type) == ["fixed"])
    #expect(port.subnets.map(\.id) == [subnet])
    #expect(port.securityGroupNames == ["default"])

    let objects = try await cloud.manifest()
    let spec = try #require(objects.port(port.id))
    #expect(spec.deviceID == server && spec.hostname == "vm" && spec.mac == port.mac)
    #expect(spec.fixedIPs.map(\.address) == port.addresses.map(\.address))
    let held = try #require(objects.network(network))
    #expect(held.dhcpPort?.addresses == ["10.1.0.2/24"])
    #expect(held.subnets.first?.gateway == "10.1.0.1")
    let group = try #require(spec.securityGroupIDs.first)
    #expect(objects.group(group)?.rules.count == 4)
    #expect(objects.set(group)?.addresses == port.addresses.map(\.address))
    #expect(objects.count == 4)

    try await cloud.release(server)
    #expect(try await cloud.manifest().isEmpty)
    #expect(try await cloud.tombstones() == 4)
    let left = try await cloud.call("GET", "/ports?device_owner=compute:nova")
    #expect(left["ports"].array?.isEmpty == true)
    #expect(try await cloud.call("DELETE", "/networks/\(network)").status == 204)
  }

  @Test func removedRuleLeavesTheGroup() async throws {
    let cloud = try await Fixture()
    let (network, _) = try await cloud.network()
    let group = try await cloud.make("security-groups", "{\"name\": \"web\"}")
    let id = group[path: "id"]
    let rule = try await cloud.make(
      "security-group-rules",
      """
      {"security_group_id": "\(id)", "direction": "ingress", "protocol": "tcp", "port_range_min": 80, "port_range_max": 80,
       "remote_ip_prefix": "192.0.2.7/24"}
      """)
    #expect(rule[path: "remote_ip_prefix"] == "192.0.2.0/24")
    _ = try await cloud.attach(Identifier.uuid(), [.network(id: network, fixedIP: nil, tag: nil)], groups: ["web"])
    let before = try #require(try await cloud.manifest().group(id))
    #expect(before.rules.first { $0.protocolNumber == 6 }?.remoteCIDR == "192.0.2.0/24")
    #expect(try await cloud.call("DELETE", "/security-group-rules/\(rule[path: "id"])").status == 204)
    let after = try #require(try await cloud.manifest().group(id))
    #expect(after.rules.count == before.rules.count - 1)
    // The last rules go: the group is still there, and allows nothing.
    for rest in after.rules {
      #expect(try await cloud.call("DELETE", "/security-group-rules/\(rest.id)").status == 204)
    }
    #expect(try await cloud.manifest().group(id)?.rules.isEmpty == true)
  }

  @Test func remoteGroupsAreAddressSetsOfAllMembers() async throws {
    let cloud = try await Fixture()
    let (network, _) = try await cloud.network()
    let web = try await cloud.make("security-groups", "{\"name\": \"web\"}")[path: "id"]
    let clients = try await cloud.make("security-groups", "{\"name\": \"clients\"}")[path: "id"]
    let rule = try await cloud.make(
      "security-group-rules",
      "{\"security_group_id\": \"\(web)\", \"direction\": \"ingress\", \"remote_group_id\": \"\(clients)\"}")
    _ = try await cloud.attach(
      Identifier.uuid(), [.network(id: network, fixedIP: "10.1.0.40", tag: nil)], groups: ["web"])
    #expect(try await cloud.manifest().set(clients)?.addresses == [])
    #expect(try await cloud.manifest().group(clients) == nil)
    // A member that is bound nowhere counts, and so does one on another node.
    let member = try await cloud.make(
      "ports",
      """
      {"network_id": "\(network)", "security_groups": ["\(clients)"], "fixed_ips": [{"ip_address": "10.1.0.50"}],
       "allowed_address_pairs": [{"ip_address": "10.9.0.0/16"}]}
      """)
    #expect(try await cloud.manifest().set(clients)?.addresses == ["10.1.0.50", "10.9.0.0/16"])
    let other = try await cloud.attach(
      Identifier.uuid(), [.network(id: network, fixedIP: "10.1.0.60", tag: nil)], groups: ["clients"], node: "node-2")
    let address = try #require(other.first?.addresses.first?.address)
    #expect(try await cloud.manifest().set(clients)?.addresses == ["10.1.0.50", "10.9.0.0/16", address].sorted())
    #expect(try await cloud.manifest("node-2").set(clients) == nil)
    #expect(try await cloud.manifest("node-2").group(clients) != nil)
    // The member's address moves.
    let moved = try await cloud.call(
      "PUT", "/ports/\(member[path: "id"])",
      "{\"port\": {\"fixed_ips\": [{\"ip_address\": \"10.1.0.51\"}], \"allowed_address_pairs\": []}}")
    #expect(moved.status == 200, "\(moved)")
    #expect(try await cloud.manifest().set(clients)?.addresses == ["10.1.0.51", address].sorted())
    // The rule goes, and the set with it.
    #expect(try await cloud.call("DELETE", "/security-group-rules/\(rule[path: "id"])").status == 204)
    #expect(try await cloud.manifest().set(clients) == nil)
  }

  @Test func groupOfAPortChanges() async throws {
    let cloud = try await Fixture()
    let (network, _) = try await cloud.network()
    let server = Identifier.uuid()
    let port = try #require(try await cloud.attach(server, [.network(id: network, fixedIP: nil, tag: nil)]).first)
    let web = try await cloud.make("security-groups", "{\"name\": \"web\"}")[path: "id"]
    let old = try #require(try await cloud.manifest().port(port.id)?.securityGroupIDs.first)
    let project = cloud.tokens.projectA
    try await cloud.store.write { [networks = cloud.networks] tx in
      try networks.setSecurityGroup(
        tx, serverID: server, projectID: project, group: "web", present: true, requestID: "req-1")
    }
    #expect(try await cloud.manifest().port(port.id)?.securityGroupIDs == [old, web].sorted())
    #expect(try await cloud.manifest().group(web) != nil)
    let changed = try await cloud.call("PUT", "/ports/\(port.id)", "{\"port\": {\"security_groups\": [\"\(web)\"]}}")
    #expect(changed.status == 200)
    let objects = try await cloud.manifest()
    #expect(objects.port(port.id)?.securityGroupIDs == [web])
    #expect(objects.group(old) == nil)
    #expect(objects.set(old) == nil)
    // No group at all: the port is there and passes nothing.
    try await cloud.call("PUT", "/ports/\(port.id)", "{\"port\": {\"security_groups\": []}}")
    #expect(try await cloud.manifest().port(port.id)?.securityGroupIDs == [])
    #expect(try await cloud.manifest().group(web) == nil)
  }

  @Test func routerAndFloatingAddress() async throws {
    let cloud = try await Fixture()
    let outside = try await cloud.external()
    let (network, subnet) = try await cloud.network()
    let router = try await cloud.make("routers", "{\"external_gateway_info\": {\"network_id\": \"\(outside)\"}}")
    let id = router[path: "id"]
    #expect(try await cloud.manifest().isEmpty)
    // The first node that reports gets it.
    try await cloud.report()
    var spec = try #require(try await cloud.manifest().router(id))
    #expect(spec.gateway?.nexthops == ["203.0.113.1"])
    #expect(spec.gateway?.enableSNAT == true)
    #expect(try await cloud.manifest().network(outside)?.external == true)
    #expect(try await cloud.manifest().network(network) == nil)
    let added = try await cloud.call("PUT", "/routers/\(id)/add_router_interface", "{\"subnet_id\": \"\(subnet)\"}")
    #expect(added.status == 200, "\(added)")
    spec = try #require(try await cloud.manifest().router(id))
    #expect(spec.interfaces.map(\.addresses) == [["10.1.0.1/24"]])
    #expect(try await cloud.manifest().network(network)?.dhcpPort != nil)

    let port = try #require(
      try await cloud.attach(Identifier.uuid(), [.network(id: network, fixedIP: nil, tag: nil)]).first)
    let floating = try await cloud.make(
      "floatingips", "{\"floating_network_id\": \"\(outside)\", \"port_id\": \"\(port.id)\"}")
    #expect(floating[path: "status"] == "ACTIVE")
    #expect(floating[path: "router_id"] == id)
    spec = try #require(try await cloud.manifest().router(id))
    #expect(spec.floatingIPs.map(\.floating) == [floating[path: "floating_ip_address"]])
    #expect(spec.floatingIPs.map(\.fixed) == port.addresses.map(\.address))
    let seen = try await cloud.store.read { [networks = cloud.networks] tx in
      try networks.ports(tx, servers: [port.serverID])
    }
    #expect(seen[port.serverID]?.first?.addresses.map(\.type) == ["fixed", "floating"])

    let refused = try await cloud.call(
      "PUT", "/routers/\(id)/remove_router_interface", "{\"subnet_id\": \"\(subnet)\"}")
    #expect(refused.status == 409 && refused.fault == "RouterInterfaceInUseByFloatingIP")
    let held = try await cloud.call("PUT", "/routers/\(id)", "{\"router\": {\"external_gateway_info\": null}}")
    #expect(held.status == 409, "\(held)")
    #expect(try await cloud.call("DELETE", "/routers/\(id)").status == 409)

    // The server goes: its floating address points at nothing.
    try await cloud.release(port.serverID)
    #expect(try await cloud.manifest().router(id)?.floatingIPs.isEmpty == true)
    let freed = try await cloud.call("GET", "/floatingips/\(floating[path: "id"])")
    #expect(freed["floatingip"][path: "status"] == "DOWN")
    #expect(try await cloud.call("DELETE", "/floatingips/\(floating[path: "id"])").status == 204)
    let removed = try await cloud.call(
      "PUT", "/routers/\(id)/remove_router_interface", "{\"subnet_id\": \"\(subnet)\"}")
    #expect(removed.status == 200, "\(removed)")
    #expect(try await cloud.manifest().network(network) == nil)
    #expect(try await cloud.call("DELETE", "/routers/\(id)").status == 204)
    #expect(try await cloud.manifest().isEmpty)
    #expect(try await cloud.call("DELETE", "/networks/\(network)").status == 204)
  }

  @Test func convergerRepairs() async throws {
    let cloud = try await Fixture()
    let (network, _) = try await cloud.network()
    try await cloud.report()
    _ = try await cloud.attach(Identifier.uuid(), [.network(id: network, fixedIP: nil, tag: nil)])
    let before = try await cloud.manifest()
    let ghost = Identifier.uuid()
    try await cloud.store.write { tx in
      try tx.execute("DELETE FROM manifest WHERE kind <> 'port'")
      try ManifestTable.put(
        tx, node: "node-1", ObjectKey(.securityGroup, ghost),
        .securityGroup(SecurityGroupSpec(id: ghost, stateful: true, rules: [])), requestID: nil)
    }
    let converger = ProjectionConverger(networks: cloud.networks)
    try await converger.step()
    #expect(try await cloud.manifest() == before)
    // Nothing to do: nothing is written.
    let revision = try await cloud.store.read { try $0.count("SELECT max(revision) FROM changes") }
    try await converger.step()
    #expect(try await cloud.store.read { try $0.count("SELECT max(revision) FROM changes") } == revision)
  }

  @Test func portIsActiveWhenItWasSeen() async throws {
    let cloud = try await Fixture()
    let (network, _) = try await cloud.network()
    let server = Identifier.uuid()
    let port = try #require(try await cloud.attach(server, [.network(id: network, fixedIP: nil, tag: nil)]).first)
    // Another node's word does not count.
    let seen = Observation(key: ObjectKey(.port, port.id), generation: 1, ready: true)
    try await cloud.report([seen], from: "node-2")
    #expect(try await cloud.call("GET", "/ports/\(port.id)")["port"][path: "status"] == "DOWN")
    try await cloud.report([seen])
    #expect(try await cloud.call("GET", "/ports/\(port.id)")["port"][path: "status"] == "ACTIVE")
    #expect(try await cloud.call("GET", "/ports?status=ACTIVE")["ports"].ids == [port.id])
    let off = try await cloud.call("PUT", "/ports/\(port.id)", "{\"port\": {\"admin_state_up\": false}}")
    #expect(off["port"][path: "status"] == "DOWN")
    #expect(try await cloud.manifest().port(port.id)?.adminStateUp == false)
  }

  @Test func serversWithPortsAreListed() async throws {
    let cloud = try await Fixture()
    let (network, _) = try await cloud.network()
    let servers = (1...5).map { "00000000-0000-4000-8000-00000000000\($0)" }
    for server in servers.shuffled() + [servers[1]] {
      _ = try await cloud.attach(server, [.network(id: network, fixedIP: nil, tag: nil)])
    }
    let networks = cloud.networks
    #expect(try await cloud.store.read { try networks.servers($0, after: "", limit: 3) } == Array(servers.prefix(3)))
    try await cloud.release(servers[3])
    #expect(try await cloud.store.read { try networks.servers($0, after: servers[2], limit: 3) } == [servers[4]])
  }
}
