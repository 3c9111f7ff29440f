import Kit
import Testing

@testable import Identity

/// The hierarchy of projects: how deep it is, how it is shown, and what it means for enabling and deleting.
struct ProjectTreeTests {
  private static func project(
    _ cloud: Fixture, _ name: String, below parent: String? = nil, _ more: String = ""
  ) async throws -> String {
    let place = parent.map { #", "parent_id": "\#($0)""# } ?? ""
    return try await cloud.make(
      "/v3/projects", #"{"project": {"name": "\#(name)"\#(place)\#(more)}}"#, token: try await cloud.admin())
  }

  /// Five levels below the domain, as in Keystone.
  @Test func depth() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    var line: [String] = []
    for level in 1...5 { line.append(try await Self.project(cloud, "level \(level)", below: line.last)) }
    let deepest = try #require(line.last)
    let body = #"{"project": {"name": "level 6", "parent_id": "\#(deepest)"}}"#
    #expect(await cloud.send("POST", "/v3/projects", body, token: admin).isFault(403))
    let shown = await cloud.send("GET", "/v3/projects/\(deepest)?parents_as_ids&subtree_as_ids", token: admin)
    var parents = shown.json["project"]?["parents"]
    for id in line.dropLast().reversed() + ["default"] {
      #expect(parents?.object?.keys.sorted() == [id])
      parents = parents?[id]
    }
    #expect(parents == .null)
    #expect(shown.json["project"]?["subtree"] == .null)
    let top = await cloud.send("GET", "/v3/projects/\(line[2])?subtree_as_ids=1", token: admin)
    #expect(top.json["project"]?["subtree"] == .object([line[3]: .object([line[4]: .null])]))
    #expect(top.json["project"]?["parents"] == nil)
    let off = await cloud.send("GET", "/v3/projects/\(line[2])?subtree_as_ids=0", token: admin)
    #expect(off.json["project"]?["subtree"] == nil)
  }

  /// Whole projects are shown only where the caller has a role.
  @Test func listsShowWhatTheCallerReaches() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let top = try await Self.project(cloud, "top")
    let middle = try await Self.project(cloud, "middle", below: top)
    let (left, right) = (
      try await Self.project(cloud, "left", below: middle), try await Self.project(cloud, "right", below: middle)
    )
    let reader = try await cloud.role("reader", token: admin)
    for id in [top, right] {
      let grant = "/v3/projects/\(id)/users/\(cloud.ids.adminUserID)/roles/\(reader)"
      #expect(await cloud.send("PUT", grant, token: admin).status == 204)
    }
    func shown(_ query: String, _ name: String) async -> [String] {
      let answer = await cloud.send("GET", "/v3/projects/\(middle)?\(query)", token: admin)
      return answer.json["project"]?[name]?.array?.compactMap { $0["project"]?["id"]?.string } ?? ["none"]
    }
    #expect(await shown("subtree_as_list", "subtree") == [right])
    #expect(await shown("parents_as_list", "parents") == [top])
    #expect(await shown("parents_as_ids", "subtree") == ["none"])
    let both = await cloud.send("GET", "/v3/projects/\(middle)?parents_as_list&subtree_as_ids", token: admin)
    #expect(both.json["project"]?["subtree"]?.object?.keys.sorted() == [left, right].sorted())
    for query in ["parents_as_list&parents_as_ids", "subtree_as_list&subtree_as_ids=true"] {
      #expect(await cloud.send("GET", "/v3/projects/\(middle)?\(query)", token: admin).isFault(400))
    }
    // Not having them asked for, nobody gets limits; asked for, each project brings its own.
    let limits = await cloud.send("GET", "/v3/projects/\(middle)?subtree_as_list&include_limits", token: admin)
    #expect(limits.json["project"]?["subtree"]?.array?.first?["project"]?["limits"] == .array([]))
  }

