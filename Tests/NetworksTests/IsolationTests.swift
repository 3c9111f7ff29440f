import API
import Contracts
import Kit
import NodeLink
import Store
import Testing

@testable import Networks

/// One project and another's resources.
struct IsolationTests {
  /// Every route with an id, asked by another project, is 404 (ATTACKS 27).
  @Test func foreignIDsAreNotFound() async throws {
    let cloud = try await Fixture()
    let outside = try await cloud.external()
    let (network, subnet) = try await cloud.network()
    let port = try await cloud.make("ports", "{\"network_id\": \"\(network)\"}")[path: "id"]
    let router = try await cloud.make("routers", "{\"external_gateway_info\": {\"network_id\": \"\(outside)\"}}")[
      path: "id"]
    let floating = try await cloud.make("floatingips", "{\"floating_network_id\": \"\(outside)\"}")[path: "id"]
    let group = try await cloud.make("security-groups", "{\"name\": \"web\"}")
    let ids = [
      "networks": network, "subnets": subnet, "ports": port, "routers": router, "floatingips": floating,
      "security-groups": group[path: "id"],
      "security-group-rules": group["security_group_rules"]?.array?.first?[path: "id"] ?? "",
    ]
    var asked = 0
    for (_, route) in cloud.gateway.routes {
      let segments = route.path.split(separator: "/")
      guard segments.count > 2, segments[2].hasPrefix("{"), let id = ids[String(segments[1])] else { continue }
      let path =
        "/"
        + ([segments[1], Substring(id)] + segments.dropFirst(3).map { $0.hasPrefix("{") ? "x" : $0 })
        .joined(separator: "/")
      let singular = String(segments[1].dropLast()).replacing("-", with: "_")
      var body: String?
      switch route.method {
      case .put where path.hasSuffix("/tags"): body = "{\"tags\": []}"
      case .put where path.hasSuffix("interface"): body = "{\"subnet_id\": \"\(subnet)\"}"
      case .put, .post: body = "{\"\(singular)\": {\"description\": \"mine\"}}"
      default: break
      }
      let answer = try await cloud.call(route.method.rawValue, path, body, as: "bob")
      #expect(answer.status == 404, "\(route.method) \(path): \(answer)")
      asked += 1
    }
    #expect(asked > 50)
    for (plural, id) in ids { #expect(try await cloud.call("GET", "/\(plural)/\(id)").status == 200) }
  }

  /// A foreign `project_id` in a list shows nothing (ATTACKS 29).
  @Test func foreignListsAreEmpty() async throws {
    let cloud = try await Fixture()
    let (network, _) = try await cloud.network()
    _ = try await cloud.make("ports", "{\"network_id\": \"\(network)\"}")
    _ = try await cloud.make("routers", "{}")
    for plural in ["networks", "subnets", "ports", "routers", "floatingips", "security-groups", "security-group-rules"]
    {
      let member = plural.replacing("-", with: "_")
      for filter in ["", "?project_id=\(cloud.tokens.projectA)", "?tenant_id=\(cloud.tokens.projectA)"] {
        let items = try await cloud.call("GET", "/\(plural)\(filter)", as: "bob")[member].array ?? [.null]
        #expect(items.allSatisfy { $0[path: "project_id"] == cloud.tokens.projectB }, "\(plural)\(filter)")
      }
      #expect(try await cloud.call("GET", "/\(plural)?all_projects=1", as: "bob").status == 400)
      #expect(try await cloud.call("GET", "/\(plural)", as: "").status == 401)
    }
    #expect(
      try await cloud.call("GET", "/networks?project_id=\(cloud.tokens.projectA)", as: "admin")["networks"].ids == [
        network
      ])
  }

  /// References in bodies are seen with the caller's eyes.
  @Test func foreignReferences() async throws {
    let cloud = try await Fixture()
    let outside = try await cloud.external()
    let (network, subnet) = try await cloud.network()
    let port = try await cloud.make("ports", "{\"network_id\": \"\(network)\"}")[path: "id"]
    let group = try await cloud.make("security-groups", "{\"name\": \"web\"}")[path: "id"]
    let bobs = try await cloud.network("10.7.0.0/24", as: "bob")
    let bobsRouter = try await cloud.make(
      "routers", "{\"external_gateway_info\": {\"network_id\": \"\(outside)\"}}", as: "bob")[path: "id"]
    let bobsGroup = try await cloud.make("security-groups", "{\"name\": \"b\"}", as: "bob")[path: "id"]
    let tries: [(String, String, String)] = [
      (
        "POST", "/subnets",
        "{\"subnet\": {\"network_id\": \"\(network)\", \"ip_version\": 4, \"cidr\": \"10.8.0.0/24\"}}"
      ),
      ("POST", "/ports", "{\"port\": {\"network_id\": \"\(network)\"}}"),
      ("POST", "/ports", "{\"port\": {\"network_id\": \"\(bobs.network)\", \"security_groups\": [\"\(group)\"]}}"),
      ("PUT", "/routers/\(bobsRouter)/add_router_interface", "{\"subnet_id\": \"\(subnet)\"}"),
      ("PUT", "/routers/\(bobsRouter)/add_router_interface", "{\"port_id\": \"\(port)\"}"),
      ("POST", "/routers", "{\"router\": {\"external_gateway_info\": {\"network_id\": \"\(network)\"}}}"),
      ("POST", "/floatingips", "{\"floatingip\": {\"floating_network_id\": \"\(network)\"}}"),
      ("POST", "/floatingips", "{\"floatingip\": {\"floating_network_id\": \"\(outside)\", \"port_id\": \"\(port)\"}}"),
      (
        "POST", "/security-group-rules",
        "{\"security_group_rule\": {\"security_group_id\": \"\(bobsGroup)\", \"direction\": \"ingress\", \"remote_group_id\": \"\(group)\"}}"
      ),
      (
        "POST", "/security-group-rules",
        "{\"security_group_rule\": {\"security_group_id\": \"\(group)\", \"direction\": \"ingress\"}}"
      ),
    ]
    let before = try await cloud.call("GET", "/ports", as: "admin")["ports"].ids.count
    for (method, path, body) in tries {
      let answer = try await cloud.call(method, path, body, as: "bob")
      #expect(answer.status == 404, "\(method) \(path): \(answer)")
    }
    #expect(try await cloud.call("GET", "/ports", as: "admin")["ports"].ids.count == before)
  }

