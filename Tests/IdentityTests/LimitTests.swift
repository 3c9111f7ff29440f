import API
import Identity
import Kit
import Logging
import Testing

/// Registered limits and limits: their rules, both models, and what each persona may.
struct LimitTests {
  /// A cloud with a service that limits things.
  private struct Limited {
    let cloud: Fixture
    let admin: String
    let service: String

    init(_ settings: IdentitySettings = IdentitySettings()) async throws {
      cloud = try await Fixture(settings: settings)
      admin = try await cloud.admin()
      service = try await cloud.make("/v3/services", #"{"service": {"type": "limited"}}"#, token: admin)
    }

    func register(_ resource: String, _ value: Int, _ more: String = "") async -> Answer {
      await cloud.send(
        "POST", "/v3/registered_limits",
        """
        {"registered_limits": [{"service_id": "\(service)", "resource_name": "\(resource)", "default_limit": \(value)
        \(more)}]}
        """, token: admin)
    }

    func limit(_ resource: String, _ value: Int, _ owner: String) -> String {
      #"{"service_id": "\#(service)", "resource_name": "\#(resource)", "resource_limit": \#(value), \#(owner)}"#
    }

    func create(_ limits: String...) async -> Answer {
      await cloud.send(
        "POST", "/v3/limits", #"{"limits": [\#(limits.joined(separator: ","))]}"#, token: admin)
    }
  }

  @Test func registeredLimits() async throws {
    let it = try await Limited()
    let (cloud, admin) = (it.cloud, it.admin)
    let made = await it.register("cores", 10, #", "description": "d""#)
    #expect(made.status == 201)
    #expect(made.json["links"] == nil)
    let limit = try #require(made.json["registered_limits"]?.array?.first)
    let id = try #require(limit["id"]?.string)
    #expect(limit["service_id"]?.string == it.service)
    #expect(limit["region_id"] == .null)
    #expect(limit["default_limit"]?.int == 10)
    #expect(limit["links"]?["self"]?.string == "http://seen.test/identity/v3/registered_limits/\(id)")
    #expect(await it.register("cores", 11).isFault(409))
    #expect(await it.register("cores", 11, #", "region_id": "RegionOne""#).status == 201)
    // All or none.
    let both = await cloud.send(
      "POST", "/v3/registered_limits",
      """
      {"registered_limits": [{"service_id": "\(it.service)", "resource_name": "ram", "default_limit": 1},
        {"service_id": "\(it.service)", "resource_name": "cores", "default_limit": 1}]}
      """, token: admin)
    #expect(both.isFault(409))
    let all = "/v3/registered_limits"
    #expect(await cloud.send("GET", all, token: admin).ids("registered_limits").count == 2)
    #expect(await cloud.send("GET", all + "?region_id=RegionOne", token: admin).ids("registered_limits").count == 1)
    #expect(
      await cloud.send("GET", all + "?resource_name__contains=or", token: admin).ids("registered_limits").count == 2)
    #expect(await cloud.send("GET", all + "?resource_name=ram", token: admin).ids("registered_limits") == [])
    let path = all + "/\(id)"
    let changed = await cloud.send(
      "PATCH", path, #"{"registered_limit": {"default_limit": 20, "description": null}}"#, token: admin)
    #expect(changed.json["registered_limit"]?["default_limit"]?.int == 20)
    #expect(changed.json["registered_limit"]?["description"] == .null)
    // What it is for already counts as taken, as in Keystone.
    #expect(
      await cloud.send("PATCH", path, #"{"registered_limit": {"resource_name": "cores"}}"#, token: admin).isFault(409))
    #expect(
      await cloud.send("PATCH", path, #"{"registered_limit": {"resource_name": "vcpus"}}"#, token: admin).status == 200)
    #expect(
      await cloud.send("GET", path, token: try await cloud.demo()).json["registered_limit"]?["resource_name"]?.string
        == "vcpus")
    // With a limit that stands on it, it stays as it is.
    let own = await it.create(it.limit("vcpus", 5, #""project_id": "\#(cloud.ids.demoProjectID)""#))
    #expect(own.status == 201)
    #expect(await cloud.send("PATCH", path, #"{"registered_limit": {"default_limit": 1}}"#, token: admin).isFault(403))
    #expect(await cloud.send("DELETE", path, token: admin).isFault(403))
    let ownID = try #require(own.ids("limits").first)
    #expect(await cloud.send("DELETE", "/v3/limits/\(ownID)", token: admin).status == 204)
    #expect(await cloud.send("DELETE", path, token: admin).status == 204)
    #expect(await cloud.send("GET", path, token: admin).isFault(404))
  }

  @Test func limits() async throws {
    let it = try await Limited()
    let (cloud, admin) = (it.cloud, it.admin)
    let project = #""project_id": "\#(cloud.ids.demoProjectID)""#
    #expect(await it.create(it.limit("cores", 5, project)).isFault(403))
    #expect(await it.register("cores", 10).status == 201)
    let made = await it.create(it.limit("cores", 5, project), it.limit("cores", 50, #""domain_id": "default""#))
    #expect(made.status == 201)
    let limits = try #require(made.json["limits"]?.array)
    #expect(limits.first?["project_id"]?.string == cloud.ids.demoProjectID)
    #expect(limits.first?["domain_id"] == .null)
    #expect(limits.last?["project_id"] == .null)
    #expect(limits.last?["domain_id"]?.string == "default")
    #expect(await it.create(it.limit("cores", 6, project)).isFault(409))
    // A domain named as a project is a domain.
    #expect(await it.create(it.limit("cores", 6, #""project_id": "default""#)).isFault(409))
    let id = try #require(limits.first?["id"]?.string)
    let path = "/v3/limits/\(id)"
    let changed = await cloud.send(
      "PATCH", path, #"{"limit": {"resource_limit": 0, "description": "x"}}"#, token: admin)
    #expect(changed.json["limit"]?["resource_limit"]?.int == 0)
    #expect(changed.json["limit"]?["description"]?.string == "x")
    #expect(await cloud.send("GET", "/v3/limits?domain_id=default", token: admin).ids("limits").count == 1)
    #expect(await cloud.send("GET", "/v3/limits?project_id=default", token: admin).ids("limits") == [])
    #expect(await cloud.send("GET", "/v3/limits?resource_name=cores", token: admin).ids("limits").count == 2)
    #expect(await cloud.send("GET", "/v3/limits?service_id__startswith=zz", token: admin).ids("limits") == [])
    #expect(await cloud.send("GET", path, token: try await cloud.demo()).status == 200)
    let model = await cloud.send("GET", "/v3/limits/model", token: admin)
    #expect(model.json["model"]?["name"]?.string == "flat")
    // They go with their project, and with their service.
    #expect(await cloud.send("DELETE", "/v3/projects/\(cloud.ids.demoProjectID)", token: admin).status == 204)
    #expect(await cloud.send("GET", path, token: admin).isFault(404))
    #expect(await cloud.send("DELETE", "/v3/services/\(it.service)", token: admin).status == 204)
    #expect(await cloud.send("GET", "/v3/limits", token: admin).ids("limits") == [])
    #expect(await cloud.send("GET", "/v3/registered_limits", token: admin).ids("registered_limits") == [])
  }

  @Test func strictTwoLevel() async throws {
    var settings = IdentitySettings()
    settings.limitModel = .strictTwoLevel
    let it = try await Limited(settings)
    let (cloud, admin) = (it.cloud, it.admin)
    #expect(
      await cloud.send("GET", "/v3/limits/model", token: admin).json["model"]?["name"]?.string == "strict_two_level")
    let project = #""project_id": "\#(cloud.ids.demoProjectID)""#
    let other = #""project_id": "\#(cloud.ids.adminProjectID)""#
    let domain = #""domain_id": "default""#
    #expect(await it.register("cores", 10).status == 201)
    // Without a limit of the domain's own, the registered one counts.
    #expect(await it.create(it.limit("cores", 11, project)).isFault(403))
    #expect(await it.create(it.limit("cores", -1, project)).isFault(403))
    // Both at once: the new one of the domain counts, wherever it stands.
    let both = await it.create(it.limit("cores", 15, project), it.limit("cores", 20, domain))
    #expect(both.status == 201)
    let ids = both.ids("limits")
    let (ofProject, ofDomain) = (try #require(ids.first), try #require(ids.last))
    #expect(await it.create(it.limit("cores", 21, other)).isFault(403))
    func change(_ id: String, _ value: Int) async -> Answer {
      await cloud.send("PATCH", "/v3/limits/\(id)", #"{"limit": {"resource_limit": \#(value)}}"#, token: admin)
    }
    #expect(await change(ofDomain, 14).isFault(403))
    #expect(await change(ofDomain, 15).status == 200)
    #expect(await change(ofProject, 16).isFault(403))
    #expect(await change(ofDomain, -1).status == 200)
    #expect(await change(ofProject, -1).status == 200)
    #expect(await change(ofDomain, 1_000_000).isFault(403))
    #expect(await change(ofProject, 0).status == 200)
    #expect(await change(ofDomain, 0).status == 200)
    #expect(await it.create(it.limit("cores", 1, other)).isFault(403))
    #expect(await cloud.send("GET", "/v3/limits", token: admin).ids("limits").count == 2)
    // No project stands below another, or its limits would have nobody above them.
    let below = #"{"project": {"name": "below", "parent_id": "\#(cloud.ids.demoProjectID)"}}"#
    #expect(await cloud.send("POST", "/v3/projects", below, token: admin).isFault(403))
    #expect(await cloud.send("POST", "/v3/projects", #"{"project": {"name": "beside"}}"#, token: admin).status == 201)
  }

  @Test func badInput() async throws {
    let it = try await Limited()
    let (cloud, admin) = (it.cloud, it.admin)
    #expect(await it.register("cores", 10).status == 201)
    let project = #""project_id": "\#(cloud.ids.demoProjectID)""#
    let service = #""service_id": "\#(it.service)""#
    let nobody = "0123456789abcdef0123456789abcdef"
    for limits in [
      "[]", "7", "{}", "[7]", "[{}]", "[{\(service), \"resource_name\": \"cores\", \"resource_limit\": 1}]",
      "[\(it.limit("cores", 1, project + ", \"domain_id\": \"default\""))]",
      "[\(it.limit("cores", 1, project + ", \"domain_id\": null"))]",
      "[\(it.limit("cores", 1, #""project_id": null"#))]", "[\(it.limit("cores", -2, project))]",
      "[\(it.limit("cores", 0x8000_0000, project))]", "[\(it.limit(" ", 1, project))]",
      "[\(it.limit("", 1, project))]", "[\(it.limit(String(repeating: "x", count: 256), 1, project))]",
      "[\(it.limit("cores", 1, project + ", \"other\": 1"))]",
      "[\(it.limit("cores", 1, project + ", \"region_id\": \"none\""))]",
      "[\(it.limit("cores", 1, project + ", \"description\": 7"))]",
      "[\(it.limit("cores", 1, #""project_id": "none""#))]",
      "[\(it.limit("cores", 1, #""domain_id": "\#(cloud.ids.demoProjectID)""#))]",
      #"[{"service_id": "\#(nobody)", "resource_name": "cores", "resource_limit": 1, \#(project)}]"#,
      #"[{"service_id": "no id", "resource_name": "cores", "resource_limit": 1, \#(project)}]"#,
    ] {
      let answer = await cloud.send("POST", "/v3/limits", #"{"limits": \#(limits)}"#, token: admin)
      #expect(answer.isFault(400), "\(limits): \(answer.text)")
    }
    for limits in [
      "[]", "{}", "[{}]", #"[{\#(service), "resource_name": "x"}]"#, #"[{\#(service), "default_limit": 1}]"#,
      #"[{"resource_name": "x", "default_limit": 1}]"#,
      #"[{\#(service), "resource_name": "x", "default_limit": "1"}]"#,
      #"[{\#(service), "resource_name": "x", "default_limit": 1, "project_id": "y"}]"#,
      #"[{"service_id": "\#(nobody)", "resource_name": "x", "default_limit": 1}]"#,
      #"[{\#(service), "region_id": "none", "resource_name": "x", "default_limit": 1}]"#,
    ] {
      let answer = await cloud.send(
        "POST", "/v3/registered_limits", #"{"registered_limits": \#(limits)}"#, token: admin)
      #expect(answer.isFault(400), "\(limits): \(answer.text)")
    }
    #expect(await cloud.send("GET", "/v3/limits", token: admin).ids("limits") == [])
    let registered = await cloud.send("GET", "/v3/registered_limits", token: admin).ids("registered_limits")
    let id = try #require(registered.first)
    #expect(registered.count == 1)
    for body in [
      "{}", #"{"registered_limit": {"service_id": "\#(nobody)"}}"#, #"{"registered_limit": {"region_id": "none"}}"#,
      #"{"registered_limit": {"default_limit": null}}"#, #"{"registered_limit": {"id": "\#(id)"}}"#,
    ] {
      #expect(await cloud.send("PATCH", "/v3/registered_limits/\(id)", body, token: admin).isFault(400), "\(body)")
    }
    for path in ["limits", "registered_limits"] {
      let body = path == "limits" ? #"{"limit": {}}"# : #"{"registered_limit": {}}"#
      for method in ["GET", "PATCH", "DELETE"] {
        #expect(await cloud.send(method, "/v3/\(path)/none", body, token: admin).isFault(404), "\(method) \(path)")
      }
    }
  }

  /// The cloud's administrators change, all read what is registered, and limits of their own.
  @Test(arguments: Personas.all) func personas(_ persona: Personas.Persona) async throws {
    let personas = try await Personas()
    let cloud = personas.cloud
    let admin = try personas.token(.system, .admin)
    let service = try await cloud.make("/v3/services", #"{"service": {"type": "limited"}}"#, token: admin)
    let registered = #"{"service_id": "\#(service)", "resource_name": "cores", "default_limit": 1}"#
    let all = #"{"registered_limits": [\#(registered)]}"#
    #expect(await cloud.send("POST", "/v3/registered_limits", all, token: admin).status == 201)
    func make(_ owner: String, _ token: String) async -> Answer {
      let limit = #"{"service_id": "\#(service)", "resource_name": "cores", "resource_limit": 1, \#(owner)}"#
      return await cloud.send("POST", "/v3/limits", #"{"limits": [\#(limit)]}"#, token: token)
    }
    let foreign = try #require(await make(#""project_id": "\#(cloud.ids.demoProjectID)""#, admin).ids("limits").first)
    let own = try #require(await make(#""project_id": "\#(personas.projectID)""#, admin).ids("limits").first)
    let domain = try #require(await make(#""domain_id": "\#(personas.domainID)""#, admin).ids("limits").first)

    let changes = persona.level == .admin && persona.scope != .domain
    let readsAll = persona.scope == .system || persona.level == .admin
    let body = #"{"limit": {"resource_limit": 2}}"#
    #expect(try await personas.status(persona, "PATCH", "/v3/limits/\(own)", body) == (changes ? 200 : 403))
    #expect(try await personas.status(persona, "PATCH", "/v3/limits/none", body) == (changes ? 404 : 403))
    #expect(try await personas.status(persona, "GET", "/v3/limits/\(foreign)") == (readsAll ? 200 : 403))
    #expect(try await personas.status(persona, "GET", "/v3/limits/\(own)") == 200)
    #expect(
      try await personas.status(persona, "GET", "/v3/limits/\(domain)")
        == (readsAll || persona.scope == .domain ? 200 : 403))
    #expect(try await personas.status(persona, "GET", "/v3/limits/none") == (readsAll ? 404 : 403))
    let seen = Set(await cloud.send("GET", "/v3/limits", token: try personas.token(persona)).ids("limits"))
    let expected: Set<String> = readsAll ? [foreign, own, domain] : persona.scope == .domain ? [own, domain] : [own]
    #expect(seen == expected)
    #expect(try await personas.status(persona, "GET", "/v3/registered_limits") == 200)
    #expect(try await personas.status(persona, "GET", "/v3/limits/model") == 200)
    let status = await cloud.send(
      "POST", "/v3/registered_limits", all.replacing("cores", with: "ram"), token: try personas.token(persona)
    ).status
    #expect(status == (changes ? 201 : 403))
    #expect(try await personas.status(persona, "DELETE", "/v3/limits/\(own)") == (changes ? 204 : 403))
  }
}