  /// Nothing is enabled below what is disabled.
  @Test func enabling() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    func turn(_ id: String, _ flag: Bool) async -> Answer {
      await cloud.send("PATCH", "/v3/projects/\(id)", #"{"project": {"enabled": \#(flag)}}"#, token: admin)
    }
    let top = try await Self.project(cloud, "top")
    let middle = try await Self.project(cloud, "middle", below: top)
    let leaf = try await Self.project(cloud, "leaf", below: middle)
    #expect(await turn(top, false).isFault(403))
    #expect(await turn(leaf, false).status == 200)
    #expect(await turn(top, false).isFault(403))
    #expect(await turn(middle, false).status == 200)
    #expect(await turn(leaf, true).isFault(403))
    #expect(await turn(top, false).status == 200)
    #expect(await turn(middle, true).isFault(403))
    let below = #"{"project": {"name": "new", "parent_id": "\#(leaf)"}}"#
    #expect(await cloud.send("POST", "/v3/projects", below, token: admin).isFault(400))
    for id in [top, middle, leaf] { #expect(await turn(id, true).status == 200) }
    #expect(await cloud.send("DELETE", "/v3/projects/\(middle)", token: admin).isFault(403))
    #expect(await turn("default", false).isFault(403))
  }

  /// A project that is a domain is one by both ways in.
  @Test func projectsThatAreDomains() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let id = try await Self.project(cloud, "both", below: nil, #", "is_domain": true, "tags": ["t"]"#)
    let asProject = await cloud.send("GET", "/v3/projects/\(id)", token: admin).json["project"]
    #expect(asProject?["domain_id"] == .null && asProject?["parent_id"] == .null)
    #expect(asProject?["is_domain"] == .bool(true))
    let asDomain = await cloud.send("GET", "/v3/domains/\(id)", token: admin).json["domain"]
    #expect(asDomain?["name"]?.string == "both" && asDomain?["is_domain"] == nil)
    #expect(await cloud.send("GET", "/v3/projects?is_domain=true", token: admin).ids("projects").contains(id))
    #expect(await !cloud.send("GET", "/v3/projects", token: admin).ids("projects").contains(id))
    #expect(await cloud.send("GET", "/v3/projects/\(id)/tags", token: admin).json["tags"] == .array([.string("t")]))
    let twice = #"{"domain": {"name": "both"}}"#
    #expect(await cloud.send("POST", "/v3/domains", twice, token: admin).isFault(409))
    // The same name is free for a project within it.
    let inside = try await Self.project(cloud, "both", below: id, #", "domain_id": "\#(id)""#)
    #expect(await cloud.send("DELETE", "/v3/projects/\(id)", token: admin).isFault(403))
    let off = #"{"project": {"enabled": false}}"#
    #expect(await cloud.send("PATCH", "/v3/projects/\(id)", off, token: admin).status == 200)
    #expect(await cloud.send("GET", "/v3/domains/\(id)", token: admin).json["domain"]?["enabled"] == .bool(false))
    #expect(await cloud.send("DELETE", "/v3/projects/\(id)", token: admin).status == 204)
    #expect(await cloud.send("GET", "/v3/projects/\(inside)", token: admin).isFault(404))
  }

  /// Where a project stands is said once: parent and domain must fit, and stay.
  @Test func places() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let domain = try await cloud.make("/v3/domains", #"{"domain": {"name": " d "}}"#, token: admin)
    let there = try await Self.project(cloud, "there", below: nil, #", "domain_id": "\#(domain)""#)
    for body in [
      #"{"name": "n", "parent_id": "\#(there)"}"#, #"{"name": "n", "domain_id": "default", "parent_id": "\#(there)"}"#,
      #"{"name": "n", "parent_id": "nowhere"}"#, #"{"name": "n", "domain_id": "nowhere"}"#,
      #"{"name": "n", "domain_id": "default", "parent_id": "\#(domain)"}"#,
      #"{"name": "n", "is_domain": true, "parent_id": "\#(there)"}"#, #"{"name": "Federated", "is_domain": true}"#,
    ] {
      #expect(await cloud.send("POST", "/v3/projects", #"{"project": \#(body)}"#, token: admin).isFault(400), "\(body)")
    }
    let path = "/v3/projects/\(there)"
    for (body, status) in [
      (#"{"parent_id": "\#(domain)"}"#, 200), (#"{"parent_id": "default"}"#, 403), (#"{"parent_id": null}"#, 403),
      (#"{"domain_id": "default"}"#, 400), (#"{"is_domain": true}"#, 400), (#"{"is_domain": false}"#, 200),
      (#"{"id": "\#(there)"}"#, 200), (#"{"id": "other"}"#, 400), ("{}", 200), (#"{"name": "  moved "}"#, 200),
    ] {
      #expect(await cloud.send("PATCH", path, #"{"project": \#(body)}"#, token: admin).status == status, "\(body)")
    }
    #expect(await cloud.send("GET", path, token: admin).json["project"]?["name"]?.string == "moved")
    #expect(await cloud.send("GET", "/v3/domains?name=d", token: admin).ids("domains") == [domain])
  }

  /// What is immutable is first made changeable, then changed; and a domain is not deleted around it.
  @Test func immutable() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let domain = try await cloud.make(
      "/v3/domains", #"{"domain": {"name": "d", "options": {"immutable": true}}}"#, token: admin)
    let path = "/v3/domains/\(domain)"
    for (body, status) in [
      (#"{"enabled": false}"#, 403), (#"{"options": {"immutable": false}, "enabled": false}"#, 403),
      (#"{"options": {"immutable": true}}"#, 403), (#"{"options": {"immutable": false}}"#, 200),
      (#"{"enabled": false}"#, 200), (#"{"options": {"unknown": true}}"#, 400),
    ] {
      #expect(await cloud.send("PATCH", path, #"{"domain": \#(body)}"#, token: admin).status == status, "\(body)")
    }
    let on = #"{"domain": {"enabled": true}}"#
    #expect(await cloud.send("PATCH", path, on, token: admin).status == 200)
    let locked = try await Self.project(
      cloud, "p", below: nil, #", "domain_id": "\#(domain)", "options": {"immutable": true}"#)
    for (method, tail, body) in [
      ("PUT", "/tags/x", nil), ("PUT", "/tags", #"{"tags": []}"#), ("DELETE", "/tags", nil), ("DELETE", "", nil),
    ] {
      #expect(await cloud.send(method, "/v3/projects/\(locked)\(tail)", body, token: admin).isFault(403), "\(tail)")
    }
    #expect(await cloud.send("PATCH", path, #"{"domain": {"enabled": false}}"#, token: admin).status == 200)
    #expect(await cloud.send("DELETE", path, token: admin).isFault(403))
    let unlocked = #"{"project": {"options": {"immutable": null}}}"#
    #expect(await cloud.send("PATCH", "/v3/projects/\(locked)", unlocked, token: admin).status == 200)
    #expect(await cloud.send("DELETE", path, token: admin).status == 204)
  }

  @Test func tagsHaveLimits() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let tags = "/v3/projects/\(try await Self.project(cloud, "tagged"))/tags"
    let eighty = JSONValue.array((1...80).map { .string("t\($0)") }).text
    #expect(await cloud.send("PUT", tags, "{\"tags\": \(eighty)}", token: admin).status == 200)
    #expect(await cloud.send("PUT", tags + "/t81", token: admin).isFault(400))
    #expect(await cloud.send("DELETE", tags + "/t80", token: admin).status == 204)
    let made = await cloud.send("PUT", tags + "/%20t81%20", token: admin)
    #expect(made.status == 201 && made.headers["Location"] != nil)
    #expect(await cloud.send("HEAD", tags + "/t81", token: admin).status == 204)
    #expect(await cloud.send("DELETE", tags + "/t81", token: admin).status == 204)
    #expect(await cloud.send("PUT", tags + "/t1", token: admin).isFault(400))
    let shown = await cloud.send("GET", tags, token: admin)
    #expect(shown.json["tags"]?.array?.count == 79)
    #expect(shown.json["links"]?["self"]?.string == "http://seen.test/identity" + tags)
    let long = String(repeating: "t", count: 256)
    for tag in ["a,b", long, "%20"] { #expect(await cloud.send("PUT", "\(tags)/\(tag)", token: admin).isFault(400)) }
    for body in [
      "{}", #"{"tags": null}"#, #"{"tags": "t"}"#, #"{"tags": [7]}"#, #"{"tags": [""]}"#, #"{"tags": ["\#(long)"]}"#,
      #"{"tags": ["t", "t"]}"#, #"{"tags": ["a/b"]}"#, "{\"tags\": \(eighty.dropLast()), \"more\"]}",
    ] {
      #expect(await cloud.send("PUT", tags, body, token: admin).isFault(400), "\(body.prefix(60))")
    }
  }

  /// A user does not keep a default project that is gone.
  @Test func defaultProjects() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let domain = try await cloud.make("/v3/domains", #"{"domain": {"name": "d"}}"#, token: admin)
    let inside = try await Self.project(cloud, "in", below: nil, #", "domain_id": "\#(domain)""#)
    let own = try await Self.project(cloud, "own")
    var users: [String] = []
    for project in [inside, own, "unknown"] {
      users.append(
        try await cloud.make(
          "/v3/users", #"{"user": {"name": "of \#(project)", "default_project_id": "\#(project)"}}"#, token: admin))
    }
    let refused = #"{"user": {"name": "n", "default_project_id": "\#(domain)"}}"#
    #expect(await cloud.send("POST", "/v3/users", refused, token: admin).isFault(400))
    let moved = #"{"user": {"default_project_id": "\#(domain)"}}"#
    #expect(await cloud.send("PATCH", "/v3/users/\(users[0])", moved, token: admin).isFault(400))
    #expect(await cloud.send("DELETE", "/v3/projects/\(own)", token: admin).status == 204)
    #expect(
      await cloud.send("PATCH", "/v3/domains/\(domain)", #"{"domain": {"enabled": false}}"#, token: admin).status == 200
    )
    #expect(await cloud.send("DELETE", "/v3/domains/\(domain)", token: admin).status == 204)
    var defaults: [String?] = []
    for user in users {
      let shown = await cloud.send("GET", "/v3/users/\(user)", token: admin)
      defaults.append(shown.json["user"]?["default_project_id"]?.string)
    }
    #expect(defaults == [nil, nil, "unknown"])
  }
}
