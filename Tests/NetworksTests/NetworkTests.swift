import Kit
import Testing

@testable import Networks

/// Networks and subnets through the API.
struct NetworkTests {
  @Test func networkAsNeutronSaysIt() async throws {
    let cloud = try await Fixture()
    let network = try await cloud.make("networks", "{\"name\": \"blue\", \"description\": \"sky\"}")
    let names = Set(network.object?.keys.map { $0 } ?? [])
    #expect(
      names == [
        "id", "name", "description", "project_id", "tenant_id", "admin_state_up", "status", "shared", "router:external",
        "mtu", "subnets", "port_security_enabled", "availability_zones", "availability_zone_hints",
        "ipv4_address_scope", "ipv6_address_scope", "revision_number", "created_at", "updated_at", "tags",
      ])
    #expect(network[path: "status"] == "ACTIVE" && network["mtu"] == .int(1450))
    let admin = try await cloud.call("GET", "/networks/\(network[path: "id"]).json", as: "admin")
    #expect(admin["network"][path: "provider:network_type"] == "vxlan")
    let changed = try await cloud.call("PUT", "/networks/\(network[path: "id"])", "{\"network\": {\"name\": \"red\"}}")
    #expect(changed["network"][path: "name"] == "red" && changed["network"]["revision_number"] == .int(1))
    let stale = try await cloud.call(
      "PUT", "/networks/\(network[path: "id"])", "{\"network\": {\"name\": \"green\"}}",
      headers: [("If-Match", "revision_number=0")])
    #expect(stale.status == 412)
    let fields = try await cloud.call("GET", "/networks?fields=id&fields=name")
    #expect(fields["networks"].array?.first?.object?.count == 2)
    #expect(try await cloud.call("DELETE", "/networks/\(network[path: "id"])").status == 204)
    #expect(try await cloud.call("GET", "/networks/\(network[path: "id"])").fault == "NetworkNotFound")
  }

  @Test(arguments: [
    ("{\"network\": {\"color\": 1}}", 400), ("{\"network\": {\"mtu\": 9000}}", 400),
    ("{\"network\": {\"mtu\": 12}}", 400), ("{\"network\": {\"name\": 5}}", 400),
    ("{\"network\": {\"admin_state_up\": \"maybe\"}}", 400), ("{\"network\": {\"shared\": true}}", 403),
    ("{\"network\": {\"router:external\": true}}", 403), ("{\"network\": {\"provider:network_type\": \"flat\"}}", 403),
    ("{\"network\": {\"project_id\": \"other\"}}", 403), ("{\"network\": []}", 400), ("{}", 400), ("", 400),
    ("{\"networks\": []}", 400), ("{\"networks\": [{\"name\": \"a\"}, {\"oops\": 1}]}", 400),
    ("{\"network\": {\"availability_zone_hints\": [\"mars\"]}}", 404),
  ])
  func badNetworks(_ body: String, _ status: Int) async throws {
    let cloud = try await Fixture()
    let answer = try await cloud.call("POST", "/networks", body)
    #expect(answer.status == status, "\(answer)")
    #expect(!answer.fault.isEmpty)
    #expect(try await cloud.call("GET", "/networks")["networks"].ids.isEmpty)
  }

  @Test func bulkIsAllOrNothing() async throws {
    let cloud = try await Fixture()
    let made = try await cloud.call("POST", "/networks", "{\"networks\": [{\"name\": \"a\"}, {\"name\": \"b\"}]}")
    #expect(made.status == 201 && made["networks"].ids.count == 2)
    let network = made["networks"].ids[0]
    let ports = try await cloud.call(
      "POST", "/ports", "{\"ports\": [{\"network_id\": \"\(network)\"}, {\"network_id\": \"\(Identifier.uuid())\"}]}")
    #expect(ports.status == 404 && ports.fault == "NetworkNotFound")
    #expect(try await cloud.call("GET", "/ports")["ports"].ids.isEmpty)
  }

  @Test func subnetDefaults() async throws {
    let cloud = try await Fixture()
    let (network, subnet) = try await cloud.network("192.168.7.0/24")
    let seen = try await cloud.call("GET", "/subnets/\(subnet)")["subnet"]
    #expect(seen[path: "gateway_ip"] == "192.168.7.1")
    #expect(
      seen["allocation_pools"]?.array?.map { $0[path: "start"] + "-" + $0[path: "end"] } == [
        "192.168.7.2-192.168.7.254"
      ])
    #expect(seen["enable_dhcp"] == .bool(true) && seen["ip_version"] == .int(4))
    let six = try await cloud.make(
      "subnets",
      """
      {"network_id": "\(network)", "ip_version": 6, "cidr": "fd00:1::/64", "ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}
      """)
    #expect(six[path: "gateway_ip"] == "fd00:1::1")
    let port = try await cloud.make("ports", "{\"network_id\": \"\(network)\", \"mac_address\": \"fa:16:3e:00:00:01\"}")
    #expect(port["fixed_ips"]?.array?.map { $0[path: "ip_address"] }.contains("fd00:1::f816:3eff:fe00:1") == true)
    #expect(port["fixed_ips"]?.array?.count == 2)
    // DHCP's own port has the lowest address and the SLAAC one.
    let dhcp = try await cloud.call("GET", "/ports?device_owner=network:dhcp&network_id=\(network)")
    #expect(dhcp["ports"].array?.first?["fixed_ips"]?.array?.first?[path: "ip_address"] == "192.168.7.2")
    #expect(dhcp["ports"].array?.first?["fixed_ips"]?.array?.count == 2)
    let off = try await cloud.call("PUT", "/subnets/\(subnet)", "{\"subnet\": {\"enable_dhcp\": false}}")
    #expect(off.status == 200)
    let less = try await cloud.call("GET", "/ports?device_owner=network:dhcp")
    #expect(less["ports"].array?.first?["fixed_ips"]?.array?.count == 1)
    // A SLAAC subnet goes although hosts made addresses of it; one with allocated addresses does not.
    #expect(try await cloud.call("DELETE", "/subnets/\(six[path: "id"])").status == 204)
    #expect(try await cloud.call("DELETE", "/subnets/\(subnet)").fault == "SubnetInUse")
    #expect(try await cloud.call("DELETE", "/networks/\(network)").fault == "NetworkInUse")
    #expect(try await cloud.call("DELETE", "/ports/\(port[path: "id"])").status == 204)
    #expect(try await cloud.call("DELETE", "/networks/\(network)").status == 204)
    #expect(try await cloud.call("GET", "/ports")["ports"].ids.isEmpty)
  }

  @Test(arguments: [
    ("\"ip_version\": 4, \"cidr\": \"10.1.0.128/25\"", 400, "InvalidInput"),
    ("\"ip_version\": 4, \"cidr\": \"fd00::/64\"", 400, "InvalidInput"),
    ("\"ip_version\": 5, \"cidr\": \"10.2.0.0/24\"", 400, "HTTPBadRequest"),
    ("\"ip_version\": 4, \"cidr\": \"10.2.0.0\"", 400, "HTTPBadRequest"),
    ("\"ip_version\": 4, \"cidr\": \"224.0.0.0/24\"", 400, "InvalidInput"),
    ("\"ip_version\": 4, \"cidr\": \"10.2.0.0/31\"", 400, "InvalidInput"),
    ("\"cidr\": \"10.2.0.0/24\"", 400, "HTTPBadRequest"),
    ("\"ip_version\": 4, \"cidr\": \"10.2.0.0/24\", \"gateway_ip\": \"10.3.0.1\"", 400, "InvalidInput"),
    ("\"ip_version\": 4, \"cidr\": \"10.2.0.0/24\", \"gateway_ip\": \"10.2.0.255\"", 400, "InvalidInput"),
    (
      "\"ip_version\": 4, \"cidr\": \"10.2.0.0/24\", \"allocation_pools\": [{\"start\": \"10.2.0.1\", \"end\": \"10.2.0.9\"}]",
      409, "GatewayConflictWithAllocationPools"
    ),
    (
      "\"ip_version\": 4, \"cidr\": \"10.2.0.0/24\", \"allocation_pools\": [{\"start\": \"10.2.0.5\", \"end\": \"10.2.1.9\"}]",
      400, "OutOfBoundsAllocationPool"
    ),
    (
      "\"ip_version\": 4, \"cidr\": \"10.2.0.0/24\", \"allocation_pools\": [{\"start\": \"10.2.0.9\", \"end\": \"10.2.0.5\"}]",
      400, "InvalidAllocationPool"
    ),
    (
      """
      "ip_version": 4, "cidr": "10.2.0.0/24",
      "allocation_pools": [{"start": "10.2.0.5", "end": "10.2.0.9"}, {"start": "10.2.0.9", "end": "10.2.0.12"}]
      """, 409, "OverlappingAllocationPools"
    ),
    ("\"ip_version\": 4, \"cidr\": \"10.2.0.0/24\", \"ipv6_ra_mode\": \"slaac\"", 400, "InvalidInput"),
    ("\"ip_version\": 6, \"cidr\": \"fd00::/72\", \"ipv6_address_mode\": \"slaac\"", 400, "InvalidInput"),
    (
      "\"ip_version\": 6, \"cidr\": \"fd00::/64\", \"ipv6_address_mode\": \"slaac\", \"ipv6_ra_mode\": \"dhcpv6-stateful\"",
      400, "InvalidInput"
    ),
    ("\"ip_version\": 4, \"cidr\": \"10.2.0.0/24\", \"dns_nameservers\": [\"evil\\nserver=1\"]", 400, "HTTPBadRequest"),
    (
      "\"ip_version\": 4, \"cidr\": \"10.2.0.0/24\", \"host_routes\": [{\"destination\": \"x\", \"nexthop\": \"10.2.0.1\"}]",
      400, "HTTPBadRequest"
    ),
    ("\"ip_version\": 4, \"cidr\": \"10.2.0.0/24\", \"subnetpool_id\": \"x\"", 400, "HTTPBadRequest"),
    ("\"ip_version\": 4, \"cidr\": \"10.2.0.0/24\", \"colour\": 1", 400, "HTTPBadRequest"),
  ])
  func badSubnets(_ members: String, _ status: Int, _ fault: String) async throws {
    let cloud = try await Fixture()
    let (network, subnet) = try await cloud.network()
    let answer = try await cloud.call(
      "POST", "/subnets", "{\"subnet\": {\"network_id\": \"\(network)\", \(members)}}")
    #expect(answer.status == status && answer.fault == fault, "\(answer)")
    #expect(try await cloud.call("GET", "/subnets")["subnets"].ids == [subnet])
  }

  @Test func gatewayInUseStays() async throws {
    let cloud = try await Fixture()
    let (_, subnet) = try await cloud.network()
    let router = try await cloud.make("routers", "{}")[path: "id"]
    try await cloud.call("PUT", "/routers/\(router)/add_router_interface", "{\"subnet_id\": \"\(subnet)\"}")
    let moved = try await cloud.call("PUT", "/subnets/\(subnet)", "{\"subnet\": {\"gateway_ip\": null}}")
    #expect(moved.status == 409 && moved.fault == "GatewayIpInUse")
    #expect(try await cloud.call("DELETE", "/routers/\(router)").fault == "RouterInUse")
    #expect(try await cloud.call("DELETE", "/subnets/\(subnet)").fault == "SubnetInUse")
  }
}
