import Identity
import Kit
import Testing

/// Looking at tokens: what is shown, for how long, and what can be got with them.
struct TokenValidationTests {
  private func show(_ cloud: Fixture, _ subject: String, by token: String, _ query: String = "") async -> Answer {
    await cloud.send("GET", "/v3/auth/tokens" + query, token: token, headers: [("X-Subject-Token", subject)])
  }

  /// A service may look at a token that ended in the midst of long work.
  @Test func expiredTokens() async throws {
    let cloud = try await Fixture()
    let demo = try await cloud.freshDemo()
    let other = try await cloud.freshDemo()
    let credential = try await cloud.make(
      "/v3/users/\(cloud.ids.demoUserID)/application_credentials",
      #"{"application_credential": {"name": "c", "secret": "s"}}"#, token: demo)
    let delegated = try await cloud.send(
      "POST", "/v3/auth/tokens", Bodies.credential(#""id": "\#(credential)", "secret": "s""#)
    ).token
    cloud.moveClock(seconds: 3601)
    let admin = try await cloud.freshAdmin()
    for token in [demo, delegated] {
      #expect(await show(cloud, token, by: admin).isFault(404))
      #expect(await show(cloud, token, by: admin, "?allow_expired=0").isFault(404))
      let shown = await show(cloud, token, by: admin, "?allow_expired=1")
      #expect(shown.status == 200, "\(shown.text)")
      #expect(shown.json["token"]?["user"]?["id"]?.string == cloud.ids.demoUserID)
      // It opens nothing, and is exchanged for nothing.
      #expect(await cloud.send("GET", "/v3/auth/projects?allow_expired=1", token: token).isFault(401))
      #expect(await cloud.send("POST", "/v3/auth/tokens?allow_expired=1", Bodies.token(token)).isFault(404))
    }
    // What was revoked stays so.
    let revoker = try await cloud.freshDemo()
    #expect(
      await cloud.send("DELETE", "/v3/auth/tokens", token: revoker, headers: [("X-Subject-Token", revoker)]).status
        == 204)
    cloud.moveClock(seconds: 3601)
    let later = try await cloud.freshAdmin()
    #expect(await show(cloud, revoker, by: later, "?allow_expired=1").isFault(404))
    // Two days after its end nobody sees it.
    cloud.moveClock(seconds: 172_800 - 6000)
    let last = try await cloud.freshAdmin()
    #expect(await show(cloud, other, by: last, "?allow_expired=1").status == 200)
    cloud.moveClock(seconds: 2500)
    #expect(await show(cloud, other, by: last, "?allow_expired=1").isFault(404))
  }

  /// A rotation a day does not take that away.
  @Test func rotationsLeaveExpiredTokens() async throws {
    let cloud = try await Fixture()
    let demo = try await cloud.freshDemo()
    for _ in 1...2 {
      try cloud.identity.rotateKeys()
      cloud.moveClock(seconds: 86_400)
    }
    let admin = try await cloud.freshAdmin()
    #expect(await show(cloud, demo, by: admin, "?allow_expired=1").status == 200)
  }

  @Test func catalogueWhereWanted() async throws {
    let cloud = try await Fixture()
    let demo = try await cloud.demo()
    #expect(await show(cloud, demo, by: demo).json["token"]?["catalog"]?.array?.isEmpty == false)
    for query in ["?nocatalog", "?nocatalog=false"] {
      #expect(await show(cloud, demo, by: demo, query).json["token"]?["catalog"] == nil)
    }
    let body = Bodies.token(demo, scope: Bodies.project(cloud.ids.demoProjectID))
    #expect(await cloud.send("POST", "/v3/auth/tokens?nocatalog", body).json["token"]?["catalog"] == nil)
    #expect(await cloud.send("POST", "/v3/auth/tokens", body).json["token"]?["catalog"]?.array?.isEmpty == false)
    let head = await cloud.send("HEAD", "/v3/auth/tokens", token: demo, headers: [("X-Subject-Token", demo)])
    #expect(head.status == 200 && head.text.isEmpty)
    #expect(head.headers["X-Subject-Token"] == demo)
  }

  /// From the system's scope nobody comes into a project's or a domain's; from those into every other one.
  @Test func scopesOfExchanges() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    func exchange(_ token: String, _ scope: String?) async -> Answer {
      await cloud.send("POST", "/v3/auth/tokens", Bodies.token(token, scope: scope))
    }
    let project = Bodies.project(cloud.ids.adminProjectID)
    let domain = #"{"domain": {"id": "default"}}"#
    let system = #"{"system": {"all": true}}"#
    let asSystem = await exchange(admin, system)
    #expect(asSystem.json["token"]?["system"] == .object(["all": .bool(true)]))
    #expect(asSystem.json["token"]?["project"] == nil && asSystem.json["token"]?["roles"]?.array?.isEmpty == false)
    for scope in [project, domain] { #expect(await exchange(try asSystem.token, scope).isFault(403)) }
    #expect(await exchange(try asSystem.token, system).status == 201)
    let unscoped = await exchange(try asSystem.token, #"{"unscoped": {}}"#)
    #expect(unscoped.status == 201)
    #expect(unscoped.json["token"]?["roles"] == nil && unscoped.json["token"]?["catalog"] == nil)
    let asDomain = await exchange(admin, domain)
    #expect(asDomain.json["token"]?["domain"]?["name"]?.string == "Default")
    #expect(asDomain.json["token"]?["is_domain"] == nil)
    let back = await exchange(try asDomain.token, project)
    #expect(back.json["token"]?["project"]?["id"]?.string == cloud.ids.adminProjectID)
    #expect(back.json["token"]?["is_domain"] == .bool(false))
    #expect(back.json["token"]?["audit_ids"]?.array?.count == 2)
    // A default project is where a token goes whose scope nobody names: but not from the system.
    let patched = await cloud.send(
      "PATCH", "/v3/users/\(cloud.ids.adminUserID)",
      #"{"user": {"default_project_id": "\#(cloud.ids.adminProjectID)"}}"#, token: admin)
    #expect(patched.status == 200)
    #expect(await exchange(admin, nil).json["token"]?["project"]?["name"]?.string == "admin")
    let stays = await exchange(try asSystem.token, nil)
    #expect(stays.status == 201 && stays.json["token"]?["project"] == nil)
    #expect(await exchange(admin, #"{"unscoped": {}}"#).json["token"]?["project"] == nil)
  }

  /// Methods in any order, one of them twice; one that is not offered, and one that nobody knows.
  @Test func methods() async throws {
    let cloud = try await Fixture()
    let demo = try await cloud.demo()
    let password = #""password": {"user": {"id": "\#(cloud.ids.demoUserID)", "password": "\#(Fixture.demoPassword)"}}"#
    for order in [#"["password", "token"]"#, #"["token", "password", "token"]"#] {
      let reply = await cloud.send(
        "POST", "/v3/auth/tokens",
        #"{"auth": {"identity": {"methods": \#(order), \#(password), "token": {"id": "\#(demo)"}}}}"#)
      #expect(reply.json["token"]?["methods"]?.array?.compactMap(\.string) == ["password", "token"], "\(order)")
    }
    // Together they are one user's.
    let admins = #""token": {"id": "\#(try await cloud.admin())"}"#
    let two = #"{"auth": {"identity": {"methods": ["password", "token"], \#(password), \#(admins)}}}"#
    #expect(await cloud.send("POST", "/v3/auth/tokens", two).isFault(401))
    for (method, member, status) in [
      ("kerberos", #", "kerberos": {}"#, 401), ("x509", #", "x509": {}"#, 401), ("saml2", "", 400), ("totp", "", 400),
    ] {
      let reply = await cloud.send(
        "POST", "/v3/auth/tokens",
        #"{"auth": {"identity": {"methods": ["password", "\#(method)"], \#(password)\#(member)}}}"#)
      #expect(reply.isFault(status), "\(method): \(reply.text)")
      guard status == 401 else { continue }
      let offered = reply.json["error"]?["identity"]?["methods"]?.array?.compactMap(\.string) ?? []
      #expect(Set(["password", "token", "application_credential", "totp"]).isSubset(of: offered))
      #expect(reply.headers["WWW-Authenticate"] != nil)
    }
  }
}
