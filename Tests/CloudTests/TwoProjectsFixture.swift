import API
import Foundation
import Kit
import Testing

@testable import Cloud

/// A whole cloud with two projects that both own something of every kind: `demo`, and the one of user `eve`.
final class TwoProjectsFixture: Sendable {
  /// A project, its user's token, and the ids of what it owns by the names that routes have for them.
  struct Side: Sendable {
    var projectID: String
    var userID: String
    var token: String
    var ids: [String: String] = [:]
    var all: [String] { ids.values.sorted() }
  }

  let cloud: WholeCloudFixture
  let owner: Side
  let stranger: Side

  init() async throws {
    cloud = try await WholeCloudFixture()
    let demo = try await Self.who(cloud, cloud.member)
    let project = try await Self.make(cloud, "/identity/v3/projects", "project", #"{"name": "other"}"#)
    let user = try await Self.make(
      cloud, "/identity/v3/users", "user", #"{"name": "eve", "password": "eve-password"}"#)
    let roles = try await Self.list(cloud, "/identity/v3/roles?name=member", "roles")
    let role = try #require(roles.first?["id"]?.string)
    let granted = await cloud.send(
      "PUT", "/identity/v3/projects/\(project)/users/\(user)/roles/\(role)", token: cloud.admin)
    #expect(granted.status == 204)
    let eve = try await WholeCloudFixture.login(cloud.services, "eve", "eve-password", project: "other")
    owner = try await Self.furnish(cloud, Side(projectID: demo.project, userID: demo.user, token: cloud.member))
    stranger = try await Self.furnish(cloud, Side(projectID: project, userID: user, token: eve))
  }

  private static func who(_ cloud: WholeCloudFixture, _ token: String) async throws -> (user: String, project: String) {
    let reply = await cloud.send(
      "GET", "/identity/v3/auth/tokens", token: token, headers: [("X-Subject-Token", token)])
    let body = try JSONValue(parsing: reply.text)["token"]
    return (try #require(body?["user"]?["id"]?.string), try #require(body?["project"]?["id"]?.string))
  }

  private static func list(_ cloud: WholeCloudFixture, _ target: String, _ name: String) async throws -> [JSONValue] {
    let reply = await cloud.send("GET", target, token: cloud.admin)
    return try #require(try JSONValue(parsing: reply.text)[name]?.array, "\(reply.text)")
  }

  /// Makes one resource and returns its id; `name` is the member of body and answer, "" where there is none.
  private static func make(
    _ cloud: WholeCloudFixture, _ target: String, _ name: String, _ members: String, token: String? = nil
  ) async throws -> String {
    let body = name.isEmpty ? members : "{\"\(name)\": \(members)}"
    let reply = await cloud.send("POST", target, token: token ?? cloud.admin, body: body)
    try #require(reply.status < 300, "\(target): \(reply.status) \(reply.text)")
    let json = try JSONValue(parsing: reply.text)
    return try #require((name.isEmpty ? json : json[name])?["id"]?.string, "\(target): \(reply.text)")
  }

  private static func furnish(_ cloud: WholeCloudFixture, _ bare: Side) async throws -> Side {
    var side = bare
    func make(_ target: String, _ name: String, _ members: String) async throws -> String {
      try await Self.make(cloud, target, name, members, token: bare.token)
    }
    side.ids["networks"] = try await make("/network/v2.0/networks", "network", #"{"name": "n"}"#)
    let network = side.ids["networks"] ?? ""
    side.ids["subnets"] = try await make(
      "/network/v2.0/subnets", "subnet", #"{"network_id": "\#(network)", "ip_version": 4, "cidr": "10.9.0.0/24"}"#)
    side.ids["ports"] = try await make("/network/v2.0/ports", "port", #"{"network_id": "\#(network)"}"#)
    side.ids["routers"] = try await make("/network/v2.0/routers", "router", #"{"name": "r"}"#)
    side.ids["security-groups"] = try await make("/network/v2.0/security-groups", "security_group", #"{"name": "g"}"#)
    side.ids["security-group-rules"] = try await make(
      "/network/v2.0/security-group-rules", "security_group_rule",
      #"{"security_group_id": "\#(side.ids["security-groups"] ?? "")", "direction": "ingress"}"#)
    let image = try await make(
      "/image/v2/images", "",
      #"{"name": "i", "disk_format": "raw", "container_format": "bare", "visibility": "shared"}"#)
    side.ids["image_id"] = image
    let upload = await cloud.send(
      "PUT", "/image/v2/images/\(image)/file", token: bare.token, type: "application/octet-stream",
      body: String(repeating: "x", count: 4096))
    #expect(upload.status == 204, "\(upload.text)")
    let member = Identifier.hex()
    let shared = await cloud.send(
      "POST", "/image/v2/images/\(image)/members", token: bare.token, body: #"{"member": "\#(member)"}"#)
    #expect(shared.status == 200, "\(shared.text)")
    side.ids["member_id"] = member
    side.ids["application_credential_id"] = try await make(
      "/identity/v3/users/\(bare.userID)/application_credentials", "application_credential", #"{"name": "a"}"#)
    let flavors = try await list(cloud, "/compute/v2.1/flavors", "flavors")
    let flavor = try #require(flavors.first?["id"]?.string)
    side.ids["server_id"] = try await make(
      "/compute/v2.1/servers", "server",
      #"{"name": "s", "imageRef": "\#(image)", "flavorRef": "\#(flavor)", "networks": [{"uuid": "\#(network)"}]}"#)
    let cards = await cloud.send(
      "GET", "/network/v2.0/ports?device_id=\(side.ids["server_id"] ?? "")", token: bare.token)
    side.ids["port_id"] = try JSONValue(parsing: cards.text)["ports"]?.array?.first?["id"]?.string
    return side
  }

  /// A route's path with the ids of a side where it has some, and one that nobody has elsewhere. `child` is the side
  /// of every value but the first.
  func target(_ service: ServiceAPI, _ route: Route, parent: Side, child: Side) -> String {
    let segments = route.path.split(separator: "/").map(String.init)
    var values = 0
    let filled = segments.enumerated().map { index, segment in
      guard segment.hasPrefix("{") else { return segment }
      let side = values == 0 ? parent : child
      values += 1
      switch segment.dropFirst().dropLast() {
      case "user_id": return side.userID
      case "project_id": return side.projectID
      case "id": return side.ids[segments[max(0, index - 1)]] ?? Identifier.uuid()
      case let name: return side.ids[String(name)] ?? Identifier.uuid()
      }
    }
    return "/" + ([service.prefix] + filled).joined(separator: "/")
  }
}
