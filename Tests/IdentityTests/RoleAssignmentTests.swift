import Kit
import Store
import StoreFixture
import Testing

@testable import Identity

/// The list of role assignments: its filters, its links, its pages, and who sees what of it.
@Suite struct RoleAssignmentTests {
  private static let base = "http://seen.test/identity/v3"

  @Test func inheritedOnes() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    func make(_ kind: String, _ more: String) async throws -> String {
      try await cloud.make("/v3/\(kind)s", #"{"\#(kind)": {\#(more)}}"#, token: admin)
    }
    let domain = try await make("domain", #""name": "d""#)
    let top = try await make("project", #""name": "top", "domain_id": "\#(domain)""#)
    let leaf = try await make("project", #""name": "leaf", "domain_id": "\#(domain)", "parent_id": "\#(top)""#)
    let user = try await make("user", #""name": "u", "domain_id": "\#(domain)""#)
    let group = try await make("group", #""name": "g", "domain_id": "\#(domain)""#)
    let member = try await cloud.role("member", token: admin)
    let reader = try await cloud.role("reader", token: admin)
    _ = await cloud.send("PUT", "/v3/groups/\(group)/users/\(user)", token: admin)
    let byDomain = "/OS-INHERIT/domains/\(domain)/groups/\(group)/roles/\(reader)/inherited_to_projects"
    let byProject = "/OS-INHERIT/projects/\(top)/users/\(user)/roles/\(member)/inherited_to_projects"
    for path in [byDomain, byProject] {
      #expect(await cloud.send("PUT", "/v3" + path, token: admin).status == 204)
    }
    func list(_ query: String) async -> [JSONValue] {
      await cloud.send("GET", "/v3/role_assignments?" + query, token: admin).json["role_assignments"]?.array ?? []
    }
    func id(_ id: String) -> JSONValue { .object(["id": .string(id)]) }
    func assignment(
      _ role: String, _ actor: String, _ actorID: String, _ place: String, _ placeID: String, _ path: String,
      _ more: [String: String] = [:]
    ) -> JSONValue {
      var links: [String: JSONValue] = ["assignment": .string(Self.base + path)]
      for (name, path) in more { links[name] = .string(Self.base + path) }
      let scope: [String: JSONValue] = [place: id(placeID), "OS-INHERIT:inherited_to": .string("projects")]
      return .object(["role": id(role), actor: id(actorID), "scope": .object(scope), "links": .object(links)])
    }
    // As they were made.
    #expect(await list("user.id=\(user)") == [assignment(member, "user", user, "project", top, byProject)])
    #expect(await list("group.id=\(group)") == [assignment(reader, "group", group, "domain", domain, byDomain)])
    #expect(await list("scope.OS-INHERIT:inherited_to=projects").count == 2)
    #expect(await list("scope.OS-INHERIT:inherited_to=projects&scope.domain.id=\(domain)").count == 1)
    #expect(await list("scope.OS-INHERIT:inherited_to=x&scope.domain.id=\(domain)").isEmpty)
    // As they are in effect: reader twice in the leaf, by the group and by member.
    let effective = await list("user.id=\(user)&effective&scope.project.id=\(leaf)")
    let expected = [
      assignment(member, "user", user, "project", leaf, byProject),
      assignment(
        reader, "user", user, "project", leaf, byProject, ["prior_role": "/prior_role/\(reader)/implies/\(member)"]),
      assignment(reader, "user", user, "project", leaf, byDomain, ["membership": "/groups/\(group)/users/\(user)"]),
    ]
    #expect(effective.count == 3 && Set(effective) == Set(expected))
    #expect(Set(await list("effective&user.id=\(user)")).isSuperset(of: effective))
    #expect(await list("effective&user.id=\(user)").count == 4)
    #expect(await list("effective&scope.project.id=\(top)").count == 1)
    #expect(await list("effective&scope.project.id=\(top)&include_subtree").count == 4)
    #expect(await list("effective&scope.project.id=\(leaf)&role.id=\(member)").count == 1)
    #expect(await list("effective&scope.project.id=\(leaf)&scope.OS-INHERIT:inherited_to=projects").count == 3)
    #expect(await list("effective&scope.project.id=\(leaf)&scope.OS-INHERIT:inherited_to=no").isEmpty)
    #expect(await list("effective&scope.domain.id=\(domain)").isEmpty)
    // A domain is no project, and the other way round.
    for wrong in ["scope.project.id=\(domain)", "scope.domain.id=\(top)"] {
      #expect(await list(wrong).isEmpty, "\(wrong)")
      #expect(await list("effective&" + wrong).isEmpty, "\(wrong)")
    }
    // Only `all` names the system.
    #expect(await list("scope.system=all").count == 1)
    let (some, all) = (await list("scope.system=some"), await list(""))
    #expect(some == all && all.count > 2)
    let bad = "/v3/role_assignments?effective&scope.OS-INHERIT:inherited_to=projects&scope.domain.id=\(domain)"
    #expect(await cloud.send("GET", bad, token: admin).isFault(400))
  }

  /// What keystone_tempest_plugin's `test_role_assignment` expects of each persona.
  @Test func personas() async throws {
    let personas = try await Personas()
    let cloud = personas.cloud
    let admin = try await cloud.admin()
    let below = try await cloud.make(
      "/v3/projects",
      #"{"project": {"name": "below", "domain_id": "\#(personas.domainID)", "parent_id": "\#(personas.projectID)"}}"#,
      token: admin)
    let member = try await cloud.role("member", token: admin)
    let path = "/v3/projects/\(below)/users/\(cloud.ids.demoUserID)/roles/\(member)"
    #expect(await cloud.send("PUT", path, token: admin).status == 204)
    let all = await cloud.send("GET", "/v3/role_assignments", token: admin).json["role_assignments"]?.array ?? []
    let own: Set<String?> = [personas.domainID, personas.projectID, below]
    for persona in Personas.all {
      func list(_ query: String) async throws -> (status: Int, places: [String?]) {
        let answer = await cloud.send("GET", "/v3/role_assignments" + query, token: try personas.token(persona))
        let places = (answer.json["role_assignments"]?.array ?? []).map {
          $0["scope"]?["project"]?["id"]?.string ?? $0["scope"]?["domain"]?["id"]?.string
        }
        return (answer.status, places)
      }
      let everything = persona.scope == .system || persona.level == .admin && persona.scope == .project
      if persona.scope == .domain {
        for query in ["", "?effective"] {
          let seen = try await list(query)
          #expect(seen.status == 200 && Set(seen.places) == own, "\(persona)")
        }
        for query in ["?scope.system=all", "?scope.domain.id=default", "?effective&scope.domain.id=default"] {
          #expect(try await list(query) == (200, []), "\(persona) \(query)")
        }
      } else {
        let seen = try await list("")
        #expect(
          seen.status == (everything ? 200 : 403) && seen.places.count == (everything ? all.count : 0), "\(persona)")
      }
      // Trees are seen by who sees their domain.
      let tree = try await list("?include_subtree&scope.project.id=\(personas.projectID)")
      let sees = everything || persona.scope == .domain
      #expect(tree.status == (sees ? 200 : 403) && tree.places.contains(below) == sees, "\(persona)")
      let other = try await list("?include_subtree&scope.project.id=\(cloud.ids.demoProjectID)")
      #expect(other.status == (everything || persona.level == .admin ? 200 : 403), "\(persona)")
      let none = try await list("?include_subtree&scope.project.id=none")
      #expect(none.status == (everything || persona.level == .admin ? 404 : 403), "\(persona)")
    }
  }

  /// All of 2,500 assignments, at once and page by page, as made and as in effect: each once.
  @Test func pages() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let role = try await cloud.role("service", token: admin)
    let project = cloud.ids.demoProjectID
    try await cloud.store.write { tx in
      for number in 0..<2500 {
        let user = User(
          id: "u\(number)", domainID: "default", name: "u\(number)", enabled: true, defaultProjectID: nil, options: [:],
          extra: [:])
        try UserTable.insert(tx, user, at: .now())
        try AssignmentTable.insert(tx, .user(user.id), .project(project), role: role)
      }
    }
    for effective in ["", "effective&"] {
      func users(_ path: String) async -> (users: [String], next: String?) {
        let answer = await cloud.send("GET", path, token: admin)
        #expect(answer.status == 200)
        return (
          (answer.json["role_assignments"]?.array ?? []).compactMap { $0["user"]?["id"]?.string },
          answer.json["links"]?["next"]?.string
        )
      }
      let whole = await users("/v3/role_assignments?\(effective)role.id=\(role)")
      #expect(whole.users.count == 2500 && Set(whole.users).count == 2500 && whole.next == nil)
      var paged: [String] = []
      var path: String? = "/v3/role_assignments?\(effective)role.id=\(role)&limit=700"
      var pages = 0
      while let next = path, pages < 10 {
        let page = await users(next)
        paged += page.users
        pages += 1
        path = page.next?.split(separator: "/identity", maxSplits: 1).last.map(String.init)
      }
      #expect(pages == 4 && paged == whole.users)
      for marker in ["x", "W10", "NQ"] where !(marker == "NQ" && effective != "") {
        let bad = "/v3/role_assignments?\(effective)limit=1&marker=\(marker)"
        #expect(await cloud.send("GET", bad, token: admin).isFault(400), "\(bad)")
      }
    }
  }

  /// No reading of one user's, one project's or one page's assignments, and no token, looks through a whole table.
  @Test(.enabled(if: StoreFixture.engine == .sqlite)) func byIndexesOnly() async throws {
    let cloud = try await Fixture()
    var ofUser = RoleAssignmentList()
    ofUser.userID = "u"
    var ofProject = RoleAssignmentList()
    ofProject.projectID = "p"
    var tree = ofProject
    tree.withSubtree = true
    let lists = [ofUser, ofProject, tree]
    var statements = lists.map { $0.effectiveStatement(offset: 0, count: 10) }
    statements += (lists + [RoleAssignmentList()]).map { $0.statement(after: nil, count: 10) }
    statements.append(RoleAssignmentList().statement(after: ["r", "u", "", "p", "0"], count: 10))
    for target in [Target.project("p"), .domain("d"), .system] {
      statements.append(
        "\(AssignmentTable.effective(AssignmentTable.held(user: "u", groups: ["g"], target))) SELECT id FROM effective")
    }
    statements.append("SELECT p.id FROM identity_project p WHERE \(AssignmentTable.reachable(by: "u", groups: ["g"]))")
    for statement in statements {
      let plan = try await cloud.store.read { tx in
        try tx.query("EXPLAIN QUERY PLAN \(statement)") { $0.text(3) }
      }
      #expect(plan.contains { $0.hasPrefix("SEARCH") }, "\(statement.text)\n\(plan.joined(separator: "\n"))")
      // Assignments and memberships are looked up; the walk along the order of the whole list is one along its index.
      let scans = plan.filter { step in
        ["SCAN a", "SCAN m", "SCAN p", "SCAN c", "SCAN u"].contains { step == $0 || step.hasPrefix($0 + " ") }
          && !step.contains("USING INDEX identity_role_assignment_single")
      }
      let isPaged = plan.contains { $0 == "SCAN a" } && statement.text.contains("listed")
      #expect(scans.isEmpty || isPaged && scans == ["SCAN a"], "\(statement.text)\n\(plan.joined(separator: "\n"))")
    }
  }
}
