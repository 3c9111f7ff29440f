import Kit
import Testing

@testable import Identity

/// What a federated login makes: users, groups for a time, projects with just the mapping's roles.
struct ShadowUserTests {
  private typealias Scene = FederatedLoginTests.Scene
  private static let idpPath = FederatedLoginTests.idpPath

  private static func projects(_ version: String) -> String {
    """
    {"schema_version": "\(version)", "rules": [{"local": [{"user": {"name": "{0}"}}, {"domain": {"id": "default"},
      "projects": [{"name": "home of {0}", "roles": [{"name": "reader"}]}, 
        {"name": "demo", "roles": [{"name": "{1}"}]}]}],
      "remote": [{"type": "OIDC-sub"}, {"type": "OIDC-role"}]}]}
    """
  }

  private func roles(_ scene: Scene, _ answer: Answer, _ project: String) async throws -> [String] {
    let scope = #"{"project": {"name": "\#(project)", "domain": {"id": "default"}}}"#
    let scoped = await scene.rescope(try answer.token, scope)
    return scoped.json["token"]?["roles"]?.array?.compactMap { $0["name"]?.string } ?? []
  }

  /// Exactly the mapping's roles, in exactly its projects (ATTACKS 21).
  @Test func projectsWithTheMappingsRolesOnly() async throws {
    let scene = try await Scene(Self.projects("2.0"))
    let first = try await scene.login("alice", but: ["role": .string("member")])
    try #require(first.status == 201, "\(first.text)")
    #expect(try await roles(scene, first, "home of alice") == ["reader"])
    #expect(try await roles(scene, first, "demo") == ["member", "reader"])
    #expect(try await roles(scene, first, "admin") == [])
    let projects = await scene.cloud.send("GET", "/v3/auth/projects", token: try first.token)
    #expect(projects.names("projects") == ["demo", "home of alice"])
    // A role that is not there makes nothing at all.
    let refused = try await scene.login("bob", but: ["role": .string("no such role")])
    #expect(refused.isFault(401))
    let made = await scene.cloud.send("GET", "/v3/projects?name=home%20of%20bob", token: scene.admin)
    #expect(made.ids("projects") == [])
    #expect(await scene.cloud.send("GET", "/v3/users?unique_id=bob", token: scene.admin).ids("users") == [])
    // Before version 3.0, roles that a login does not name any more stay.
    let second = try await scene.login("alice", but: ["role": .string("manager")])
    #expect(try await roles(scene, second, "demo") == ["manager", "member", "reader"])
  }

  @Test func versionThreeTakesAwayWhatIsNotNamed() async throws {
    let scene = try await Scene(Self.projects("3.0"))
    let first = try await scene.login("alice", but: ["role": .string("manager")])
    let user = try #require(first.json["token"]?["user"]?["id"]?.string)
    let member = try await scene.cloud.role("member", token: scene.admin)
    let elsewhere = "/v3/projects/\(scene.cloud.ids.adminProjectID)/users/\(user)/roles/\(member)"
    #expect(await scene.cloud.send("PUT", elsewhere, token: scene.admin).status == 204)
    let second = try await scene.login("alice", but: ["role": .string("reader")])
    #expect(try await roles(scene, second, "demo") == ["reader"])
    #expect(try await roles(scene, second, "home of alice") == ["reader"])
    #expect(await scene.cloud.send("HEAD", elsewhere, token: scene.admin).status == 404)
  }

  @Test func disablingVoidsAndDeletingRemoves() async throws {
    let scene = try await Scene()
    let cloud = scene.cloud
    let alice = try await scene.login("alice", groups: ["ops"])
    let scoped = try await scene.rescope(try alice.token, Bodies.project(cloud.ids.demoProjectID)).token
    #expect(await cloud.send("GET", "/v3/auth/projects", token: scoped).status == 200)
    func set(_ enabled: Bool) async {
      let body = #"{"identity_provider": {"enabled": \#(enabled)}}"#
      #expect(await cloud.send("PATCH", Self.idpPath, body, token: scene.admin).status == 200)
    }
    await set(false)
    for token in [scoped, try alice.token] {
      #expect(await cloud.send("GET", "/v3/auth/projects", token: token).status == 401)
    }
    #expect(try await scene.login("alice").isFault(403))
    await set(true)
    #expect(await cloud.send("GET", "/v3/auth/projects", token: scoped).status == 401)
    let again = try await scene.login("alice", groups: ["ops"])
    #expect(again.json["token"]?["user"]?["id"] == alice.json["token"]?["user"]?["id"])
    // A user who was disabled here gets nothing, whatever its provider says.
    let user = try #require(again.json["token"]?["user"]?["id"]?.string)
    func enable(_ flag: Bool) async {
      let body = #"{"user": {"enabled": \#(flag)}}"#
      #expect(await cloud.send("PATCH", "/v3/users/\(user)", body, token: scene.admin).status == 200)
    }
    await enable(false)
    #expect(try await scene.login("alice", groups: ["ops"]).isFault(401))
    await enable(true)
    let last = try await scene.login("alice", groups: ["ops"])
    #expect(await cloud.send("DELETE", Self.idpPath + "/protocols/openid", token: scene.admin).status == 204)
    #expect(await cloud.send("GET", "/v3/auth/projects", token: try last.token).status == 401)
    #expect(await cloud.send("GET", "/v3/users/\(user)", token: scene.admin).isFault(404))
    #expect(try await scene.login("alice").isFault(404))
    #expect(await cloud.send("DELETE", Self.idpPath, token: scene.admin).status == 204)
    #expect(try await scene.login("alice").isFault(404))
  }

