import API
import Kit
import Store
import Testing

@testable import Identity

/// A domain whose users and groups are in a real LDAP directory.
struct DirectoryTests {
  /// A cloud with a domain `corp` that reads a directory; its group `ops` is member of the project `demo`.
  private final class Scene: Sendable {
    let directory: TestDirectory
    let cloud: Fixture
    let admin: String
    let domainID: String

    init(_ more: String = "", options: String = "") async throws {
      directory = try await TestDirectory(more)
      cloud = try await Fixture()
      admin = try await cloud.admin()
      domainID = try await cloud.make("/v3/domains", #"{"domain": {"name": "corp"}}"#, token: admin)
      let config = """
        {"config": {"identity": {"driver": "ldap"}, "ldap": {"url": "\(directory.url)",
          "user": "\(TestDirectory.reader)", "password": "\(TestDirectory.readerPassword)",
          "suffix": "\(TestDirectory.suffix)", "user_tree_dn": "ou=People,\(TestDirectory.suffix)",
          "group_tree_dn": "ou=Groups,\(TestDirectory.suffix)", "user_id_attribute": "uid",
          "user_name_attribute": "cn", "user_enabled_attribute": "employeeType",
          "group_name_attribute": "cn"\(options)}}}
        """
      let set = await cloud.send("PUT", "/v3/domains/\(domainID)/config", config, token: admin)
      try #require(set.status == 201, "\(set.text)")
    }

    func login(_ name: String, _ password: String, scope: String? = nil) async -> Answer {
      let identity = """
        {"methods": ["password"], "password": {"user": {"name": \(JSONValue.string(name).text),
          "domain": {"name": "corp"}, "password": \(JSONValue.string(password).text)}}}
        """
      let body = #"{"auth": {"identity": \#(identity)"# + (scope.map { #", "scope": \#($0)"# } ?? "") + "}}"
      return await cloud.send("POST", "/v3/auth/tokens", body)
    }

    func users() async -> [JSONValue] {
      await cloud.send("GET", "/v3/users?domain_id=\(domainID)", token: admin).json["users"]?.array ?? []
    }

    func id(_ kind: String, _ localID: String) -> String {
      DirectoryReader.publicID(domainID: domainID, kind, localID: localID)
    }
  }

  @Test func usersAndGroupsAreRead() async throws {
    let scene = try await Scene()
    let users = await scene.users()
    #expect(users.compactMap { $0["name"]?.string }.sorted() == ["alice", "bob"])
    let id = scene.id("user", "u1")
    #expect(id.count == 64)
    let alice = await scene.cloud.send("GET", "/v3/users/\(id)", token: scene.admin)
    #expect(alice.json["user"]?["name"]?.string == "alice" && alice.json["user"]?["enabled"] == .bool(true))
    #expect(alice.json["user"]?["email"]?.string == "u1@example.org")
    #expect(alice.json["user"]?["domain_id"]?.string == scene.domainID)
    let named = await scene.cloud.send("GET", "/v3/users?domain_id=\(scene.domainID)&name=bob", token: scene.admin)
    #expect(named.ids("users") == [scene.id("user", "u2")])
    let groups = await scene.cloud.send("GET", "/v3/groups?domain_id=\(scene.domainID)", token: scene.admin)
    #expect(groups.ids("groups") == [scene.id("group", "ops")])
    #expect(groups.json["groups"]?.array?.first?["description"]?.string == "The ops")
    let members = await scene.cloud.send(
      "GET", "/v3/groups/\(scene.id("group", "ops"))/users", token: scene.admin)
    #expect(members.ids("users") == [id])
    // The password that reads the directory is never shown.
    let config = await scene.cloud.send("GET", "/v3/domains/\(scene.domainID)/config", token: scene.admin)
    #expect(config.status == 200 && !config.text.contains(TestDirectory.readerPassword))
  }

