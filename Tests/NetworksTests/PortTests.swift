import Contracts
import Kit
import NodeLink
import Store
import Testing

@testable import Networks

/// Ports through the API and by the compute service.
struct PortTests {
  @Test func defaultsAndDefaultGroup() async throws {
    let cloud = try await Fixture()
    let (network, subnet) = try await cloud.network()
    let port = try await cloud.make("ports", "{\"network_id\": \"\(network)\"}")
    let groups = try await cloud.call("GET", "/security-groups")["security_groups"]
    #expect(groups.ids.count == 1 && port["security_groups"] == .array(groups.ids.map(JSONValue.string)))
    #expect(port["fixed_ips"]?.array?.first?[path: "subnet_id"] == subnet)
    #expect(port[path: "status"] == "DOWN" && port[path: "device_owner"] == "")
    #expect(port["binding:host_id"] == nil && port["binding:vnic_type"] == .string("normal"))
    let admin = try await cloud.call("GET", "/ports/\(port[path: "id"])", as: "admin")["port"]
    #expect(admin[path: "binding:vif_type"] == "unbound" && admin["binding:profile"] == .object([:]))
  }

  @Test(arguments: [
    ("\"fixed_ips\": [{\"ip_address\": \"10.9.0.1\"}]", 400, "InvalidIpForNetwork"),
    ("\"fixed_ips\": [{\"ip_address\": \"10.1.0.255\"}]", 400, "InvalidIpForSubnet"),
    ("\"fixed_ips\": [{\"ip_address\": \"10.1.0.2\"}]", 409, "IpAddressAlreadyAllocated"),
    ("\"fixed_ips\": [{\"ip_address\": \"ten\"}]", 400, "HTTPBadRequest"),
    ("\"fixed_ips\": [{}]", 400, "InvalidInput"), ("\"fixed_ips\": [{\"gateway\": 1}]", 400, "HTTPBadRequest"),
    ("\"fixed_ips\": [{\"subnet_id\": \"6a7c1e0e-3c56-4bc5-8a0f-6f4f3d1f0001\"}]", 404, "SubnetNotFound"),
    ("\"fixed_ips\": \"x\"", 400, "HTTPBadRequest"),
    ("\"mac_address\": \"01:00:00:00:00:01\"", 400, "HTTPBadRequest"),
    ("\"mac_address\": \"nothing\"", 400, "HTTPBadRequest"),
    ("\"device_owner\": \"network:dhcp\"", 403, "PolicyNotAuthorized"),
    ("\"device_owner\": \"network:router_interface\"", 403, "PolicyNotAuthorized"),
    ("\"binding:host_id\": \"node-1\"", 403, "PolicyNotAuthorized"),
    ("\"binding:profile\": {}", 403, "PolicyNotAuthorized"),
    ("\"binding:vnic_type\": \"direct\"", 400, "HTTPBadRequest"),
    ("\"security_groups\": [\"6a7c1e0e-3c56-4bc5-8a0f-6f4f3d1f0001\"]", 404, "SecurityGroupNotFound"),
    (
      "\"port_security_enabled\": false, \"allowed_address_pairs\": [{\"ip_address\": \"10.0.0.1\"}]", 409,
      "AddressPairAndPortSecurityRequired"
    ),
    ("\"allowed_address_pairs\": [{\"ip_address\": \"10.0.0.1/99\"}]", 400, "HTTPBadRequest"),
    ("\"allowed_address_pairs\": [{\"ip_address\": \"10.0.0.1; drop\"}]", 400, "HTTPBadRequest"),
    ("\"allowed_address_pairs\": [{\"mac_address\": \"fa:16:3e:00:00:01\"}]", 400, "HTTPBadRequest"),
    (
      "\"allowed_address_pairs\": [{\"ip_address\": \"::1\", \"mac_address\": \"ff:ff:ff:ff:ff:ff\"}]", 400,
      "HTTPBadRequest"
    ),
    (
      "\"allowed_address_pairs\": [{\"ip_address\": \"10.0.0.1\"}, {\"ip_address\": \"10.0.0.1\"}]", 400,
      "DuplicateAddressPairInRequest"
    ),
    ("\"extra_dhcp_opts\": [{\"opt_name\": \"mtu\\n\", \"opt_value\": \"1\"}]", 400, "HTTPBadRequest"),
    (
      "\"extra_dhcp_opts\": [{\"opt_name\": \"mtu\", \"opt_value\": \"1400\\ndhcp-script=/bin/sh\"}]", 400,
      "HTTPBadRequest"
    ),
    ("\"extra_dhcp_opts\": [{\"opt_name\": \"mtu\", \"opt_value\": \"1\\u0000\"}]", 400, "HTTPBadRequest"),
    ("\"extra_dhcp_opts\": [{\"opt_name\": \"mtu\", \"opt_value\": \"\\u2028x\"}]", 400, "HTTPBadRequest"),
    ("\"extra_dhcp_opts\": [{\"opt_name\": \"mtu\", \"opt_value\": \"a#b\"}]", 400, "HTTPBadRequest"),
    ("\"extra_dhcp_opts\": [{\"opt_name\": \"dhcp-script\", \"opt_value\": \"/bin/sh\"}]", 400, "HTTPBadRequest"),
    ("\"extra_dhcp_opts\": [{\"opt_name\": \"300\", \"opt_value\": \"x\"}]", 400, "HTTPBadRequest"),
    ("\"extra_dhcp_opts\": [{\"opt_name\": \"mtu\"}]", 400, "HTTPBadRequest"),
    ("\"status\": \"ACTIVE\"", 400, "HTTPBadRequest"), ("\"name\": null, \"shape\": 1", 400, "HTTPBadRequest"),
  ])
  func badPorts(_ members: String, _ status: Int, _ fault: String) async throws {
    let cloud = try await Fixture()
    let (network, _) = try await cloud.network()
    let answer = try await cloud.call("POST", "/ports", "{\"port\": {\"network_id\": \"\(network)\", \(members)}}")
    #expect(answer.status == status && answer.fault == fault, "\(answer)")
    #expect(try await cloud.call("GET", "/ports")["ports"].array?.count == 1)
    // The same on an update leaves the port as it was.
    let port = try await cloud.make("ports", "{\"network_id\": \"\(network)\"}")
    if members.contains("IpAddress") { return }
    let changed = try await cloud.call("PUT", "/ports/\(port[path: "id"])", "{\"port\": {\(members)}}")
    #expect(changed.status >= 400, "\(changed)")
    #expect(try await cloud.call("GET", "/ports/\(port[path: "id"])")["port"] == port)
  }

