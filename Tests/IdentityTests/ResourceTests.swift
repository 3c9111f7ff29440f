import Identity
import Kit
import Store
import Testing

/// Domains, projects, users, groups, roles and their assignments.
struct ResourceTests {
  @Test func projects() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let made = await cloud.send(
      "POST", "/v3/projects",
      #"{"project": {"name": "p1", "description": "d", "tags": ["b", "a"], "colour": "red"}}"#, token: admin)
    #expect(made.status == 201)
    let project = try #require(made.json["project"])
    let id = try #require(project["id"]?.string)
    #expect(id.utf8.count == 32)
    #expect(project["domain_id"]?.string == "default")
    #expect(project["parent_id"]?.string == "default")
    #expect(project["enabled"] == .bool(true))
    #expect(project["colour"]?.string == "red")
    #expect(project["tags"] == .array([.string("a"), .string("b")]))
    #expect(project["links"]?["self"]?.string == "http://seen.test/identity/v3/projects/\(id)")
    let twice = await cloud.send("POST", "/v3/projects", #"{"project": {"name": "p1"}}"#, token: admin)
    #expect(twice.isFault(409))
    let child = try await cloud.make(
      "/v3/projects", #"{"project": {"name": "c", "parent_id": "\#(id)"}}"#, token: admin)
    #expect(await cloud.send("GET", "/v3/projects?parent_id=\(id)", token: admin).ids("projects") == [child])
    #expect(await cloud.send("GET", "/v3/projects?tags=a,b", token: admin).ids("projects") == [id])
    #expect(await cloud.send("GET", "/v3/projects?name=p1&domain_id=default", token: admin).ids("projects") == [id])
    #expect(await cloud.send("DELETE", "/v3/projects/\(id)", token: admin).isFault(403))
    let changed = await cloud.send(
      "PATCH", "/v3/projects/\(id)", #"{"project": {"name": "p2", "size": 3, "options": {"immutable": true}}}"#,
      token: admin)
    #expect(changed.json["project"]?["colour"]?.string == "red")
    #expect(changed.json["project"]?["size"]?.int == 3)
    #expect(changed.json["project"]?["name"]?.string == "p2")
    #expect(await cloud.send("PATCH", "/v3/projects/\(id)", #"{"project": {"name": "p3"}}"#, token: admin).isFault(403))
    #expect(await cloud.send("DELETE", "/v3/projects/\(child)", token: admin).status == 204)
    #expect(await cloud.send("DELETE", "/v3/projects/\(id)", token: admin).isFault(403))
    let unlocked = #"{"project": {"options": {"immutable": null}}}"#
    #expect(await cloud.send("PATCH", "/v3/projects/\(id)", unlocked, token: admin).status == 200)
    #expect(await cloud.send("DELETE", "/v3/projects/\(id)", token: admin).status == 204)
    #expect(await cloud.send("GET", "/v3/projects/\(id)", token: admin).isFault(404))
    let moved = #"{"project": {"domain_id": "other"}}"#
    #expect(await cloud.send("PATCH", "/v3/projects/\(cloud.ids.demoProjectID)", moved, token: admin).isFault(400))
  }

  @Test func tags() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let tags = "/v3/projects/\(cloud.ids.demoProjectID)/tags"
    #expect(await cloud.send("PUT", tags, #"{"tags": ["one", "two"]}"#, token: admin).status == 200)
    #expect(await cloud.send("PUT", tags + "/three", token: admin).status == 201)
    #expect(await cloud.send("GET", tags + "/three", token: admin).status == 204)
    #expect(await cloud.send("DELETE", tags + "/one", token: admin).status == 204)
    #expect(await cloud.send("DELETE", tags + "/one", token: admin).isFault(404))
    #expect(
      await cloud.send("GET", tags, token: try await cloud.demo()).json["tags"]
        == .array([.string("three"), .string("two")]))
    #expect(await cloud.send("PUT", tags, #"{"tags": ["a,b"]}"#, token: admin).isFault(400))
    #expect(await cloud.send("PUT", tags + "/x", token: try await cloud.demo()).isFault(403))
  }