  /// On a shared network a guest project gets ports, and nothing that is the owner's to give (ATTACKS 26).
  @Test func sharedNetworks() async throws {
    let cloud = try await Fixture()
    let (network, subnet) = try await cloud.network("10.6.0.0/24", as: "admin", shared: true)
    #expect(try await cloud.call("GET", "/networks/\(network)", as: "bob").status == 200)
    #expect(try await cloud.call("GET", "/subnets/\(subnet)", as: "bob").status == 200)
    let port = try await cloud.make(
      "ports", "{\"network_id\": \"\(network)\", \"fixed_ips\": [{\"subnet_id\": \"\(subnet)\"}]}", as: "bob")[
        path: "id"]
    for members in [
      "\"mac_address\": \"fa:16:3e:00:00:01\"", "\"fixed_ips\": [{\"ip_address\": \"10.6.0.9\"}]",
      "\"port_security_enabled\": false, \"security_groups\": []",
      "\"allowed_address_pairs\": [{\"ip_address\": \"10.6.0.1\"}]", "\"device_owner\": \"network:dhcp\"",
    ] {
      let made = try await cloud.call(
        "POST", "/ports", "{\"port\": {\"network_id\": \"\(network)\", \(members)}}", as: "bob")
      #expect(made.status == 403, "\(members): \(made)")
      let changed = try await cloud.call("PUT", "/ports/\(port)", "{\"port\": {\(members)}}", as: "bob")
      #expect(changed.status == 403, "\(members): \(changed)")
    }
    #expect(
      try await cloud.call("PUT", "/networks/\(network)", "{\"network\": {\"name\": \"x\"}}", as: "bob").status == 403)
    #expect(try await cloud.call("DELETE", "/networks/\(network)", as: "bob").status == 403)
    #expect(try await cloud.call("DELETE", "/subnets/\(subnet)", as: "bob").status == 403)
    let more = "{\"subnet\": {\"network_id\": \"\(network)\", \"ip_version\": 4, \"cidr\": \"10.8.0.0/24\"}}"
    #expect(try await cloud.call("POST", "/subnets", more, as: "bob").status == 403)
    let router = try await cloud.make("routers", "{}", as: "bob")[path: "id"]
    let gateway = try await cloud.call(
      "PUT", "/routers/\(router)/add_router_interface", "{\"subnet_id\": \"\(subnet)\"}", as: "bob")
    #expect(gateway.status == 403)
    // One tenant on it does not see the other's ports; the owner does, and may remove them.
    #expect(try await cloud.call("GET", "/ports/\(port)").status == 404)
    #expect(try await cloud.call("GET", "/ports?network_id=\(network)")["ports"].ids.isEmpty)
    let unshare = try await cloud.call("PUT", "/networks/\(network)", "{\"network\": {\"shared\": false}}", as: "admin")
    #expect(unshare.fault == "InvalidSharedSetting")
    #expect(try await cloud.call("DELETE", "/ports/\(port)", as: "admin").status == 204)
  }

  @Test func externalNetworks() async throws {
    let cloud = try await Fixture()
    let outside = try await cloud.external()
    #expect(try await cloud.external() == outside)
    let seen = try await cloud.call("GET", "/networks?router:external=true")["networks"]
    #expect(seen.ids == [outside])
    #expect(try await cloud.call("POST", "/ports", "{\"port\": {\"network_id\": \"\(outside)\"}}").status == 403)
    let info = "{\"router\": {\"external_gateway_info\": {\"network_id\": \"\(outside)\", \"enable_snat\": false}}}"
    #expect(try await cloud.call("POST", "/routers", info).status == 403)
    let picked =
      "{\"floatingip\": {\"floating_network_id\": \"\(outside)\", \"floating_ip_address\": \"203.0.113.50\"}}"
    #expect(try await cloud.call("POST", "/floatingips", picked).status == 403)
    let made = try await cloud.call("POST", "/floatingips", picked, as: "admin")
    #expect(made["floatingip"][path: "floating_ip_address"] == "203.0.113.50")
    // After it: a gateway takes any free address, and it might be that one.
    #expect(try await cloud.call("POST", "/routers", info, as: "admin").status == 201)
    #expect(try await cloud.call("DELETE", "/networks/\(outside)", as: "admin").fault == "NetworkInUse")
    let inner = try await cloud.call(
      "PUT", "/networks/\(outside)", "{\"network\": {\"router:external\": false}}", as: "admin")
    #expect(inner.fault == "ExternalNetworkInUse")
  }

  /// Readers change nothing.
  @Test func readersOnlyRead() async throws {
    let cloud = try await Fixture()
    let (network, _) = try await cloud.network()
    #expect(try await cloud.call("GET", "/networks/\(network)", as: "rita").status == 200)
    for (_, route) in cloud.gateway.routes where route.method != .get {
      let path =
        "/"
        + route.path.split(separator: "/").dropFirst().map { $0.hasPrefix("{") ? Substring(network) : $0 }
        .joined(separator: "/")
      #expect(try await cloud.call(route.method.rawValue, path, "{}", as: "rita").status == 403, "\(path)")
    }
  }
}