  @Test func loginsAreAskedOfTheDirectory() async throws {
    let scene = try await Scene()
    // Before anything was listed: the login itself reads the user and its groups.
    let first = await scene.login("alice", "alice secret")
    try #require(first.status == 201, "\(first.text)")
    let user = try #require(first.json["token"]?["user"]?["id"]?.string)
    #expect(user == scene.id("user", "u1"))
    let group = scene.id("group", "ops")
    let member = try await scene.cloud.role("member", token: scene.admin)
    let project = scene.cloud.ids.demoProjectID
    let grant = "/v3/projects/\(project)/groups/\(group)/roles/\(member)"
    #expect(await scene.cloud.send("PUT", grant, token: scene.admin).status == 204)
    let scoped = await scene.login("alice", "alice secret", scope: Bodies.project(project))
    #expect(scoped.json["token"]?["roles"]?.array?.compactMap { $0["name"]?.string } == ["member", "reader"])
    #expect(await scene.login("bob", "bob secret", scope: Bodies.project(project)).isFault(401))
    // A group that is left in the directory is left at the next login, and by the tokens that are there.
    try await scene.directory.modify(
      """
      dn: cn=ops,ou=Groups,\(TestDirectory.suffix)
      changetype: modify
      replace: member
      member: uid=u2,ou=People,\(TestDirectory.suffix)
      """)
    #expect(await scene.login("alice", "alice secret", scope: Bodies.project(project)).isFault(401))
    #expect(await scene.cloud.send("GET", "/v3/auth/projects", token: try scoped.token).status == 401)
    #expect(await scene.login("bob", "bob secret", scope: Bodies.project(project)).status == 201)
    // The same password in Keystone's own way by id.
    let byID = """
      {"auth": {"identity": {"methods": ["password"],
        "password": {"user": {"id": "\(user)", "password": "alice secret"}}}}}
      """
    #expect(await scene.cloud.send("POST", "/v3/auth/tokens", byID).status == 201)
  }

  /// Wrong, empty (which a server would take for no login at all), and crafted ones.
  @Test func refused() async throws {
    let scene = try await Scene()
    for (name, password) in [
      ("alice", "wrong"), ("alice", ""), ("nobody", "x"), ("nobody", ""), ("*", "alice secret"),
      ("a*", "alice secret"), ("alice)(uid=*", "alice secret"), ("alice)(|(cn=*", "x"), ("\\2a", "alice secret"),
      ("alice", "\u{1}alice secret"), ("reader", TestDirectory.readerPassword), ("ALICE\\", "x"),
    ] {
      #expect(await scene.login(name, password).isFault(401), "\(name)")
    }
    #expect(await scene.login("alice", "alice secret").status == 201)
  }

