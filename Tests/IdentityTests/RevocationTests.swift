import Identity
import Kit
import Testing

/// ATTACKS.md 23: whatever takes a right away is felt by the very next request.
struct RevocationTests {
  private struct Case: Sendable {
    var name: String
    var act: @Sendable (Fixture, String) async throws -> Void
    /// Whether undoing it brings the token back to life; nil where it cannot be undone.
    var undo: (@Sendable (Fixture, String) async throws -> Void)?
  }

  private static func patch(_ cloud: Fixture, _ path: String, _ body: String, _ admin: String) async {
    let reply = await cloud.send("PATCH", path, body, token: admin)
    #expect(reply.status == 200, "\(path): \(reply.text)")
  }

  private static let cases: [Case] = [
    Case(name: "user disabled") { cloud, admin in
      await patch(cloud, "/v3/users/\(cloud.ids.demoUserID)", #"{"user": {"enabled": false}}"#, admin)
    } undo: { cloud, admin in
      await patch(cloud, "/v3/users/\(cloud.ids.demoUserID)", #"{"user": {"enabled": true}}"#, admin)
    },
    Case(name: "password set") { cloud, admin in
      await patch(cloud, "/v3/users/\(cloud.ids.demoUserID)", #"{"user": {"password": "other"}}"#, admin)
    },
    Case(name: "user deleted") { cloud, admin in
      #expect(await cloud.send("DELETE", "/v3/users/\(cloud.ids.demoUserID)", token: admin).status == 204)
    },
    Case(name: "project disabled") { cloud, admin in
      await patch(cloud, "/v3/projects/\(cloud.ids.demoProjectID)", #"{"project": {"enabled": false}}"#, admin)
    } undo: { cloud, admin in
      await patch(cloud, "/v3/projects/\(cloud.ids.demoProjectID)", #"{"project": {"enabled": true}}"#, admin)
    },
    Case(name: "project deleted") { cloud, admin in
      #expect(await cloud.send("DELETE", "/v3/projects/\(cloud.ids.demoProjectID)", token: admin).status == 204)
    },
    Case(name: "role taken away") { cloud, admin in
      let role = try await cloud.role("member", token: admin)
      let path = "/v3/projects/\(cloud.ids.demoProjectID)/users/\(cloud.ids.demoUserID)/roles/\(role)"
      #expect(await cloud.send("DELETE", path, token: admin).status == 204)
    },
  ]

  @Test func nextRequest() async throws {
    for example in Self.cases {
      let cloud = try await Fixture()
      let admin = try await cloud.admin()
      let demo = try await cloud.demo()
      #expect(await cloud.send("GET", "/v3/auth/projects", token: demo).status == 200)
      try await example.act(cloud, admin)
      #expect(await cloud.send("GET", "/v3/auth/projects", token: demo).isFault(401), "\(example.name)")
      if let undo = example.undo {
        try await undo(cloud, admin)
        #expect(await cloud.send("GET", "/v3/auth/projects", token: demo).isFault(401), "\(example.name) undone")
      }
    }
  }

  @Test func domainDisabled() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let domain = try await cloud.make("/v3/domains", #"{"domain": {"name": "other"}}"#, token: admin)
    let user = try await cloud.make(
      "/v3/users", #"{"user": {"name": "u", "password": "p", "domain_id": "\#(domain)"}}"#, token: admin)
    let role = try await cloud.role("reader", token: admin)
    let grant = "/v3/projects/\(cloud.ids.demoProjectID)/users/\(user)/roles/\(role)"
    #expect(await cloud.send("PUT", grant, token: admin).status == 204)
    let body = #"""
      {"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "u", "domain": {"name": "other"},
      "password": "p"}}}, "scope": {"project": {"id": "\#(cloud.ids.demoProjectID)"}}}}
      """#
    let token = try await cloud.send("POST", "/v3/auth/tokens", body).token
    #expect(await cloud.send("GET", "/v3/auth/projects", token: token).names("projects") == ["demo"])
    await Self.patch(cloud, "/v3/domains/\(domain)", #"{"domain": {"enabled": false}}"#, admin)
    #expect(await cloud.send("GET", "/v3/auth/projects", token: token).isFault(401))
    #expect(await cloud.send("POST", "/v3/auth/tokens", body).isFault(401))
    await Self.patch(cloud, "/v3/domains/\(domain)", #"{"domain": {"enabled": true}}"#, admin)
    #expect(await cloud.send("GET", "/v3/auth/projects", token: token).isFault(401))
    #expect(await cloud.send("POST", "/v3/auth/tokens", body).status == 201)
  }

  @Test func applicationCredentialFollowsItsUser() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let demo = try await cloud.demo()
    let path = "/v3/users/\(cloud.ids.demoUserID)/application_credentials"
    let id = try await cloud.make(path, #"{"application_credential": {"name": "r", "secret": "s"}}"#, token: demo)
    let body = Bodies.credential(#""id": "\#(id)", "secret": "s""#)
    let token = try await cloud.send("POST", "/v3/auth/tokens", body).token
    let member = try await cloud.role("member", token: admin)
    let reader = try await cloud.role("reader", token: admin)
    let grants = "/v3/projects/\(cloud.ids.demoProjectID)/users/\(cloud.ids.demoUserID)/roles/"
    // Its roles shrink with the user's, and never grow beyond its own.
    #expect(await cloud.send("PUT", grants + reader, token: admin).status == 204)
    #expect(await cloud.send("DELETE", grants + member, token: admin).status == 204)
    let shown = await cloud.send("GET", "/v3/auth/tokens", token: token, headers: [("X-Subject-Token", token)])
    #expect(shown.json["token"]?["roles"]?.array?.compactMap { $0["name"]?.string } == ["reader"])
    let strong = try await cloud.role("admin", token: admin)
    #expect(await cloud.send("PUT", grants + strong, token: admin).status == 204)
    #expect(await cloud.send("GET", "/v3/users", token: token).isFault(403))
    #expect(await cloud.send("DELETE", path + "/" + id, token: admin).status == 204)
    #expect(await cloud.send("GET", "/v3/auth/projects", token: token).isFault(401))
    #expect(await cloud.send("POST", "/v3/auth/tokens", body).isFault(401))
  }

  /// Losing a group, and a role's losing what it implies, count too.
  @Test func groupsAndInferences() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let group = try await cloud.make("/v3/groups", #"{"group": {"name": "g"}}"#, token: admin)
    let role = try await cloud.role("admin", token: admin)
    let member = "/v3/groups/\(group)/users/\(cloud.ids.demoUserID)"
    #expect(await cloud.send("PUT", member, token: admin).status == 204)
    let grant = "/v3/projects/\(cloud.ids.demoProjectID)/groups/\(group)/roles/\(role)"
    #expect(await cloud.send("PUT", grant, token: admin).status == 204)
    let demo = try await cloud.demo()
    #expect(await cloud.send("GET", "/v3/users", token: demo).status == 200)
    #expect(await cloud.send("DELETE", member, token: admin).status == 204)
    #expect(await cloud.send("GET", "/v3/users", token: demo).isFault(403))
  }
}
