import Identity
import Kit
import Testing

/// Logging in: by password, token and application credential, to every scope.
struct LoginTests {
  @Test func passwordToProject() async throws {
    let cloud = try await Fixture()
    let reply = await cloud.send(
      "POST", "/v3/auth/tokens",
      Bodies.password("demo", Fixture.demoPassword, scope: Bodies.project(cloud.ids.demoProjectID)))
    #expect(reply.status == 201)
    #expect(reply.headers["Vary"] == "X-Auth-Token")
    let token = try #require(reply.json["token"])
    #expect(token["methods"] == .array([.string("password")]))
    #expect(token["user"]?["name"]?.string == "demo")
    #expect(token["user"]?["domain"]?["id"]?.string == "default")
    #expect(token["user"]?["password_expires_at"] == .null)
    #expect(token["project"]?["id"]?.string == cloud.ids.demoProjectID)
    #expect(token["project"]?["domain"]?["name"]?.string == "Default")
    #expect(token["is_domain"] == .bool(false))
    #expect(token["roles"]?.array?.compactMap { $0["name"]?.string } == ["member", "reader"])
    #expect(token["audit_ids"]?.array?.count == 1)
    let issued = try #require(token["issued_at"]?.string.flatMap(Timestamp.init(iso8601:)))
    let expires = try #require(token["expires_at"]?.string.flatMap(Timestamp.init(iso8601:)))
    #expect(expires.seconds(since: issued) == 3600)
    let catalog = try #require(token["catalog"]?.array)
    #expect(Set(catalog.compactMap { $0["type"]?.string }) == ["identity", "image", "compute", "network", "placement"])
    let compute = try #require(catalog.first { $0["type"]?.string == "compute" }?["endpoints"]?.array)
    #expect(compute.count == 3)
    #expect(compute.allSatisfy { $0["url"]?.string == "http://cloud.test:9090/compute/v2.1" })
    #expect(compute.allSatisfy { $0["region_id"]?.string == "RegionOne" })
    // The same token, looked at by its own user.
    let shown = await cloud.send(
      "GET", "/v3/auth/tokens?nocatalog", token: try reply.token, headers: [("X-Subject-Token", try reply.token)])
    #expect(shown.status == 200)
    #expect(shown.json["token"]?["catalog"] == nil)
    #expect(shown.json["token"]?["expires_at"] == token["expires_at"])
    #expect(shown.json["token"]?["audit_ids"] == token["audit_ids"])
  }