  /// A state that cannot be understood is disabled, inverted or not (ATTACKS 11).
  @Test(arguments: [
    ("", ["true": true, "false": false, "yes": false, "1": false, "enabled": false]),
    (#", "user_enabled_invert": true"#, ["true": false, "false": true, "maybe": false]),
    (
      #", "user_enabled_mask": 2, "user_enabled_default": "512""#,
      ["512": true, "514": false, "many": false, "true": false]
    ),
  ])
  func whoIsEnabled(options: String, states: [String: Bool]) async throws {
    let people = states.keys.map { TestDirectory.person("p-\($0)", "p-\($0)", "a secret", state: $0) }
    let scene = try await Scene(people.joined(), options: options)
    for (state, enabled) in states {
      #expect(await scene.login("p-\(state)", "a secret").status == (enabled ? 201 : 401), "\(state)")
    }
    let shown = await scene.users()
    for (state, enabled) in states {
      #expect(shown.first { $0["name"]?.string == "p-\(state)" }?["enabled"] == .bool(enabled), "\(state)")
    }
  }

  @Test func theDefaultWhereNothingIsSaid() async throws {
    let scene = try await Scene(TestDirectory.person("u9", "carol", "carol secret"))
    #expect(await scene.login("carol", "carol secret").status == 201)
    let strict = try await Scene(
      TestDirectory.person("u9", "carol", "carol secret"), options: #", "user_enabled_default": "False""#)
    #expect(await strict.login("carol", "carol secret").isFault(401))
  }

  @Test func leaving() async throws {
    let scene = try await Scene()
    let token = try await scene.login("bob", "bob secret").token
    #expect(await scene.cloud.send("GET", "/v3/auth/projects", token: token).status == 200)
    try await scene.directory.modify("dn: uid=u2,ou=People,\(TestDirectory.suffix)\nchangetype: delete\n")
    scene.cloud.moveClock(seconds: Directories.freshSeconds + 1)
    let bob = await scene.users().first { $0["name"]?.string == "bob" }
    #expect(bob?["enabled"] == .bool(false))
    #expect(await scene.cloud.send("GET", "/v3/auth/projects", token: token).status == 401)
    #expect(await scene.login("bob", "bob secret").isFault(401))
    // A directory that does not answer takes nothing from anybody, and lets nobody in.
    let alice = try await scene.login("alice", "alice secret").token
    try await scene.directory.stop()
    scene.cloud.moveClock(seconds: Directories.freshSeconds + 1)
    #expect(await scene.users().count == 2)
    #expect(await scene.cloud.send("GET", "/v3/auth/projects", token: alice).status == 200)
    #expect(await scene.login("alice", "alice secret").isFault(503))
  }

  /// A reader who is shown nothing any more, or a folder that is not there, is no reason to disable everybody.
  @Test(arguments: ["ou=Groups", "ou=Nowhere"])
  func noUsersAtAll(folder: String) async throws {
    let scene = try await Scene()
    let token = try await scene.login("alice", "alice secret").token
    #expect(await scene.users().count == 2)
    let body = #"{"config": {"ldap": {"user_tree_dn": "\#(folder),\#(TestDirectory.suffix)"}}}"#
    let path = "/v3/domains/\(scene.domainID)/config"
    #expect(await scene.cloud.send("PATCH", path, body, token: scene.admin).status == 200)
    scene.cloud.moveClock(seconds: Directories.freshSeconds + 1)
    #expect(await scene.users().allSatisfy { $0["enabled"] == .bool(true) })
    #expect(await scene.cloud.send("GET", "/v3/auth/projects", token: token).status == 200)
    #expect(await scene.login("alice", "alice secret").status == (folder == "ou=Groups" ? 401 : 503))
  }

  @Test func nothingIsWritten() async throws {
    let scene = try await Scene()
    _ = await scene.users()
    let (user, group) = (scene.id("user", "u1"), scene.id("group", "ops"))
    let domain = scene.domainID
    for (method, path, body) in [
      ("POST", "/v3/users", #"{"user": {"name": "x", "domain_id": "\#(domain)"}}"#),
      ("PATCH", "/v3/users/\(user)", #"{"user": {"name": "x"}}"#), ("DELETE", "/v3/users/\(user)", nil),
      ("POST", "/v3/users/\(user)/password", #"{"user": {"original_password": "alice secret", "password": "x"}}"#),
      ("POST", "/v3/groups", #"{"group": {"name": "x", "domain_id": "\#(domain)"}}"#),
      ("PATCH", "/v3/groups/\(group)", #"{"group": {"name": "x"}}"#), ("DELETE", "/v3/groups/\(group)", nil),
      ("PUT", "/v3/groups/\(group)/users/\(user)", nil), ("DELETE", "/v3/groups/\(group)/users/\(user)", nil),
    ] {
      let reply = await scene.cloud.send(method, path, body, token: scene.admin)
      #expect(reply.isFault(403), "\(method) \(path) \(reply.text)")
    }
    #expect(await scene.users().count == 2)
  }

  @Test func lockoutHolds() async throws {
    let scene = try await Scene()
    _ = await scene.users()
    for _ in 0..<5 { #expect(await scene.login("bob", "wrong").isFault(401)) }
    #expect(await scene.login("bob", "bob secret").isFault(401))
    scene.cloud.moveClock(seconds: 3600)
    #expect(await scene.login("bob", "bob secret").status == 201)
  }

  @Test(arguments: [
    #""url": "http://127.0.0.1""#, #""url": "ldapi://x""#, #""user_name_attribute": "cn)(x=*""#,
    #""user_enabled_mask": "many""#, #""tls_req_cert": "perhaps""#, #""user_enabled_emulation": true"#,
    #""group_members_are_ids": "perhaps""#, #""user_tree_dn": 5"#,
  ])
  func settingsThatMakeNoSense(option: String) throws {
    let options = try JSONValue(parsing: "{\(option)}").object ?? [:]
    #expect(throws: DirectoryConfig.Invalid.self) { try DirectoryConfig(options, password: nil) }
    #expect(throws: Never.self) { try DirectoryConfig([:], password: nil) }
  }

  @Test func valuesInFilters() {
    #expect(LDAPConnection.escaped(#"a*b(c)d\e"#) == #"a\2ab\28c\29d\5ce"#)
    #expect(LDAPConnection.escaped("\u{0}é") == #"\00\c3\a9"#)
    #expect(LDAPConnection.comparable(dn: "CN=A\\2C b , DC=X") == LDAPConnection.comparable(dn: "cn=a\\, b,dc=x"))
  }
}
