import Kit
import Testing

@testable import Identity

/// Roles of the cloud and of domains, what they imply, and who may see and change them.
@Suite struct RoleTests {
  @Test func rolesOfDomains() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let other = try await cloud.make("/v3/domains", #"{"domain": {"name": "other"}}"#, token: admin)
    func make(_ name: String, _ domain: String) async -> Answer {
      await cloud.send(
        "POST", "/v3/roles", #"{"role": {"name": "\#(name)", "domain_id": "\#(domain)"}}"#, token: admin)
    }
    // Each domain, and the cloud, has its own names.
    let made = await make("member", "default")
    #expect(made.status == 201 && made.json["role"]?["domain_id"]?.string == "default")
    #expect(made.json["role"]?["name"]?.string == "member")
    let id = try #require(made.json["role"]?["id"]?.string)
    #expect(await make("member", other).status == 201)
    #expect(await make("member", "default").isFault(409))
    #expect(await make("member", "none").isFault(404))
    // A list is of the cloud's roles, or of one domain's.
    let names = ["admin", "manager", "member", "reader", "service"]
    #expect(await cloud.send("GET", "/v3/roles", token: admin).names("roles") == names)
    #expect(await cloud.send("GET", "/v3/roles?domain_id=default", token: admin).ids("roles") == [id])
    #expect(await cloud.send("GET", "/v3/roles?domain_id=default&name=member", token: admin).ids("roles") == [id])
    #expect(await cloud.send("GET", "/v3/roles?domain_id=default&name=reader", token: admin).ids("roles").isEmpty)
    #expect(await cloud.send("GET", "/v3/roles?domain_id=none", token: admin).ids("roles").isEmpty)
    // It stays where it is.
    let path = "/v3/roles/\(id)"
    #expect(await cloud.send("PATCH", path, #"{"role": {"domain_id": null}}"#, token: admin).isFault(400))
    #expect(await cloud.send("PATCH", path, #"{"role": {"domain_id": "\#(other)"}}"#, token: admin).isFault(400))
    let renamed = await cloud.send(
      "PATCH", path, #"{"role": {"domain_id": "default", "name": "worker"}}"#, token: admin)
    #expect(renamed.json["role"]?["name"]?.string == "worker")
    #expect(await cloud.send("GET", path, token: admin).json["role"]?["name"]?.string == "worker")
    #expect(await make("member", "default").status == 201)
    #expect(await cloud.send("DELETE", path, token: admin).status == 204)
    #expect(await cloud.send("GET", path, token: admin).isFault(404))
  }

  @Test func immutableRoles() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let id = try await cloud.make(
      "/v3/roles", #"{"role": {"name": "fixed", "options": {"immutable": true}}}"#, token: admin)
    let path = "/v3/roles/\(id)"
    #expect(await cloud.send("DELETE", path, token: admin).isFault(403))
    for change in [
      #""name": "x""#, #""description": "x""#, #""extra": 1"#, #""options": {"immutable": true}"#,
      #""name": "x", "options": {"immutable": false}"#,
    ] {
      #expect(await cloud.send("PATCH", path, "{\"role\": {\(change)}}", token: admin).isFault(403), "\(change)")
    }
    let freed = await cloud.send("PATCH", path, #"{"role": {"options": {"immutable": false}}}"#, token: admin)
    #expect(freed.json["role"]?["options"]?["immutable"] == .bool(false))
    #expect(await cloud.send("PATCH", path, #"{"role": {"name": "free"}}"#, token: admin).status == 200)
    #expect(await cloud.send("DELETE", path, token: admin).status == 204)
  }

  @Test func impliedRoles() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    func role(_ name: String, _ more: String = "") async throws -> String {
      try await cloud.make("/v3/roles", #"{"role": {"name": "\#(name)"\#(more)}}"#, token: admin)
    }
    let (a, b, c) = (try await role("a"), try await role("b"), try await role("c"))
    let local = try await role("local", #", "domain_id": "default""#)
    func implies(_ method: String, _ prior: String, _ implied: String) async -> Answer {
      await cloud.send(method, "/v3/roles/\(prior)/implies/\(implied)", token: admin)
    }
    #expect(await implies("PUT", a, b).status == 201)
    #expect(await implies("PUT", b, c).status == 201)
    #expect(await implies("PUT", a, b).isFault(409))
    let one = await implies("GET", a, b)
    #expect(one.status == 200 && one.json["role_inference"]?["prior_role"]?["name"]?.string == "a")
    #expect(one.json["role_inference"]?["implies"]?["name"]?.string == "b")
    #expect(await implies("HEAD", a, b).status == 204)
    #expect(await implies("HEAD", a, c).status == 404)
    #expect(await implies("GET", a, c).isFault(404))
    // No circles, whatever their length; nothing of one domain for all; never the administrator.
    #expect(await implies("PUT", a, a).isFault(403))
    #expect(await implies("PUT", b, a).isFault(403))
    #expect(await implies("PUT", c, a).isFault(403))
    #expect(await implies("PUT", a, local).isFault(403))
    #expect(await implies("PUT", local, a).status == 201)
    #expect(await implies("PUT", a, try await cloud.role("admin", token: admin)).isFault(403))
    #expect(await implies("PUT", a, "none").isFault(404))
    #expect(await implies("PUT", "none", a).isFault(404))
    let all = await cloud.send("GET", "/v3/role_inferences", token: admin)
    #expect(all.json["role_inferences"]?.array?.count == 3 + 3)
    let list = await cloud.send("GET", "/v3/roles/\(local)/implies", token: admin)
    #expect(list.json["role_inference"]?["prior_role"]?["name"]?.string == "local")
    #expect(list.json["role_inference"]?["implies"]?.array?.compactMap { $0["id"]?.string } == [a])
    #expect(await implies("DELETE", b, c).status == 204)
    #expect(await implies("DELETE", b, c).isFault(404))
    #expect(await implies("PUT", c, a).status == 201)
  }

  /// What keystone_tempest_plugin's `test_role` and `test_implied_role` expect of each persona.
  @Test func personas() async throws {
    let cloud = try await Personas()
    let admin = try await cloud.cloud.admin()
    let global = try await cloud.cloud.make("/v3/roles", #"{"role": {"name": "global"}}"#, token: admin)
    let implied = try await cloud.cloud.make("/v3/roles", #"{"role": {"name": "implied"}}"#, token: admin)
    let member = try await cloud.cloud.role("member", token: admin)
    let own = try await cloud.cloud.make(
      "/v3/roles", #"{"role": {"name": "own", "domain_id": "\#(cloud.domainID)"}}"#, token: admin)
    for persona in Personas.all {
      let isAdmin = persona.level == .admin && persona.scope != .domain
      let reads = isAdmin || persona.scope == .system
      let manages = persona.level == .manager
      func expect(_ status: Int, _ method: String, _ path: String, _ body: String? = nil) async throws {
        let answered = try await cloud.status(persona, method, path, body)
        #expect(answered == status, "\(persona): \(method) \(path)")
      }
      let lists = reads || persona.scope == .domain && (persona.level == .admin || manages)
      try await expect(lists ? 200 : 403, "GET", "/v3/roles")
      try await expect(reads ? 200 : 403, "GET", "/v3/roles?domain_id=\(cloud.domainID)")
      try await expect(reads ? 200 : 403, "GET", "/v3/roles?domain_id=default")
      try await expect(reads || persona.level == .admin ? 200 : 403, "GET", "/v3/roles/\(global)")
      try await expect(reads || persona.level == .admin || manages ? 200 : 403, "GET", "/v3/roles/\(member)")
      try await expect(reads ? 200 : 403, "GET", "/v3/roles/\(own)")
      for role in [global, own] {
        try await expect(isAdmin ? 200 : 403, "PATCH", "/v3/roles/\(role)", #"{"role": {"description": "x"}}"#)
      }
      for method in ["GET", "DELETE"] { try await expect(404, method, "/v3/roles/none") }
      try await expect(404, "PATCH", "/v3/roles/none", #"{"role": {"description": "x"}}"#)
      for domain in ["", #", "domain_id": "\#(cloud.domainID)""#] {
        let name = Identifier.hex()
        try await expect(isAdmin ? 201 : 403, "POST", "/v3/roles", #"{"role": {"name": "\#(name)"\#(domain)}}"#)
      }
      try await expect(isAdmin ? 201 : 403, "PUT", "/v3/roles/\(global)/implies/\(implied)")
      if !isAdmin { _ = await cloud.cloud.send("PUT", "/v3/roles/\(global)/implies/\(implied)", token: admin) }
      try await expect(reads ? 200 : 403, "GET", "/v3/role_inferences")
      try await expect(reads ? 200 : 403, "GET", "/v3/roles/\(global)/implies")
      try await expect(reads ? 200 : 403, "GET", "/v3/roles/\(global)/implies/\(implied)")
      try await expect(reads ? 204 : 403, "HEAD", "/v3/roles/\(global)/implies/\(implied)")
      try await expect(isAdmin ? 204 : 403, "DELETE", "/v3/roles/\(global)/implies/\(implied)")
      if !isAdmin { _ = await cloud.cloud.send("DELETE", "/v3/roles/\(global)/implies/\(implied)", token: admin) }
      let gone = try await cloud.cloud.make(
        "/v3/roles", #"{"role": {"name": "gone \#(persona)"}}"#, token: admin)
      try await expect(isAdmin ? 204 : 403, "DELETE", "/v3/roles/\(gone)")
    }
    // A role of a domain that is called like one that managers may see is none of those.
    let trap = try await cloud.cloud.make(
      "/v3/roles", #"{"role": {"name": "member", "domain_id": "default"}}"#, token: admin)
    #expect(try await cloud.status(.init(scope: .domain, level: .manager), "GET", "/v3/roles/\(trap)") == 403)
  }
}
