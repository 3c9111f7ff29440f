import API
import Auth
import Foundation
import Kit
import Testing

@testable import Cloud

/// What must hold for every route of every service, whatever it does.
struct EveryRouteTests {
  /// ATTACKS 24: deny by default.
  @Test func withoutATokenOnlyOpenRoutesAnswer() async throws {
    let cloud = try await WholeCloudFixture()
    for (_, route, target) in cloud.everyRoute {
      let status = await cloud.send(route.method.rawValue, target, token: nil).status
      if route.permission.rule == .open {
        // Keystone's list of revoked PKI tokens is refused to everybody.
        #expect((status == 403) == route.path.hasSuffix("/OS-PKI/revoked"), "\(route.method.rawValue) \(target)")
      } else {
        #expect([401, 404, 405].contains(status), "\(route.method.rawValue) \(target) answered \(status)")
      }
    }
    #expect(cloud.everyRoute.count > 200)
  }

  @Test func onlyDiscoveryAndLoginAreOpen() async throws {
    let cloud = try await WholeCloudFixture()
    let open = cloud.everyRoute.filter { $0.route.permission.rule == .open }
    // Each of these looks at a password, a secret or a signature of its own.
    let logins: Set = [
      "/v3/auth/tokens", "/v3/users/{user_id}/password", "/v3/OS-OAUTH1/request_token", "/v3/OS-OAUTH1/access_token",
      "/v3/OS-OAUTH2/token", "/v3/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}/auth",
    ]
    for (service, route, _) in open where route.method != .get && route.method != .head {
      #expect(service.prefix == "identity" && logins.contains(route.path), "\(route.path)")
    }
  }

  @Test(arguments: [
    "", "{", "[]", "7", #""text""#, "null", #"{"stranger": {"a": [1, {"b": null}]}}"#,
    #"{"server": 7, "network": [], "user": "x", "port": null, "auth": 5}"#,
  ])
  func badBodiesGetAClearAnswer(body: String) async throws {
    let cloud = try await WholeCloudFixture()
    for (service, route, target) in cloud.everyRoute where [.post, .put, .patch].contains(route.method) {
      for token in [cloud.member, cloud.admin] {
        let reply = await cloud.send(route.method.rawValue, target, token: token, body: body)
        #expect(reply.status < 500, "\(route.method.rawValue) \(target) \(body): \(reply.text)")
        if reply.status >= 400 { #expect(Self.hasShape(reply, service.faultStyle), "\(target): \(reply.text)") }
      }
    }
  }

  @Test func readingWhatIsNotThereIsNoError() async throws {
    let cloud = try await WholeCloudFixture()
    for (service, route, target) in cloud.everyRoute where route.method == .get || route.method == .delete {
      for query in ["", "?limit=-1", "?limit=x&marker=%00", "?sort_key=nope&sort_dir=sideways", "?%ff"] {
        let reply = await cloud.send(route.method.rawValue, target + query, token: cloud.admin)
        #expect(reply.status < 500, "\(route.method.rawValue) \(target)\(query): \(reply.text)")
        if reply.status >= 400 { #expect(Self.hasShape(reply, service.faultStyle), "\(target): \(reply.text)") }
      }
    }
  }

  /// ATTACKS 1: a body's `target`, or ids in the query, never change the decision.
  @Test func attributesFromOutsideDoNotDecide() async throws {
    let cloud = try await WholeCloudFixture()
    let body =
      #"{"target": {"user": {"id": "u"}, "project_id": "p"}, "user_id": "u", "is_admin": true, "roles": ["admin"]}"#
    for (_, route, target) in cloud.everyRoute where route.permission.rule == .admin {
      let query = "?user_id=u&target.user.id=u&is_admin=true&roles=admin&project_id=p&tenant_id=p"
      let reply = await cloud.send(route.method.rawValue, target + query, token: cloud.member, body: body)
      #expect([403, 404, 405].contains(reply.status), "\(route.method.rawValue) \(target) answered \(reply.status)")
    }
  }

  @Test func hugeBodiesAreRefused() async throws {
    let cloud = try await WholeCloudFixture()
    let huge = #"{"a": ""# + String(repeating: "x", count: 3_000_000) + #""}"#
    for target in [
      "/identity/v3/users", "/compute/v2.1/servers", "/network/v2.0/networks", "/image/v2/images",
      "/network/v2.0/security-groups",
    ] {
      #expect(await cloud.send("POST", target, token: cloud.admin, body: huge).status == 413, "\(target)")
    }
  }

  static func hasShape(_ reply: Reply, _ style: FaultStyle) -> Bool {
    if reply.text.isEmpty, case .keystone = style { return true }  // the answer of a HEAD
    let json = (try? JSONValue(parsing: reply.text)) ?? .null
    switch style {
    case .nova:
      return json.object?.count == 1 && json.object?.values.first?["code"] == .int(reply.status)
        && json.object?.values.first?["message"]?.string?.isEmpty == false
    case .keystone:
      // RFC 6749 has a shape of its own for what its clients do wrong.
      if json["error"]?.string != nil { return json["error_description"]?.string != nil }
      return json["error"]?["code"] == .int(reply.status) && json["error"]?["title"]?.string != nil
    case .neutron: return json["NeutronError"]?["type"]?.string != nil && json["NeutronError"]?["detail"] != nil
    case .placement: return json["errors"]?.array?.first?["status"] == .int(reply.status)
    case .glance: return reply.text.contains("<title>\(reply.status) ")
    }
  }
}
