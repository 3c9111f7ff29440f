import Contracts
import Kit
import NodeLink
import Testing

@testable import Networks

/// Routers and floating addresses.
struct RouterTests {
  private func add(_ cloud: Fixture, _ router: String, _ subnet: String) async throws -> Answer {
    try await cloud.call("PUT", "/routers/\(router)/add_router_interface", "{\"subnet_id\": \"\(subnet)\"}")
  }

  @Test func interfacesOfBothVersions() async throws {
    let cloud = try await Fixture()
    try await cloud.report()
    let (network, four) = try await cloud.network()
    func six(_ cidr: String) async throws -> String {
      try await cloud.make(
        "subnets",
        """
        {"network_id": "\(network)", "ip_version": 6, "cidr": "\(cidr)", "ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}
        """)[path: "id"]
    }
    let sixes = [try await six("fd00:1::/64"), try await six("fd00:2::/64")]
    let router = try await cloud.make("routers", "{\"name\": \"r\"}")[path: "id"]
    let first = try await add(cloud, router, four)
    #expect(first.status == 200 && first[path: "subnet_id"] == four && first[path: "network_id"] == network)
    #expect(try await add(cloud, router, four).status == 400)
    let second = try await add(cloud, router, sixes[0])
    let third = try await add(cloud, router, sixes[1])
    #expect(second[path: "port_id"] == third[path: "port_id"] && first[path: "port_id"] != second[path: "port_id"])
    let spec = try #require(try await cloud.manifest().router(router))
    #expect(spec.interfaces.map(\.addresses) == [["10.1.0.1/24"], ["fd00:1::1/64", "fd00:2::1/64"]])
    #expect(spec.interfaces.last?.advertised.map(\.cidr) == ["fd00:1::/64", "fd00:2::/64"])
    // One subnet of the shared port goes, then the port by its id.
    let less = try await cloud.call(
      "PUT", "/routers/\(router)/remove_router_interface", "{\"subnet_id\": \"\(sixes[0])\"}")
    #expect(less.status == 200)
    #expect(try await cloud.manifest().router(router)?.interfaces.last?.addresses == ["fd00:2::1/64"])
    let mismatch = try await cloud.call(
      "PUT", "/routers/\(router)/remove_router_interface",
      "{\"port_id\": \"\(third[path: "port_id"])\", \"subnet_id\": \"\(four)\"}")
    #expect(mismatch.fault == "SubnetMismatchForPort")
    let gone = try await cloud.call(
      "PUT", "/routers/\(router)/remove_router_interface", "{\"port_id\": \"\(third[path: "port_id"])\"}")
    #expect(gone.status == 200)
    let again = try await cloud.call(
      "PUT", "/routers/\(router)/remove_router_interface", "{\"subnet_id\": \"\(sixes[1])\"}")
    #expect(again.status == 404 && again.fault == "RouterInterfaceNotFoundForSubnet")
    for body in ["{}", "{\"subnet_id\": \"\(four)\", \"port_id\": \"\(four)\"}", "{\"subnet_id\": 4}", "{\"moon\": 1}"]
    {
      #expect(try await cloud.call("PUT", "/routers/\(router)/add_router_interface", body).status == 400)
    }
  }