  /// A group that is deleted, or loses its role, takes the right with it in the next request.
  @Test func groupsAreLookedAtInEveryRequest() async throws {
    let scene = try await Scene()
    let cloud = scene.cloud
    let alice = try await scene.login("alice", groups: ["ops"])
    let scoped = try await scene.rescope(try alice.token, Bodies.project(cloud.ids.demoProjectID)).token
    #expect(await cloud.send("GET", "/v3/auth/projects", token: scoped).status == 200)
    #expect(await cloud.send("DELETE", "/v3/groups/\(scene.groupID)", token: scene.admin).status == 204)
    #expect(await cloud.send("GET", "/v3/auth/projects", token: scoped).status == 401)
  }

  /// Nobody becomes another by having the same name elsewhere.
  @Test func namesThatAreTaken() async throws {
    let rules = """
      {"rules": [{"local": [{"user": {"name": "{0}", "domain": {"id": "default"}}}], "remote": [{"type": "OIDC-sub"}]}]}
      """
    let scene = try await Scene(rules)
    let reply = try await scene.login("admin")
    try #require(reply.status == 201, "\(reply.text)")
    let user = try #require(reply.json["token"]?["user"])
    #expect(user["name"]?.string == "admin (corp/openid)" && user["domain"]?["id"]?.string == "default")
    #expect(user["id"]?.string != scene.cloud.ids.adminUserID)
    #expect(await scene.rescope(try reply.token, Bodies.project(scene.cloud.ids.adminProjectID)).isFault(401))
    // The shadow has no password: the name's owner alone gets in by one.
    let login = Bodies.password("admin (corp/openid)", "")
    #expect(await scene.cloud.send("POST", "/v3/auth/tokens", login).isFault(401))
    let again = try await scene.login("admin")
    #expect(again.json["token"]?["user"]?["id"] == user["id"])
  }

  @Test func localUsers() async throws {
    let rules = """
      {"rules": [{"local": [{"user": {"name": "{0}", "type": "local", "domain": {"id": "default"}}},
        {"group": {"name": "ops", "domain": {"id": "default"}}}], "remote": [{"type": "OIDC-sub"}]}]}
      """
    let scene = try await Scene(rules)
    let reply = try await scene.login("demo")
    try #require(reply.status == 201, "\(reply.text)")
    #expect(reply.json["token"]?["user"]?["id"]?.string == scene.cloud.ids.demoUserID)
    #expect(reply.json["token"]?["user"]?["OS-FEDERATION"] == nil)
    #expect(try await roles(scene, reply, "demo") == ["member", "reader"])
    #expect(try await scene.login("nobody").isFault(401))
  }

  /// Where the provider has an `authorization_ttl`, groups outlive the token for what was made to last.
  @Test func groupsForATime() async throws {
    let scene = try await Scene(ttl: 10)
    let cloud = scene.cloud
    let alice = try await scene.login("alice", groups: ["ops"])
    let user = try #require(alice.json["token"]?["user"]?["id"]?.string)
    let scoped = try await scene.rescope(try alice.token, Bodies.project(cloud.ids.demoProjectID)).token
    let made = await cloud.send(
      "POST", "/v3/users/\(user)/application_credentials", #"{"application_credential": {"name": "robot"}}"#,
      token: scoped)
    try #require(made.status == 201, "\(made.text)")
    let credential = try #require(made.json["application_credential"])
    let id = try #require(credential["id"]?.string)
    let secret = try #require(credential["secret"]?.string)
    let body = Bodies.credential(#""id": "\#(id)", "secret": "\#(secret)""#)
    let robot = await cloud.send("POST", "/v3/auth/tokens", body)
    try #require(robot.status == 201, "\(robot.text)")
    let token = try robot.token
    #expect(await cloud.send("GET", "/v3/auth/projects", token: token).status == 200)
    cloud.moveClock(seconds: 300)
    #expect(await cloud.send("GET", "/v3/auth/projects", token: token).status == 200)
    cloud.moveClock(seconds: 301)
    #expect(await cloud.send("GET", "/v3/auth/projects", token: token).status == 401)
    #expect(await cloud.send("POST", "/v3/auth/tokens", body).isFault(401))
    // The next login renews it, and one without the group ends it at once.
    let renewed = try await scene.login("alice", groups: ["ops"])
    #expect(renewed.status == 201)
    #expect(await cloud.send("GET", "/v3/auth/projects", token: token).status == 200)
    #expect(try await scene.login("alice").status == 201)
    #expect(await cloud.send("GET", "/v3/auth/projects", token: token).status == 401)
  }
}
