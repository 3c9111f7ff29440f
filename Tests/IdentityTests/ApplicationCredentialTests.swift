import API
import Auth
import Kit
import Logging
import Store
import Testing

@testable import Identity

struct ApplicationCredentialTests {
  private static func path(_ cloud: Fixture) -> String { "/v3/users/\(cloud.ids.demoUserID)/application_credentials" }

  private static let rule = #"{"path": "/v2.1/servers/*/ips", "method": "GET", "service": "compute"}"#

  private func body(_ name: String, _ more: String) -> String {
    #"{"application_credential": {"name": "\#(name)", \#(more)}}"#
  }

  @Test func accessRulesAreMadeWithIt() async throws {
    let cloud = try await Fixture()
    let demo = try await cloud.demo()
    let made = await cloud.send(
      "POST", Self.path(cloud), body("a", #""access_rules": [\#(Self.rule), \#(Self.rule)]"#), token: demo)
    #expect(made.status == 201, "\(made.text)")
    let credential = try #require(made.json["application_credential"])
    let rules = credential["access_rules"]?.array ?? []
    // Two that say the same are one.
    #expect(rules.count == 1)
    #expect(rules.first?["path"]?.string == "/v2.1/servers/*/ips")
    #expect(Set(rules.first?.object?.keys.map { $0 } ?? []) == ["id", "service", "method", "path"])
    let rule = try #require(rules.first?["id"]?.string)
    let list = "/v3/users/\(cloud.ids.demoUserID)/access_rules"
    #expect(await cloud.send("GET", list, token: demo).ids("access_rules") == [rule])
    #expect(await cloud.send("GET", list + "?service=image", token: demo).ids("access_rules") == [])
    let shown = await cloud.send("GET", "\(list)/\(rule)", token: demo)
    #expect(shown.json["access_rule"]?["method"]?.string == "GET")
    // It stays as long as something uses it, and by itself.
    #expect(await cloud.send("DELETE", "\(list)/\(rule)", token: demo).isFault(403))
    let id = try #require(credential["id"]?.string)
    #expect(await cloud.send("DELETE", "\(Self.path(cloud))/\(id)", token: demo).status == 204)
    #expect(await cloud.send("GET", list, token: demo).ids("access_rules") == [rule])
    #expect(await cloud.send("DELETE", "\(list)/\(rule)", token: demo).status == 204)
    #expect(await cloud.send("GET", "\(list)/\(rule)", token: demo).isFault(404))
  }

  @Test func aRuleCanBeNamedByItsID() async throws {
    let cloud = try await Fixture()
    let demo = try await cloud.demo()
    let first = await cloud.send("POST", Self.path(cloud), body("a", #""access_rules": [\#(Self.rule)]"#), token: demo)
    let id = try #require(first.json["application_credential"]?["access_rules"]?.array?.first?["id"]?.string)
    let second = await cloud.send(
      "POST", Self.path(cloud), body("b", #""access_rules": [{"id": "\#(id)"}]"#), token: demo)
    #expect(second.json["application_credential"]?["access_rules"]?.array?.map { $0["id"]?.string } == [id])
    // Another's rule is nobody's.
    let admin = try await cloud.admin()
    let others = "/v3/users/\(cloud.ids.adminUserID)/application_credentials"
    #expect(
      await cloud.send("POST", others, body("c", #""access_rules": [{"id": "\#(id)"}]"#), token: admin).isFault(404))
  }

  @Test(arguments: [
    #""access_rules": [{"path": "v2", "method": "GET", "service": "compute"}]"#,
    #""access_rules": [{"path": "/v2", "method": "get", "service": "compute"}]"#,
    #""access_rules": [{"path": "/v2", "method": "GET"}]"#, #""access_rules": "all""#,
    #""roles": [{"id": "x", "name": "y"}]"#, #""roles": [{}]"#, #""roles": [{"name": "admin"}]"#,
    #""expires_at": "soon""#, #""expires_at": "2001-01-01T00:00:00Z""#, #""unrestricted": "yes""#, #""secret": 3"#,
    #""other": 1"#,
  ])
  func badInputIsRefused(_ members: String) async throws {
    let cloud = try await Fixture()
    let reply = await cloud.send("POST", Self.path(cloud), body("a", members), token: try await cloud.demo())
    #expect(reply.isFault(400), "\(reply.text)")
  }

  /// A role that is asked for comes with those that it implies, as without.
  @Test func impliedRolesAreNamed() async throws {
    let cloud = try await Fixture()
    let made = await cloud.send(
      "POST", Self.path(cloud), body("a", #""roles": [{"name": "member"}]"#), token: try await cloud.demo())
    let roles = made.json["application_credential"]?["roles"]?.array?.compactMap { $0["name"]?.string }
    #expect(roles == ["member", "reader"])
    #expect(made.json["application_credential"]?["secret"]?.string?.count == 86)
  }

  // MARK: What access rules allow

  private static let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

  /// The identity service together with one that only answers.
  private func gateway(_ cloud: Fixture) -> Gateway {
    func route(_ method: Route.Method, _ path: String) -> Route {
      Route(method, path, Permission("test:use", .authenticated), query: .unread) { _ in Reply(status: 204) }
    }
    let compute = ServiceAPI(
      prefix: "compute", faultStyle: .nova,
      routes: [
        route(.get, "/v2.1/servers"), route(.post, "/v2.1/servers"), route(.get, "/v2.1/servers/{server_id}/ips"),
        route(.get, "/v2.1/servers/{server_id}"),
      ])
    let image = ServiceAPI(prefix: "image", faultStyle: .glance, routes: [route(.get, "/v2.1/servers")])
    return Gateway(services: [cloud.identity.api, compute, image], tokens: cloud.identity, logger: Self.logger)
  }

  private func status(_ gateway: Gateway, _ method: String, _ target: String, _ token: String) async -> Int {
    let request = RawRequest(
      method: method, target: target, headers: [("X-Auth-Token", token), ("X-Subject-Token", token)],
      body: BodyStream(bytes: []), baseURL: "http://seen.test", remoteAddress: nil)
    return await gateway.respond(to: request).status
  }

  @Test func whatNoRuleAllowsIsRefusedInEveryService() async throws {
    let cloud = try await Fixture()
    let gateway = gateway(cloud)
    let (_, token) = try await cloud.applicationCredential(
      of: cloud.ids.demoUserID, in: cloud.ids.demoProjectID,
      accessRules: [
        AccessRule(id: Identifier.hex(), service: "compute", method: "GET", path: "/v2.1/servers/*/ips"),
        AccessRule(id: Identifier.hex(), service: "compute", method: "POST", path: "/v2.1/servers"),
      ])
    for (expected, method, target) in [
      (204, "GET", "/compute/v2.1/servers/x/ips"), (204, "GET", "/compute//v2.1/servers/x/ips/"),
      (204, "POST", "/compute/v2.1/servers"), (403, "GET", "/compute/v2.1/servers"),
      (403, "GET", "/compute/v2.1/servers/x"), (403, "GET", "/image/v2.1/servers"),
      (403, "GET", "/compute/v2.1/servers/x%2Fips"), (403, "GET", "/compute/v2.1/servers?x=/v2.1/servers/x/ips"),
      (403, "GET", "/identity/v3/auth/projects"), (403, "GET", "/identity/v3"),
      // A client may ask what its own token is worth.
      (404, "GET", "/identity/v3/auth/tokens"), (403, "DELETE", "/identity/v3/auth/tokens"),
    ] {
      #expect(await status(gateway, method, target, token) == expected, "\(method) \(target)")
    }
    let (_, free) = try await cloud.applicationCredential(of: cloud.ids.demoUserID, in: cloud.ids.demoProjectID)
    #expect(await status(gateway, "GET", "/compute/v2.1/servers", free) == 204)
    // Confined to nothing is not the same as not confined.
    let (_, none) = try await cloud.applicationCredential(
      of: cloud.ids.demoUserID, in: cloud.ids.demoProjectID, accessRules: [])
    #expect(await status(gateway, "GET", "/compute/v2.1/servers", none) == 403)
  }

  /// Who does not know of access rules must not take such a token for one without.
  @Test func aValidatorMustKnowOfAccessRules() async throws {
    let cloud = try await Fixture()
    let (_, token) = try await cloud.applicationCredential(
      of: cloud.ids.demoUserID, in: cloud.ids.demoProjectID,
      accessRules: [AccessRule(id: Identifier.hex(), service: "compute", method: "GET", path: "/**")])
    let admin = try await cloud.admin()
    #expect(
      await cloud.send("GET", "/v3/auth/tokens", token: admin, headers: [("X-Subject-Token", token)]).isFault(404))
    let known = await cloud.send(
      "GET", "/v3/auth/tokens", token: admin,
      headers: [("X-Subject-Token", token), ("OpenStack-Identity-Access-Rules", "1.0")])
    #expect(known.json["token"]?["application_credential"]?["access_rules"]?.array?.count == 1)
  }

  // MARK: What an application credential makes

  /// Unrestricted ones may make others: for no more and no longer.
  @Test func aChildIsBoundByItsParent() async throws {
    let cloud = try await Fixture()
    let end = cloud.now.adding(seconds: 7200)
    let all = AccessRule(id: Identifier.hex(), service: "identity", method: "POST", path: "/v3/users/**")
    let (_, parent) = try await cloud.applicationCredential(
      of: cloud.ids.demoUserID, in: cloud.ids.demoProjectID, roles: ["reader"], unrestricted: true, accessRules: [all],
      expiresAt: end)
    func make(_ name: String, _ more: String) async -> Answer {
      await cloud.send("POST", Self.path(cloud), body(name, more), token: parent)
    }
    #expect(await make("a", #""roles": [{"name": "member"}]"#).isFault(400))
    #expect(await make("b", #""expires_at": "\#(end.adding(seconds: 1).iso8601)""#).isFault(403))
    #expect(await make("c", #""access_rules": [\#(Self.rule)]"#).isFault(403))
    let child = await make("d", #""description": "d""#).json["application_credential"]
    #expect(child?["roles"]?.array?.compactMap { $0["name"]?.string } == ["reader"])
    #expect(child?["expires_at"]?.string == end.iso8601Naive)
    #expect(child?["access_rules"]?.array?.compactMap { $0["path"]?.string } == ["/v3/users/**"])
  }
}