  @Test func dhcpOptionsPassThroughWhenSane() async throws {
    let cloud = try await Fixture()
    let (network, _) = try await cloud.network()
    let port = try #require(
      try await cloud.attach(Identifier.uuid(), [.network(id: network, fixedIP: nil, tag: nil)]).first)
    let set = try await cloud.call(
      "PUT", "/ports/\(port.id)",
      """
      {"port": {"extra_dhcp_opts": [{"opt_name": "bootfile-name", "opt_value": "pxe/boot.0"},
        {"opt_name": "150", "opt_value": "10.0.0.9"}, {"opt_name": "dns-server", "opt_value": "[fd00::1]", "ip_version": 6}]}}
      """)
    #expect(set.status == 200, "\(set)")
    #expect(try await cloud.manifest().port(port.id)?.extraDHCPOptions.count == 3)
    let less = try await cloud.call(
      "PUT", "/ports/\(port.id)", "{\"port\": {\"extra_dhcp_opts\": [{\"opt_name\": \"150\", \"opt_value\": null}]}}")
    #expect(less["port"]["extra_dhcp_opts"]?.array?.count == 2)
  }

  @Test func theCloudsOwnPortsAreItsOwn() async throws {
    let cloud = try await Fixture()
    let (network, subnet) = try await cloud.network()
    let router = try await cloud.make("routers", "{}")[path: "id"]
    let added = try await cloud.call("PUT", "/routers/\(router)/add_router_interface", "{\"subnet_id\": \"\(subnet)\"}")
    let dhcp = try await cloud.call("GET", "/ports?device_owner=network:dhcp")["ports"].ids
    for id in dhcp + [added[path: "port_id"]] {
      for who in ["alice", "admin"] {
        #expect(try await cloud.call("DELETE", "/ports/\(id)", as: who).fault == "ServicePortInUse")
        let moved = try await cloud.call(
          "PUT", "/ports/\(id)", "{\"port\": {\"device_owner\": \"compute:nova\"}}", as: who)
        #expect(moved.status == 409)
      }
      #expect(try await cloud.call("PUT", "/ports/\(id)", "{\"port\": {\"name\": \"x\"}}").status == 200)
    }
    // Neither can one become the cloud's (ATTACKS 61), whoever asks.
    let port = try await cloud.make("ports", "{\"network_id\": \"\(network)\"}")[path: "id"]
    for who in ["alice", "admin"] {
      let answer = try await cloud.call(
        "PUT", "/ports/\(port)", "{\"port\": {\"device_owner\": \"network:dhcp\"}}", as: who)
      #expect(answer.status == 403)
    }
  }

  @Test func attachedPortsStayTheirServers() async throws {
    let cloud = try await Fixture()
    let (network, _) = try await cloud.network()
    let own = try await cloud.make("ports", "{\"network_id\": \"\(network)\", \"name\": \"mine\"}")[path: "id"]
    let server = Identifier.uuid()
    let cards = try await cloud.attach(
      server, [.port(id: own, tag: "front"), .network(id: network, fixedIP: "10.1.0.77", tag: nil)])
    #expect(cards.map(\.tag) == ["front", nil])
    #expect(cards.last?.addresses.map(\.address) == ["10.1.0.77"])
    await #expect(throws: (any Error).self) {
      try await cloud.attach(Identifier.uuid(), [.port(id: own, tag: nil)])
    }
    for body in ["{\"device_id\": \"other\"}", "{\"device_owner\": \"\"}"] {
      #expect(try await cloud.call("PUT", "/ports/\(own)", "{\"port\": \(body)}").fault == "PortInUse")
    }
    let mac = try await cloud.call(
      "PUT", "/ports/\(own)", "{\"port\": {\"mac_address\": \"fa:16:3e:00:00:09\"}}", as: "admin")
    #expect(mac.fault == "PortBound")
    // A user's device_id makes no server's port.
    let liar = try await cloud.make(
      "ports", "{\"network_id\": \"\(network)\", \"device_id\": \"\(server)\", \"device_owner\": \"compute:nova\"}")
    let seen = try await cloud.store.read { [networks = cloud.networks] in try networks.ports($0, servers: [server]) }
    #expect(seen[server]?.map(\.id) == cards.map(\.id))
    #expect(try await cloud.manifest().port(liar[path: "id"]) == nil)
    // The user's own port outlives the server; the one made for it does not.
    try await cloud.release(server)
    let left = try await cloud.call("GET", "/ports/\(own)")["port"]
    #expect(left[path: "device_id"] == "" && left[path: "device_owner"] == "")
    #expect(try await cloud.call("GET", "/ports/\(cards[1].id)").status == 404)
    #expect(try await cloud.manifest().isEmpty)
    let again = try await cloud.attach(Identifier.uuid(), [.port(id: own, tag: nil)])
    #expect(again.map(\.id) == [own])
  }

  @Test func attachRefusals() async throws {
    let cloud = try await Fixture()
    #expect(try await cloud.attach(Identifier.uuid(), nil).isEmpty)
    let (network, _) = try await cloud.network()
    let outside = try await cloud.external()
    #expect(try await cloud.attach(Identifier.uuid(), nil).count == 1)
    let bobs = try await cloud.network("10.5.0.0/24", as: "bob").network
    let bobsPort = try await cloud.make("ports", "{\"network_id\": \"\(bobs)\"}", as: "bob")[path: "id"]
    let refused: [(CardRequest, [String], Int)] = [
      (.network(id: bobs, fixedIP: nil, tag: nil), [], 400), (.network(id: outside, fixedIP: nil, tag: nil), [], 403),
      (.network(id: Identifier.uuid(), fixedIP: nil, tag: nil), [], 400), (.port(id: bobsPort, tag: nil), [], 400),
      (.network(id: network, fixedIP: "10.1.0.2", tag: nil), [], 400),
      (.network(id: network, fixedIP: "192.0.2.1", tag: nil), [], 400),
      (.network(id: network, fixedIP: nil, tag: nil), ["nothing"], 400),
    ]
    for (request, groups, status) in refused {
      let error = await #expect(throws: (any Error).self) {
        try await cloud.attach(Identifier.uuid(), [request], groups: groups)
      }
      #expect(cloud.status(error) == status, "\(request)")
    }
    _ = try await cloud.network("10.2.0.0/24")
    let ambiguous = await #expect(throws: (any Error).self) { try await cloud.attach(Identifier.uuid(), nil) }
    #expect(cloud.status(ambiguous) == 409)
    // A port whose server has no host is in no manifest.
    let before = try await cloud.manifest()
    let unplaced = try await cloud.attach(
      Identifier.uuid(), [.network(id: network, fixedIP: nil, tag: nil)], node: nil)
    #expect(unplaced.count == 1)
    #expect(try await cloud.manifest().ports == before.ports)
  }

  @Test func addressesRunOutOnce() async throws {
    let cloud = try await Fixture()
    let (network, _) = try await cloud.network("10.1.0.0/29")
    // 10.1.0.1 is the gateway, .2 DHCP's: four are left, whoever asks at once.
    let statuses = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<12 {
        group.addTask {
          (try? await cloud.call("POST", "/ports", "{\"port\": {\"network_id\": \"\(network)\"}}").status) ?? 0
        }
      }
      return await group.reduce(into: [Int]()) { $0.append($1) }
    }
    #expect(statuses.filter { $0 == 201 }.count == 4 && statuses.filter { $0 == 409 }.count == 8)
  }
}