  @Test func overlapsAndAdoptedPorts() async throws {
    let cloud = try await Fixture()
    let outside = try await cloud.external()
    let router = try await cloud.make("routers", "{\"external_gateway_info\": {\"network_id\": \"\(outside)\"}}")[
      path: "id"]
    let one = try await cloud.network("10.1.0.0/24")
    let wide = try await cloud.network("10.0.0.0/8")
    let likeOutside = try await cloud.network("203.0.113.0/25")
    #expect(try await add(cloud, router, one.subnet).status == 200)
    #expect(try await add(cloud, router, wide.subnet).status == 400)
    #expect(try await add(cloud, router, likeOutside.subnet).status == 400)
    let third = try await cloud.network("172.16.0.0/24")
    let port = try await cloud.make(
      "ports", "{\"network_id\": \"\(third.network)\", \"fixed_ips\": [{\"ip_address\": \"172.16.0.9\"}]}")[path: "id"]
    let adopted = try await cloud.call("PUT", "/routers/\(router)/add_router_interface", "{\"port_id\": \"\(port)\"}")
    #expect(adopted.status == 200, "\(adopted)")
    let seen = try await cloud.call("GET", "/ports/\(port)")["port"]
    #expect(seen[path: "device_owner"] == "network:router_interface" && seen["security_groups"] == .array([]))
    let twice = try await cloud.call("PUT", "/routers/\(router)/add_router_interface", "{\"port_id\": \"\(port)\"}")
    #expect(twice.fault == "PortInUse")
    // Routes need a next hop on a connected network.
    let bad = "{\"router\": {\"routes\": [{\"destination\": \"10.50.0.0/16\", \"nexthop\": \"192.0.2.1\"}]}}"
    #expect(try await cloud.call("PUT", "/routers/\(router)", bad).fault == "InvalidRoutes")
    let good = "{\"router\": {\"routes\": [{\"destination\": \"10.50.0.0/16\", \"nexthop\": \"172.16.0.77\"}]}}"
    #expect(try await cloud.call("PUT", "/routers/\(router)", good).status == 200)
    let needed = try await cloud.call("PUT", "/routers/\(router)/remove_router_interface", "{\"port_id\": \"\(port)\"}")
    #expect(needed.fault == "RouterInterfaceInUseByRoute")
    #expect(
      try await cloud.call("PUT", "/routers/\(router)/add_extraroutes", good)["router"]["routes"]?.array?.count == 1)
    #expect(
      try await cloud.call("PUT", "/routers/\(router)/remove_extraroutes", good)["router"]["routes"]?.array?.count == 0)
    try await cloud.report()
    #expect(try await cloud.manifest().router(router)?.routes.isEmpty == true)
  }

  @Test func gatewayChanges() async throws {
    let cloud = try await Fixture()
    try await cloud.report()
    let outside = try await cloud.external()
    let router = try await cloud.make("routers", "{}")[path: "id"]
    #expect(try await cloud.manifest().router(router)?.gateway == nil)
    let set = try await cloud.call(
      "PUT", "/routers/\(router)", "{\"router\": {\"external_gateway_info\": {\"network_id\": \"\(outside)\"}}}")
    #expect(set["router"]["external_gateway_info"]?["external_fixed_ips"]?.array?.count == 1, "\(set)")
    #expect(try await cloud.manifest().router(router)?.gateway != nil)
    let moved = try await cloud.call(
      "PUT", "/routers/\(router)",
      """
      {"router": {"external_gateway_info": {"network_id": "\(outside)", "enable_snat": false,
        "external_fixed_ips": [{"ip_address": "203.0.113.99"}]}}}
      """, as: "admin")
    #expect(moved.status == 200, "\(moved)")
    let gateway = try await cloud.manifest().router(router)?.gateway
    #expect(gateway?.addresses == ["203.0.113.99/24"] && gateway?.enableSNAT == false)
    // A gateway's port is nobody's.
    #expect(try await cloud.call("GET", "/ports")["ports"].ids.isEmpty)
    let cleared = try await cloud.call("PUT", "/routers/\(router)", "{\"router\": {\"external_gateway_info\": {}}}")
    #expect(cleared["router"]["external_gateway_info"] == .null)
    #expect(try await cloud.manifest().router(router)?.gateway == nil)
    #expect(try await cloud.manifest().network(outside) == nil)
    #expect(try await cloud.call("GET", "/ports", as: "admin")["ports"].ids.isEmpty)
    for body in ["{\"ha\": true}", "{\"distributed\": true}", "{\"moon\": 1}", "{\"routes\": [{}]}"] {
      #expect(try await cloud.call("PUT", "/routers/\(router)", "{\"router\": \(body)}").status == 400)
    }
  }

  @Test func floatingAddressRefusals() async throws {
    let cloud = try await Fixture()
    let outside = try await cloud.external()
    let (network, subnet) = try await cloud.network()
    let port = try await cloud.make("ports", "{\"network_id\": \"\(network)\"}")[path: "id"]
    func create(_ members: String) async throws -> Answer {
      try await cloud.call(
        "POST", "/floatingips", "{\"floatingip\": {\"floating_network_id\": \"\(outside)\"\(members)}}")
    }
    #expect(try await create(", \"port_id\": \"\(port)\"").fault == "ExternalGatewayForFloatingIPNotFound")
    #expect(try await create(", \"fixed_ip_address\": \"10.1.0.3\"").status == 400)
    #expect(try await create(", \"colour\": 1").status == 400)
    #expect(try await cloud.call("GET", "/floatingips")["floatingips"].ids.isEmpty)
    #expect(try await cloud.call("GET", "/ports?network_id=\(outside)", as: "admin")["ports"].ids.isEmpty)
    let router = try await cloud.make("routers", "{\"external_gateway_info\": {\"network_id\": \"\(outside)\"}}")[
      path: "id"]
    #expect(try await add(cloud, router, subnet).status == 200)
    let made = try await create(", \"port_id\": \"\(port)\", \"description\": \"front\"")
    #expect(made.status == 201 && made["floatingip"]["port_details"]?[path: "network_id"] == network, "\(made)")
    #expect(try await create(", \"port_id\": \"\(port)\"").fault == "FloatingIPPortAlreadyAssociated")
    let id = made["floatingip"][path: "id"]
    let loose = try await cloud.call("PUT", "/floatingips/\(id)", "{\"floatingip\": {\"port_id\": null}}")
    #expect(loose["floatingip"][path: "status"] == "DOWN" && loose["floatingip"]["router_id"] == .null)
    let back = try await cloud.call("PUT", "/floatingips/\(id)", "{\"floatingip\": {\"port_id\": \"\(port)\"}}")
    #expect(back["floatingip"][path: "status"] == "ACTIVE")
    #expect(try await cloud.call("GET", "/floatingips?status=ACTIVE&port_id=\(port)")["floatingips"].ids == [id])
    let said = try await cloud.call("PUT", "/floatingips/\(id)", "{\"floatingip\": {\"description\": \"\"}}")
    #expect(said["floatingip"][path: "port_id"] == port)
    // The port goes: the address stays, pointing at nothing.
    #expect(try await cloud.call("DELETE", "/ports/\(port)").status == 204)
    #expect(try await cloud.call("GET", "/floatingips/\(id)")["floatingip"]["port_id"] == .null)
    #expect(try await cloud.call("DELETE", "/floatingips/\(id)").status == 204)
    #expect(try await cloud.call("GET", "/ports?device_owner=network:floatingip", as: "admin")["ports"].ids.isEmpty)
  }

  /// Many routers of one project block none of the others (ATTACKS 67, CVE-2014-8153).
  @Test func manyRouters() async throws {
    let cloud = try await Fixture()
    try await cloud.report()
    for _ in 0..<10 { _ = try await cloud.make("routers", "{}") }
    #expect(try await cloud.call("POST", "/routers", "{\"router\": {}}").fault == "OverQuota")
    #expect(try await cloud.manifest().keys.filter { $0.kind == .router }.count == 10)
    _ = try await cloud.make("routers", "{}", as: "bob")
    #expect(try await cloud.manifest().keys.filter { $0.kind == .router }.count == 11)
  }
}
