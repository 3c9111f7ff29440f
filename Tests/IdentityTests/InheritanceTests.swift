import Auth
import Kit
import Store
import Testing

@testable import Identity

/// Roles that projects inherit from above, roles of domains, and what of both is in a token.
@Suite struct InheritanceTests {
  /// A tree of projects below the default domain, and a user and a group without any role.
  private struct Tree {
    let cloud: Fixture
    let admin: String
    let top: String
    let middle: String
    let leaf: String
    let beside: String
    let user: String
    let group: String

    init() async throws {
      let cloud = try await Fixture()
      let admin = try await cloud.admin()
      func project(_ name: String, _ parent: String) async throws -> String {
        try await cloud.make(
          "/v3/projects", #"{"project": {"name": "\#(name)", "parent_id": "\#(parent)"}}"#, token: admin)
      }
      top = try await project("top", "default")
      middle = try await project("middle", top)
      leaf = try await project("leaf", middle)
      beside = try await project("beside", "default")
      user = try await cloud.make("/v3/users", #"{"user": {"name": "heir"}}"#, token: admin)
      group = try await cloud.make("/v3/groups", #"{"group": {"name": "heirs"}}"#, token: admin)
      self.cloud = cloud
      self.admin = admin
    }

    func send(_ method: String, _ path: String, _ body: String? = nil) async -> Answer {
      await cloud.send(method, path, body, token: admin)
    }

    /// The path of an inherited grant.
    func grant(_ place: String, _ actor: String, _ role: String) -> String {
      "/v3/OS-INHERIT\(place)\(actor)/roles/\(role)/inherited_to_projects"
    }

    /// Names of the roles in the user's token; nil where a token of that scope is worth nothing.
    func roles(_ scope: TokenPayload.Scope) async throws -> [String]? {
      let token = try cloud.seal(user: user, scope)
      let answer = await cloud.send("GET", "/v3/auth/tokens", token: token, headers: [("X-Subject-Token", token)])
      guard answer.status == 200 else {
        #expect(answer.isFault(401))
        return nil
      }
      return answer.json["token"]?["roles"]?.array?.compactMap { $0["name"]?.string }
    }

    func roles(in project: String) async throws -> [String]? {
      try await roles(.project(id: project, generation: 0))
    }

    /// Names of projects that the user may choose from.
    func choice() async throws -> [String] {
      let token = try cloud.seal(user: user, .unscoped)
      let names = await cloud.send("GET", "/v3/auth/projects", token: token).names("projects")
      #expect(await cloud.send("GET", "/v3/OS-FEDERATION/projects", token: token).names("projects") == names)
      #expect(await cloud.send("GET", "/v3/users/\(user)/projects", token: token).names("projects") == names)
      return names
    }
  }

  @Test func fromADomain() async throws {
    let tree = try await Tree()
    let reader = try await tree.cloud.role("reader", token: tree.admin)
    let grant = tree.grant("/domains/default", "/users/\(tree.user)", reader)
    #expect(await tree.send("HEAD", grant).status == 404)
    #expect(await tree.send("PUT", grant).status == 204)
    #expect(await tree.send("PUT", grant).status == 204)
    #expect(await tree.send("HEAD", grant).status == 204)
    let list = "/v3/OS-INHERIT/domains/default/users/\(tree.user)/roles/inherited_to_projects"
    #expect(await tree.send("GET", list).ids("roles") == [reader])
    // In every project at any depth, and not in the domain; and it is no grant on the domain.
    for project in [tree.top, tree.middle, tree.leaf, tree.beside] {
      #expect(try await tree.roles(in: project) == ["reader"])
    }
    #expect(try await tree.roles(.domain(id: "default", generation: 0)) == nil)
    #expect(try await tree.choice() == ["admin", "beside", "demo", "leaf", "middle", "top"])
    let unscoped = try tree.cloud.seal(user: tree.user, .unscoped)
    for path in ["/v3/auth/domains", "/v3/OS-FEDERATION/domains"] {
      #expect(await tree.cloud.send("GET", path, token: unscoped).ids("domains").isEmpty)
    }
    let plain = "/v3/domains/default/users/\(tree.user)/roles"
    #expect(await tree.send("HEAD", "\(plain)/\(reader)").status == 404)
    #expect(await tree.send("GET", plain).ids("roles").isEmpty)
    #expect(await tree.send("DELETE", "\(plain)/\(reader)").isFault(404))
    // Both may be there side by side.
    #expect(await tree.send("PUT", "\(plain)/\(reader)").status == 204)
    #expect(try await tree.roles(.domain(id: "default", generation: 0)) == ["reader"])
    #expect(await tree.cloud.send("GET", "/v3/auth/domains", token: unscoped).ids("domains") == ["default"])
    #expect(await tree.send("DELETE", "\(plain)/\(reader)").status == 204)
    #expect(try await tree.roles(in: tree.leaf) == ["reader"])
    // Taken away: gone in the very next request.
    #expect(await tree.send("DELETE", grant).status == 204)
    #expect(await tree.send("DELETE", grant).isFault(404))
    #expect(try await tree.roles(in: tree.leaf) == nil)
    #expect(try await tree.choice() == [])
  }

  @Test func fromAProjectByAGroup() async throws {
    let tree = try await Tree()
    let member = try await tree.cloud.role("member", token: tree.admin)
    let grant = tree.grant("/projects/\(tree.top)", "/groups/\(tree.group)", member)
    #expect(await tree.send("PUT", grant).status == 204)
    #expect(try await tree.roles(in: tree.leaf) == nil)
    let membership = "/v3/groups/\(tree.group)/users/\(tree.user)"
    #expect(await tree.send("PUT", membership).status == 204)
    // Below the project, not in it.
    #expect(try await tree.roles(in: tree.leaf) == ["member", "reader"])
    #expect(try await tree.roles(in: tree.middle) == ["member", "reader"])
    #expect(try await tree.roles(in: tree.top) == nil)
    #expect(try await tree.roles(in: tree.beside) == nil)
    #expect(try await tree.choice() == ["leaf", "middle"])
    // Added to what is had below.
    let manager = try await tree.cloud.role("manager", token: tree.admin)
    let below = "/v3/projects/\(tree.leaf)/users/\(tree.user)/roles/\(manager)"
    #expect(await tree.send("PUT", below).status == 204)
    #expect(try await tree.roles(in: tree.leaf) == ["manager", "member", "reader"])
    #expect(try await tree.roles(in: tree.middle) == ["member", "reader"])
    // Out of the group: gone in the very next request, and only that.
    #expect(await tree.send("DELETE", membership).status == 204)
    #expect(try await tree.roles(in: tree.middle) == nil)
    #expect(try await tree.choice() == ["leaf"])
    for path in [
      tree.grant("/projects/none", "/groups/\(tree.group)", member),
      tree.grant("/projects/\(tree.top)", "/groups/none", member),
      tree.grant("/projects/\(tree.top)", "/groups/\(tree.group)", "none"),
    ] {
      for method in ["PUT", "DELETE"] { #expect(await tree.send(method, path).isFault(404), "\(method) \(path)") }
    }
  }

  /// A role of a domain works by what it implies, and never is in a token itself.
  @Test func rolesOfDomains() async throws {
    let tree = try await Tree()
    func make(_ name: String) async throws -> String {
      try await tree.cloud.make(
        "/v3/roles", #"{"role": {"name": "\#(name)", "domain_id": "default"}}"#, token: tree.admin)
    }
    // Called admin, it makes nobody an administrator.
    let local = try await make("admin")
    let grant = "/v3/projects/\(tree.leaf)/users/\(tree.user)/roles/\(local)"
    #expect(await tree.send("PUT", grant).status == 204)
    #expect(try await tree.roles(in: tree.leaf) == nil)
    #expect(try await tree.choice() == [])
    let through = try await make("through")
    let reader = try await tree.cloud.role("reader", token: tree.admin)
    #expect(await tree.send("PUT", "/v3/roles/\(local)/implies/\(through)").status == 201)
    #expect(try await tree.roles(in: tree.leaf) == nil)
    #expect(await tree.send("PUT", "/v3/roles/\(through)/implies/\(reader)").status == 201)
    #expect(try await tree.roles(in: tree.leaf) == ["reader"])
    #expect(try await tree.choice() == ["leaf"])
    let assignments = await tree.send("GET", "/v3/role_assignments?user.id=\(tree.user)&include_names")
    let role = assignments.json["role_assignments"]?.array?.first?["role"]
    #expect(role?["id"]?.string == local && role?["name"]?.string == "admin")
    #expect(role?["domain"]?["id"]?.string == "default" && role?["domain"]?["name"]?.string == "Default")
    let effective = await tree.send("GET", "/v3/role_assignments?user.id=\(tree.user)&effective")
    #expect(effective.json["role_assignments"]?.array?.compactMap { $0["role"]?["id"]?.string } == [reader])
    // Only where the domain has something to say.
    let other = try await tree.cloud.make("/v3/domains", #"{"domain": {"name": "other"}}"#, token: tree.admin)
    let foreign = try await tree.cloud.make(
      "/v3/projects", #"{"project": {"name": "foreign", "domain_id": "\#(other)"}}"#, token: tree.admin)
    for path in [
      "/v3/projects/\(foreign)/users/\(tree.user)/roles/\(local)",
      tree.grant("/projects/\(foreign)", "/users/\(tree.user)", local),
    ] {
      #expect(await tree.send("PUT", path).isFault(403), "\(path)")
    }
    #expect(await tree.send("DELETE", "/v3/roles/\(through)/implies/\(reader)").status == 204)
    #expect(try await tree.roles(in: tree.leaf) == nil)
  }

  /// Groups that a login brings for the life of a token count like the user's own.
  @Test func groupsOfALogin() async throws {
    let tree = try await Tree()
    let member = try await tree.cloud.role("member", token: tree.admin)
    for path in [
      tree.grant("/domains/default", "/groups/\(tree.group)", member),
      "/v3/system/groups/\(tree.group)/roles/\(member)", "/v3/domains/default/groups/\(tree.group)/roles/\(member)",
    ] {
      #expect(await tree.send("PUT", path).status == 204)
    }
    let (user, group, leaf) = (tree.user, tree.group, tree.leaf)
    for target in [Target.project(leaf), .domain("default"), .system] {
      let (none, some) = try await tree.cloud.store.read { tx in
        (
          try AssignmentTable.effectiveRoles(tx, user: user, target),
          try AssignmentTable.effectiveRoles(tx, user: user, groups: ["unknown", group], target)
        )
      }
      #expect(none.isEmpty, "\(target)")
      #expect(some.map(\.name) == ["member", "reader"], "\(target)")
    }
    let reached = try await tree.cloud.store.read { tx in
      try ProjectTable.list(tx, [AssignmentTable.reachable(by: user, groups: [group])], Chunk(count: 100)).map(\.name)
    }
    #expect(reached.sorted() == ["Default", "admin", "beside", "demo", "leaf", "middle", "top"])
  }

  /// ATTACKS 22: nobody is shown projects that it cannot reach, not by federation's paths either.
  @Test func onlyWhatCanBeReached() async throws {
    let cloud = try await Fixture()
    let (admin, demo) = (try await cloud.admin(), try await cloud.demo())
    _ = try await cloud.make("/v3/projects", #"{"project": {"name": "secret"}}"#, token: admin)
    for path in ["/v3/auth/projects", "/v3/OS-FEDERATION/projects"] {
      #expect(await cloud.send("GET", path, token: demo).names("projects") == ["demo"])
      #expect(await cloud.send("GET", path, token: admin).names("projects") == ["admin"])
      #expect(await cloud.send("GET", path).isFault(401))
    }
    for path in ["/v3/auth/domains", "/v3/OS-FEDERATION/domains"] {
      #expect(await cloud.send("GET", path, token: demo).names("domains") == [])
      #expect(await cloud.send("GET", path, token: admin).names("domains") == ["Default"])
      #expect(await cloud.send("GET", path).isFault(401))
    }
    // A disabled project, and all of a disabled domain, can be reached by nobody.
    _ = await cloud.send(
      "PATCH", "/v3/projects/\(cloud.ids.demoProjectID)", #"{"project": {"enabled": false}}"#, token: admin)
    let unscoped = try cloud.seal(user: cloud.ids.demoUserID, .unscoped)
    #expect(await cloud.send("GET", "/v3/OS-FEDERATION/projects", token: unscoped).names("projects") == [])
  }

  /// ATTACKS 23: a role that was taken away is gone in the next request, by whatever way it was had.
  @Test func takenAwayAtOnce() async throws {
    let tree = try await Tree()
    let role = try await tree.cloud.make("/v3/roles", #"{"role": {"name": "only"}}"#, token: tree.admin)
    let prior = try await tree.cloud.make(
      "/v3/roles", #"{"role": {"name": "prior", "domain_id": "default"}}"#, token: tree.admin)
    _ = await tree.send("PUT", "/v3/groups/\(tree.group)/users/\(tree.user)")
    _ = await tree.send("PUT", "/v3/roles/\(prior)/implies/\(role)")
    let token = try tree.cloud.seal(user: tree.user, .project(id: tree.leaf, generation: 0))
    for grant in [
      "/v3/projects/\(tree.leaf)/users/\(tree.user)/roles/\(role)",
      "/v3/projects/\(tree.leaf)/groups/\(tree.group)/roles/\(role)",
      "/v3/projects/\(tree.leaf)/users/\(tree.user)/roles/\(prior)",
      tree.grant("/projects/\(tree.middle)", "/users/\(tree.user)", role),
      tree.grant("/domains/default", "/groups/\(tree.group)", role),
    ] {
      #expect(await tree.cloud.send("GET", "/v3/auth/projects", token: token).isFault(401), "\(grant)")
      #expect(await tree.send("PUT", grant).status == 204)
      #expect(await tree.cloud.send("GET", "/v3/auth/projects", token: token).status == 200, "\(grant)")
      #expect(await tree.cloud.send("GET", "/v3/auth/projects", token: token).names("projects").contains("leaf"))
      #expect(await tree.send("DELETE", grant).status == 204)
    }
    #expect(await tree.cloud.send("GET", "/v3/auth/projects", token: token).isFault(401))
    // The role itself is deleted.
    _ = await tree.send("PUT", "/v3/projects/\(tree.leaf)/users/\(tree.user)/roles/\(prior)")
    #expect(await tree.cloud.send("GET", "/v3/auth/projects", token: token).status == 200)
    #expect(await tree.send("DELETE", "/v3/roles/\(role)").status == 204)
    #expect(await tree.cloud.send("GET", "/v3/auth/projects", token: token).isFault(401))
  }
}