  @Test func domains() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let id = try await cloud.make("/v3/domains", #"{"domain": {"name": "d1"}}"#, token: admin)
    let project = try await cloud.make(
      "/v3/projects", #"{"project": {"name": "admin", "domain_id": "\#(id)"}}"#, token: admin)
    _ = try await cloud.make("/v3/users", #"{"user": {"name": "admin", "domain_id": "\#(id)"}}"#, token: admin)
    #expect(await cloud.send("GET", "/v3/domains?name=d1", token: admin).ids("domains") == [id])
    #expect(await cloud.send("DELETE", "/v3/domains/\(id)", token: admin).isFault(403))
    #expect(
      await cloud.send("PATCH", "/v3/domains/\(id)", #"{"domain": {"enabled": false}}"#, token: admin).status == 200)
    #expect(await cloud.send("DELETE", "/v3/domains/\(id)", token: admin).status == 204)
    #expect(await cloud.send("GET", "/v3/projects/\(project)", token: admin).isFault(404))
    #expect(await cloud.send("DELETE", "/v3/domains/default", token: admin).isFault(403))
    #expect(await cloud.send("GET", "/v3/domains/default", token: try await cloud.demo()).status == 200)
    #expect(await cloud.send("GET", "/v3/domains", token: try await cloud.demo()).isFault(403))
  }

  @Test func users() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let demo = try await cloud.demo()
    let made = await cloud.send(
      "POST", "/v3/users", #"{"user": {"name": "u1", "password": "pass word", "email": "u@x", "description": "d"}}"#,
      token: admin)
    let id = try #require(made.json["user"]?["id"]?.string)
    #expect(made.json["user"]?["email"]?.string == "u@x")
    #expect(made.json["user"]?["password"] == nil)
    #expect(!made.text.contains("pass word"))
    #expect(made.json["user"]?["password_expires_at"] == .null)
    #expect(made.json["user"]?["options"] == .object([:]))
    #expect(await cloud.send("POST", "/v3/users", #"{"user": {"name": "u1"}}"#, token: admin).isFault(409))
    #expect(await cloud.send("GET", "/v3/users/\(id)", token: demo).isFault(403))
    #expect(await cloud.send("GET", "/v3/users/\(cloud.ids.demoUserID)", token: demo).status == 200)
    #expect(await cloud.send("GET", "/v3/users", token: demo).isFault(403))
    #expect(await cloud.send("GET", "/v3/users?name=u1", token: admin).ids("users") == [id])
    let renamed = await cloud.send(
      "PATCH", "/v3/users/\(id)", #"{"user": {"name": "u2", "email": null}}"#, token: admin)
    #expect(renamed.json["user"]?["name"]?.string == "u2")
    #expect(renamed.json["user"]?["email"] == .null)
    #expect(renamed.json["user"]?["description"]?.string == "d")
    #expect(await cloud.send("PATCH", "/v3/users/\(id)", #"{"user": {"name": "demo"}}"#, token: admin).isFault(409))
    #expect(await cloud.send("PATCH", "/v3/users/\(id)", #"{"user": {"enabled": false}}"#, token: demo).isFault(403))
    #expect(await cloud.send("DELETE", "/v3/users/\(id)", token: admin).status == 204)
    #expect(await cloud.send("DELETE", "/v3/users/\(id)", token: admin).isFault(404))
    let projects = await cloud.send("GET", "/v3/users/\(cloud.ids.demoUserID)/projects", token: demo)
    #expect(projects.names("projects") == ["demo"])
  }

  @Test func groups() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let id = try await cloud.make("/v3/groups", #"{"group": {"name": "g", "description": "x"}}"#, token: admin)
    let member = "/v3/groups/\(id)/users/\(cloud.ids.demoUserID)"
    #expect(await cloud.send("HEAD", member, token: admin).status == 404)
    #expect(await cloud.send("PUT", member, token: admin).status == 204)
    #expect(await cloud.send("PUT", member, token: admin).status == 204)
    #expect(await cloud.send("HEAD", member, token: admin).status == 204)
    #expect(await cloud.send("GET", "/v3/groups/\(id)/users", token: admin).names("users") == ["demo"])
    let own = await cloud.send("GET", "/v3/users/\(cloud.ids.demoUserID)/groups", token: try await cloud.demo())
    #expect(own.ids("groups") == [id])
    #expect(await cloud.send("PATCH", "/v3/groups/\(id)", #"{"group": {"name": "h"}}"#, token: admin).status == 200)
    #expect(await cloud.send("DELETE", member, token: admin).status == 204)
    #expect(await cloud.send("DELETE", member, token: admin).isFault(404))
    #expect(await cloud.send("DELETE", "/v3/groups/\(id)", token: admin).status == 204)
    #expect(await cloud.send("GET", "/v3/groups/\(id)/users", token: admin).isFault(404))
  }

  @Test func roles() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let builtIn = try await cloud.role("admin", token: admin)
    #expect(await cloud.send("DELETE", "/v3/roles/\(builtIn)", token: admin).isFault(403))
    #expect(await cloud.send("PATCH", "/v3/roles/\(builtIn)", #"{"role": {"name": "x"}}"#, token: admin).isFault(403))
    let id = try await cloud.make("/v3/roles", #"{"role": {"name": "operator", "note": 1}}"#, token: admin)
    let demo = "/v3/projects/\(cloud.ids.demoProjectID)/users/\(cloud.ids.demoUserID)/roles"
    #expect(await cloud.send("PUT", "\(demo)/\(id)", token: admin).status == 204)
    #expect(await cloud.send("GET", demo, token: admin).names("roles") == ["member", "operator"])
    // What a role brings.
    let implied = try await cloud.make("/v3/roles", #"{"role": {"name": "watcher"}}"#, token: admin)
    #expect(await cloud.send("PUT", "/v3/roles/\(id)/implies/\(implied)", token: admin).status == 201)
    #expect(await cloud.send("PUT", "/v3/roles/\(id)/implies/\(builtIn)", token: admin).isFault(403))
    let login = await cloud.send(
      "POST", "/v3/auth/tokens",
      Bodies.password("demo", Fixture.demoPassword, scope: Bodies.project(cloud.ids.demoProjectID)))
    #expect(
      login.json["token"]?["roles"]?.array?.compactMap { $0["name"]?.string }
        == ["member", "operator", "reader", "watcher"])
    let rules = await cloud.send("GET", "/v3/role_inferences", token: admin)
    #expect(rules.json["role_inferences"]?.array?.count == 4)
    // Deleting a role takes its assignments along.
    #expect(await cloud.send("DELETE", "/v3/roles/\(id)", token: admin).status == 204)
    #expect(await cloud.send("GET", demo, token: admin).names("roles") == ["member"])
    #expect(await cloud.send("GET", "/v3/role_inferences", token: admin).json["role_inferences"]?.array?.count == 3)
  }

  @Test func assignments() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    func list(_ query: String) async -> [JSONValue] {
      await cloud.send("GET", "/v3/role_assignments?" + query, token: admin).json["role_assignments"]?.array ?? []
    }
    #expect(await list("").count == 4)
    #expect(await list("effective").count == 3 * 4 + 2)
    #expect(await list("user.id=\(cloud.ids.demoUserID)&effective=true").count == 2)
    #expect(await list("scope.system=all").count == 1)
    #expect(
      await list("scope.domain.id=default&include_names=1").first?["scope"]?["domain"]?["name"]?.string == "Default")
    let reader = try await cloud.role("reader", token: admin)
    #expect(await list("effective&role.id=\(reader)&scope.project.id=\(cloud.ids.demoProjectID)").count == 1)
    #expect(await list("scope.OS-INHERIT:inherited_to=projects").isEmpty)
    let named = await list("include_names&scope.project.id=\(cloud.ids.demoProjectID)").first
    #expect(named?["user"]?["name"]?.string == "demo")
    #expect(named?["user"]?["domain"]?["name"]?.string == "Default")
    #expect(named?["role"]?["name"]?.string == "member")
    // By a group, and in a project below.
    let group = try await cloud.make("/v3/groups", #"{"group": {"name": "g"}}"#, token: admin)
    _ = await cloud.send("PUT", "/v3/groups/\(group)/users/\(cloud.ids.adminUserID)", token: admin)
    let below = try await cloud.make(
      "/v3/projects", #"{"project": {"name": "below", "parent_id": "\#(cloud.ids.demoProjectID)"}}"#, token: admin)
    #expect(
      await cloud.send("PUT", "/v3/projects/\(below)/groups/\(group)/roles/\(reader)", token: admin).status == 204)
    #expect(await list("group.id=\(group)").count == 1)
    let tree = await list(
      "scope.project.id=\(cloud.ids.demoProjectID)&include_subtree&effective&user.id=\(cloud.ids.adminUserID)")
    #expect(tree.count == 1)
    #expect(
      tree.first?["links"]?["membership"]?.string?.hasSuffix("/groups/\(group)/users/\(cloud.ids.adminUserID)") == true)
    for bad in [
      "user.id=a&group.id=b", "scope.project.id=a&scope.domain.id=b", "scope.system=all&scope.domain.id=b",
      "effective&group.id=a", "include_subtree", "effective=maybe",
    ] {
      #expect(await cloud.send("GET", "/v3/role_assignments?" + bad, token: admin).isFault(400), "\(bad)")
    }
    #expect(await cloud.send("GET", "/v3/role_assignments", token: try await cloud.demo()).isFault(403))
  }

  @Test func grantsNeedWhatExists() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let role = try await cloud.role("reader", token: admin)
    let demo = cloud.ids.demoUserID
    for path in [
      "/v3/projects/none/users/\(demo)/roles/\(role)", "/v3/projects/default/users/\(demo)/roles/\(role)",
      "/v3/domains/\(cloud.ids.demoProjectID)/users/\(demo)/roles/\(role)",
      "/v3/projects/\(cloud.ids.demoProjectID)/users/none/roles/\(role)",
      "/v3/projects/\(cloud.ids.demoProjectID)/groups/none/roles/\(role)",
      "/v3/system/users/\(demo)/roles/none", "/v3/system/users/none/roles/\(role)",
    ] {
      #expect(await cloud.send("PUT", path, token: admin).isFault(404), "\(path)")
      #expect(await cloud.send("DELETE", path, token: admin).isFault(404), "\(path)")
      #expect(await cloud.send("HEAD", path, token: admin).status == 404, "\(path)")
    }
    let system = "/v3/system/users/\(demo)/roles/\(role)"
    #expect(await cloud.send("PUT", system, token: admin).status == 204)
    #expect(await cloud.send("PUT", system, token: admin).status == 204)
    #expect(await cloud.send("HEAD", system, token: admin).status == 204)
    // A reader of the system sees everything and changes nothing.
    let reader = try await cloud.send(
      "POST", "/v3/auth/tokens", Bodies.password("demo", Fixture.demoPassword, scope: #"{"system": {"all": true}}"#)
    ).token
    #expect(await cloud.send("GET", "/v3/users", token: reader).names("users") == ["admin", "demo"])
    #expect(await cloud.send("POST", "/v3/users", #"{"user": {"name": "x"}}"#, token: reader).isFault(403))
  }

  @Test func longLists() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    try await cloud.store.write { tx in
      for number in 1...2500 {
        try tx.execute(
          """
          INSERT INTO identity_user (id, domain_id, name, enabled, options, extra)
          VALUES (\(Identifier.hex()), 'default', \("user \(number)"), 1, '{}', '{}')
          """)
      }
    }
    let all = await cloud.send("GET", "/v3/users", token: admin)
    #expect(Set(all.ids("users")).count == 2502)
    #expect(all.json["links"]?["next"] == .null)
    var seen: [String] = []
    var path: String? = "/v3/users?limit=700&enabled=true"
    while let next = path {
      let page = await cloud.send("GET", next, token: admin)
      seen += page.ids("users")
      path = page.json["links"]?["next"]?.string.map { $0.replacing("http://seen.test/identity", with: "") }
    }
    #expect(seen.count == 2502)
    #expect(Set(seen).count == 2502)
  }
}