  @Test func everyScope() async throws {
    let cloud = try await Fixture()
    func login(_ scope: String?) async throws -> JSONValue {
      let reply = await cloud.send(
        "POST", "/v3/auth/tokens", Bodies.password("admin", Fixture.adminPassword, scope: scope))
      #expect(reply.status == 201, "\(reply.text)")
      return try #require(reply.json["token"])
    }
    let system = try await login(#"{"system": {"all": true}}"#)
    #expect(system["system"]?["all"] == .bool(true))
    #expect(system["roles"]?.array?.count == 4)
    #expect(system["catalog"] != nil)
    let domain = try await login(#"{"domain": {"name": "Default"}}"#)
    #expect(domain["domain"]?["id"]?.string == "default")
    #expect(domain["project"] == nil)
    for scope in [nil, #""unscoped""#, #"{"unscoped": {}}"#] {
      let unscoped = try await login(scope)
      #expect(unscoped["roles"] == nil)
      #expect(unscoped["catalog"] == nil)
    }
  }

  @Test func scopesWithoutRoleAreRefused() async throws {
    let cloud = try await Fixture()
    for scope in [
      Bodies.project(cloud.ids.adminProjectID), Bodies.project("nowhere"), #"{"system": {"all": true}}"#,
      #"{"domain": {"id": "default"}}"#, #"{"domain": {"id": "nowhere"}}"#,
    ] {
      let reply = await cloud.send(
        "POST", "/v3/auth/tokens", Bodies.password("demo", Fixture.demoPassword, scope: scope))
      #expect(reply.isFault(401), "\(scope)")
      #expect(reply.headers["WWW-Authenticate"] == "Keystone uri=\"http://seen.test/identity\"")
    }
  }

  @Test func defaultProject() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let path = "/v3/users/\(cloud.ids.demoUserID)"
    for (project, scoped) in [(cloud.ids.demoProjectID, true), (cloud.ids.adminProjectID, false), ("none", false)] {
      let set = await cloud.send("PATCH", path, #"{"user": {"default_project_id": "\#(project)"}}"#, token: admin)
      #expect(set.status == 200)
      let reply = await cloud.send("POST", "/v3/auth/tokens", Bodies.password("demo", Fixture.demoPassword))
      #expect(reply.status == 201)
      #expect((reply.json["token"]?["project"] != nil) == scoped)
    }
  }

  @Test func rescoping() async throws {
    let cloud = try await Fixture()
    let first = await cloud.send(
      "POST", "/v3/auth/tokens", Bodies.password("admin", Fixture.adminPassword, scope: #""unscoped""#))
    let second = await cloud.send(
      "POST", "/v3/auth/tokens",
      Bodies.token(try first.token, scope: Bodies.project(cloud.ids.adminProjectID)))
    #expect(second.status == 201)
    #expect(second.json["token"]?["methods"] == .array([.string("password"), .string("token")]))
    let audit = try #require(second.json["token"]?["audit_ids"]?.array)
    #expect(audit.count == 2)
    #expect(audit.last == first.json["token"]?["audit_ids"]?.array?.first)
  }

  @Test func applicationCredential() async throws {
    let cloud = try await Fixture()
    let demo = try await cloud.demo()
    let path = "/v3/users/\(cloud.ids.demoUserID)/application_credentials"
    let made = await cloud.send(
      "POST", path, #"{"application_credential": {"name": "robot", "roles": [{"name": "reader"}]}}"#, token: demo)
    #expect(made.status == 201, "\(made.text)")
    let credential = try #require(made.json["application_credential"])
    let id = try #require(credential["id"]?.string)
    let secret = try #require(credential["secret"]?.string)
    #expect(credential["unrestricted"] == .bool(false))
    #expect(credential["project_id"]?.string == cloud.ids.demoProjectID)
    for members in [
      #""id": "\#(id)", "secret": "\#(secret)""#,
      #""name": "robot", "secret": "\#(secret)", "user": {"id": "\#(cloud.ids.demoUserID)"}"#,
      #""name": "robot", "secret": "\#(secret)", "user": {"name": "demo", "domain": {"id": "default"}}"#,
    ] {
      let reply = await cloud.send("POST", "/v3/auth/tokens", Bodies.credential(members))
      #expect(reply.status == 201, "\(reply.text)")
      let token = try #require(reply.json["token"])
      #expect(token["methods"] == .array([.string("application_credential")]))
      #expect(token["roles"]?.array?.compactMap { $0["name"]?.string } == ["reader"])
      #expect(token["application_credential"]?["id"]?.string == id)
      #expect(token["application_credential"]?["restricted"] == .bool(true))
    }
    // Shown once.
    let shown = await cloud.send("GET", path + "/" + id, token: demo)
    #expect(shown.status == 200)
    #expect(shown.json["application_credential"]?["secret"] == nil)
    let wrong = await cloud.send("POST", "/v3/auth/tokens", Bodies.credential(#""id": "\#(id)", "secret": "guess""#))
    #expect(wrong.isFault(401))
  }

  @Test func applicationCredentialExpires() async throws {
    let cloud = try await Fixture()
    let demo = try await cloud.demo()
    let soon = Timestamp.now().adding(seconds: 600).iso8601Naive
    let made = await cloud.send(
      "POST", "/v3/users/\(cloud.ids.demoUserID)/application_credentials",
      #"{"application_credential": {"name": "short", "secret": "s3cret", "expires_at": "\#(soon)"}}"#, token: demo)
    #expect(made.status == 201, "\(made.text)")
    #expect(made.json["application_credential"]?["expires_at"]?.string == soon)
    let id = try #require(made.json["application_credential"]?["id"]?.string)
    let body = Bodies.credential(#""id": "\#(id)", "secret": "s3cret""#)
    let reply = await cloud.send("POST", "/v3/auth/tokens", body)
    #expect(reply.json["token"]?["expires_at"]?.string.flatMap(Timestamp.init(iso8601:))?.iso8601Naive == soon)
    cloud.moveClock(seconds: 601)
    #expect(await cloud.send("GET", "/v3/auth/projects", token: try reply.token).isFault(401))
    #expect(await cloud.send("POST", "/v3/auth/tokens", body).isFault(401))
  }

  @Test func badBodies() async throws {
    let cloud = try await Fixture()
    for body in [
      nil, "", "[]", "{", "{}", #"{"auth": 1}"#, #"{"auth": {}}"#, #"{"auth": {"identity": {}}}"#,
      #"{"auth": {"identity": {"methods": []}}}"#, #"{"auth": {"identity": {"methods": "password"}}}"#,
      #"{"auth": {"identity": {"methods": ["password"]}}}"#,
      #"{"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": "demo", "password": "x"}}}}}"#,
      #"{"auth": {"identity": {"methods": ["password"], "password": {"user": {"id": 7, "password": "x"}}}}}"#,
      #"{"auth": {"identity": {"methods": ["password"], "password": {"user": {"id": "7", "password": null}}}}}"#,
      #"{"auth": {"identity": {"methods": ["token"], "token": {"id": null}}}}"#,
      #"{"auth": {"identity": {"methods": ["application_credential"], "application_credential": {"name": "n", "secret": "s"}}}}"#,
      Bodies.password("demo", "x", scope: "{}"), Bodies.password("demo", "x", scope: "7"),
      Bodies.password("demo", "x", scope: #"{"project": {"name": "demo"}}"#),
      Bodies.password("demo", "x", scope: #"{"project": {"id": "a"}, "domain": {"id": "b"}}"#),
      Bodies.password("demo", "x", scope: #"{"system": {"all": false}}"#),
    ] {
      let reply = await cloud.send("POST", "/v3/auth/tokens", body)
      #expect(reply.isFault(400), "\(body ?? "nothing"): \(reply.text)")
    }
    let unknown = await cloud.send(
      "POST", "/v3/auth/tokens", #"{"auth": {"identity": {"methods": ["saml2"], "saml2": {}}}}"#)
    #expect(unknown.isFault(401))
    for token in ["", "x", "gAAAAA", String(repeating: "A", count: 3000)] {
      let reply = await cloud.send("POST", "/v3/auth/tokens", Bodies.token(token))
      #expect(reply.isFault(token.isEmpty ? 400 : 404))
    }
  }
}
