import Identity
import Kit
import Store
import Testing

/// Endpoint groups, what projects were given, and the catalogues that follow (OS-EP-FILTER).
struct EndpointFilterTests {
  private static let root = "/v3/OS-EP-FILTER"

  private static func group(_ cloud: Fixture, _ filters: String, name: String = "g") async throws -> String {
    try await cloud.make(
      root + "/endpoint_groups", #"{"endpoint_group": {"name": "\#(name)", "filters": \#(filters)}}"#,
      token: try await cloud.admin())
  }

  /// Interfaces and types of a token's catalogue, `public identity`.
  private static func catalogue(_ cloud: Fixture, _ token: String) async -> [String] {
    let answer = await cloud.send("GET", "/v3/auth/catalog", token: token)
    #expect(answer.status == 200)
    return entries(answer.json["catalog"])
  }

  private static func entries(_ catalogue: JSONValue?) -> [String] {
    (catalogue?.array ?? []).flatMap { service in
      (service["endpoints"]?.array ?? []).map { "\($0["interface"]?.string ?? "") \(service["type"]?.string ?? "")" }
    }.sorted()
  }

  @Test func groups() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let made = await cloud.send(
      "POST", Self.root + "/endpoint_groups",
      #"{"endpoint_group": {"name": "g", "description": "d", "filters": {"interface": "admin"}}}"#, token: admin)
    #expect(made.status == 201)
    let group = try #require(made.json["endpoint_group"])
    let id = try #require(group["id"]?.string)
    #expect(group["filters"] == .object(["interface": .string("admin")]))
    #expect(group["links"]?["self"]?.string == "http://seen.test/identity\(Self.root)/endpoint_groups/\(id)")
    let path = Self.root + "/endpoint_groups/\(id)"
    #expect(await cloud.send("HEAD", path, token: admin).status == 200)
    #expect(await cloud.send("GET", path + "/endpoints", token: admin).ids("endpoints").count == 5)
    // As `openstack endpoint group set --name n` sends it.
    let renamed = await cloud.send(
      "PATCH", path, #"{"endpoint_group": {"name": "n", "filters": null, "description": ""}}"#, token: admin)
    #expect(renamed.json["endpoint_group"]?["name"]?.string == "n")
    #expect(renamed.json["endpoint_group"]?["filters"] == .object(["interface": .string("admin")]))
    let service = try #require(await cloud.send("GET", "/v3/services?type=image", token: admin).ids("services").first)
    let narrowed = await cloud.send(
      "PATCH", path,
      #"{"endpoint_group": {"filters": {"service_id": "\#(service)", "region_id": "RegionOne"}}}"#, token: admin)
    #expect(narrowed.status == 200)
    #expect(await cloud.send("GET", path + "/endpoints", token: admin).ids("endpoints").count == 3)
    let nowhere = #"{"endpoint_group": {"filters": {"region_id": null}}}"#
    #expect(await cloud.send("PATCH", path, nowhere, token: admin).status == 200)
    #expect(await cloud.send("GET", path + "/endpoints", token: admin).ids("endpoints") == [])
    _ = try await Self.group(cloud, #"{"interface": "public"}"#, name: "other")
    let list = Self.root + "/endpoint_groups"
    #expect(await cloud.send("GET", list, token: admin).names("endpoint_groups") == ["n", "other"])
    #expect(await cloud.send("GET", list + "?name=n", token: admin).ids("endpoint_groups") == [id])
    #expect(await cloud.send("GET", list + "?colour=n", token: admin).isFault(400))
    #expect(await cloud.send("DELETE", path, token: admin).status == 204)
    #expect(await cloud.send("GET", path, token: admin).isFault(404))
    #expect(await cloud.send("GET", path + "/endpoints", token: admin).isFault(404))
  }

  @Test func whatAProjectWasGiven() async throws {
    let cloud = try await Fixture()
    let (admin, demo) = (try await cloud.admin(), try await cloud.demo())
    let all = await Self.catalogue(cloud, demo)
    #expect(all.count == 15)
    let endpoints = await cloud.send("GET", "/v3/endpoints?interface=admin", token: admin)
    let identity = try #require(
      await cloud.send("GET", "/v3/services?type=identity", token: admin).ids("services").first)
    let endpoint = try #require(
      endpoints.json["endpoints"]?.array?.first { $0["service_id"]?.string == identity }?["id"]?.string)
    let project = cloud.ids.demoProjectID
    let own = Self.root + "/projects/\(project)/endpoints"
    #expect(await cloud.send("GET", own, token: admin).ids("endpoints") == [])
    #expect(await cloud.send("HEAD", own + "/\(endpoint)", token: admin).status == 404)
    #expect(await cloud.send("PUT", own + "/\(endpoint)", token: admin).status == 204)
    #expect(await cloud.send("PUT", own + "/\(endpoint)", token: admin).isFault(409))
    #expect(await cloud.send("HEAD", own + "/\(endpoint)", token: admin).status == 204)
    #expect(await cloud.send("GET", own, token: admin).ids("endpoints") == [endpoint])
    let projects = Self.root + "/endpoints/\(endpoint)/projects"
    #expect(await cloud.send("GET", projects, token: admin).ids("projects") == [project])
    // The catalogue is cut at once, of tokens old and new, and of this project only.
    #expect(await Self.catalogue(cloud, demo) == ["admin identity"])
    let login = await cloud.send(
      "POST", "/v3/auth/tokens", Bodies.token(demo, scope: Bodies.project(project)))
    #expect(Self.entries(login.json["token"]?["catalog"]) == ["admin identity"])
    #expect(login.json["token"]?["catalog"]?.array?.count == 1)
    let looked = await cloud.send("GET", "/v3/auth/tokens", token: admin, headers: [("X-Subject-Token", demo)])
    #expect(Self.entries(looked.json["token"]?["catalog"]) == ["admin identity"])
    #expect(await Self.catalogue(cloud, admin) == all)

    let group = try await Self.group(cloud, #"{"interface": "public"}"#)
    let given = Self.root + "/endpoint_groups/\(group)/projects"
    #expect(await cloud.send("GET", given + "/\(project)", token: admin).isFault(404))
    #expect(await cloud.send("PUT", given + "/\(project)", token: admin).status == 204)
    #expect(await cloud.send("PUT", given + "/\(project)", token: admin).isFault(409))
    let shown = await cloud.send("GET", given + "/\(project)", token: admin)
    #expect(shown.json["project_endpoint_group"]?["project_id"]?.string == project)
    #expect(await cloud.send("GET", given, token: admin).ids("projects") == [project])
    let groups = Self.root + "/projects/\(project)/endpoint_groups"
    #expect(await cloud.send("GET", groups, token: admin).ids("endpoint_groups") == [group])
    #expect(await cloud.send("GET", own, token: admin).ids("endpoints").count == 6)
    #expect(await Self.catalogue(cloud, demo) == (all.filter { $0.hasPrefix("public") } + ["admin identity"]).sorted())

    #expect(await cloud.send("DELETE", own + "/\(endpoint)", token: admin).status == 204)
    #expect(await cloud.send("DELETE", own + "/\(endpoint)", token: admin).isFault(404))
    #expect(await Self.catalogue(cloud, demo) == all.filter { $0.hasPrefix("public") })
    #expect(await cloud.send("DELETE", given + "/\(project)", token: admin).status == 204)
    #expect(await cloud.send("DELETE", given + "/\(project)", token: admin).isFault(404))
    #expect(await Self.catalogue(cloud, demo) == all)
  }

  /// A project that was given only what is switched off has nothing, not everything; a service without endpoints is
  /// told only where nothing is filtered; and the setting turns everything off for who was given nothing.
  @Test func nothingToShow() async throws {
    let cloud = try await Fixture()
    let (admin, demo) = (try await cloud.admin(), try await cloud.demo())
    let service = try await cloud.make("/v3/services", #"{"service": {"type": "dns"}}"#, token: admin)
    func types(_ token: String) async -> [String] {
      let answer = await cloud.send("GET", "/v3/auth/catalog", token: token)
      return (answer.json["catalog"]?.array ?? []).compactMap { $0["type"]?.string }
    }
    #expect(await types(demo).contains("dns"))
    let endpoint = try await cloud.make(
      "/v3/endpoints",
      #"{"endpoint": {"interface": "public", "service_id": "\#(service)", "url": "http://dns/", "enabled": false}}"#,
      token: admin)
    let own = Self.root + "/projects/\(cloud.ids.demoProjectID)/endpoints/\(endpoint)"
    #expect(await cloud.send("PUT", own, token: admin).status == 204)
    #expect(await types(demo) == [])
    let enabled = #"{"endpoint": {"enabled": true}}"#
    #expect(await cloud.send("PATCH", "/v3/endpoints/\(endpoint)", enabled, token: admin).status == 200)
    #expect(await types(demo) == ["dns"])
    // What is deleted is not given any more.
    #expect(await cloud.send("DELETE", "/v3/endpoints/\(endpoint)", token: admin).status == 204)
    #expect(await types(demo).count == 6)

    var settings = IdentitySettings()
    settings.returnsAllEndpointsIfNoFilter = false
    let strict = try await Fixture(settings: settings)
    #expect(await Self.catalogue(strict, try await strict.demo()) == [])
    let group = try await Self.group(strict, #"{"interface": "internal"}"#)
    let given = Self.root + "/endpoint_groups/\(group)/projects/\(strict.ids.demoProjectID)"
    #expect(await strict.send("PUT", given, token: try await strict.admin()).status == 204)
    #expect(await Self.catalogue(strict, try await strict.demo()).count == 5)
    #expect(await Self.catalogue(strict, try await strict.admin()) == [])
  }

  /// URLs with something of the token in them, and those that cannot be made.
  @Test func addressesOfTokens() async throws {
    let cloud = try await Fixture()
    let (admin, demo) = (try await cloud.admin(), try await cloud.demo())
    let service = try await cloud.make("/v3/services", #"{"service": {"type": "dns"}}"#, token: admin)
    let urls = [
      "http://a/%(project_id)s/$(tenant_id)s", "http://b/$(user_id)s", "http://c/100%%/$5",
      "http://d/%(public_endpoint)s",
      "http://e/%(compute_host)s",
    ]
    for url in urls {
      _ = try await cloud.make(
        "/v3/endpoints",
        #"{"endpoint": {"interface": "public", "service_id": "\#(service)", "url": "\#(url)"}}"#, token: admin)
    }
    // Stored past the API, as an older release or another program may have.
    for (number, url) in ["http://x/%(password)s", "http://x/%20", "http://x/%(user_id)d", "http://x/%(user_id"]
      .enumerated()
    {
      try await cloud.store.write { tx in
        try tx.execute(
          """
          INSERT INTO identity_endpoint (id, service_id, region_id, interface, url, enabled, extra)
          VALUES (\("bad\(number)"), \(service), NULL, 'public', \(url), 1, '{}')
          """)
      }
    }
    func shown(_ token: String) async -> [String] {
      let catalogue = await cloud.send("GET", "/v3/auth/catalog", token: token).json["catalog"]?.array ?? []
      let dns = catalogue.first { $0["type"]?.string == "dns" }
      return (dns?["endpoints"]?.array ?? []).compactMap { $0["url"]?.string }.sorted()
    }
    let (project, user) = (cloud.ids.demoProjectID, cloud.ids.demoUserID)
    let common = ["http://c/100%/$5", "http://d/http://cloud.test:9090/identity"]
    #expect(await shown(demo) == ["http://a/\(project)/\(project)", "http://b/\(user)"] + common)
    // Another token's are its own, though the first one's have been remembered.
    let (other, boss) = (cloud.ids.adminProjectID, cloud.ids.adminUserID)
    #expect(await shown(admin) == ["http://a/\(other)/\(other)", "http://b/\(boss)"] + common)
    #expect(await shown(demo) == ["http://a/\(project)/\(project)", "http://b/\(user)"] + common)
    let system = try await cloud.send(
      "POST", "/v3/auth/tokens", Bodies.token(admin, scope: #"{"system": {"all": true}}"#)
    )
    .token
    #expect(await shown(system) == ["http://b/\(boss)"] + common)
    let listed = await cloud.send("GET", "/v3/endpoints?service_id=\(service)", token: admin).json["endpoints"]?.array
    #expect(listed?.contains { $0["url"]?.string == "http://a/%(project_id)s/$(tenant_id)s" } == true)
  }

  @Test func badInput() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let list = Self.root + "/endpoint_groups"
    for group in [
      "7", "{}", #"{"name": "g"}"#, #"{"filters": {"interface": "public"}}"#, #"{"name": "g", "filters": {}}"#,
      #"{"name": "g", "filters": null}"#, #"{"name": "g", "filters": []}"#, #"{"name": "g", "filters": "public"}"#,
      #"{"name": "g", "filters": {"interface": "secret"}}"#, #"{"name": "g", "filters": {"region": "x"}}"#,
      #"{"name": "g", "filters": {"enabled": true}}"#, #"{"name": "g", "filters": {"service_id": null}}"#,
      #"{"name": 7, "filters": {"interface": "public"}}"#, #"{"name": " ", "filters": {"interface": "public"}}"#,
      #"{"name": "g", "filters": {"interface": "public"}, "other": 1}"#,
      #"{"name": "\#(String(repeating: "g", count: 256))", "filters": {"interface": "public"}}"#,
    ] {
      let answer = await cloud.send("POST", list, #"{"endpoint_group": \#(group)}"#, token: admin)
      #expect(answer.isFault(400), "\(group): \(answer.text)")
    }
    #expect(await cloud.send("GET", list, token: admin).ids("endpoint_groups") == [])
    let id = try await Self.group(cloud, #"{"interface": "public"}"#)
    for group in ["{}", #"{"filters": {"x": 1}}"#, #"{"name": ""}"#, #"{"id": "x"}"#] {
      #expect(await cloud.send("PATCH", "\(list)/\(id)", #"{"endpoint_group": \#(group)}"#, token: admin).isFault(400))
    }
    let project = cloud.ids.demoProjectID
    for method in ["GET", "PUT", "DELETE"] {
      for path in [
        "/projects/none/endpoints/none", "/projects/\(project)/endpoints/none", "/endpoint_groups/none/projects/none",
        "/endpoint_groups/\(id)/projects/none", "/endpoint_groups/none/projects/\(project)",
      ] {
        #expect(await cloud.send(method, Self.root + path, token: admin).isFault(404), "\(method) \(path)")
      }
    }
    for path in ["/projects/none/endpoints", "/projects/none/endpoint_groups", "/endpoints/none/projects"] {
      #expect(await cloud.send("GET", Self.root + path, token: admin).isFault(404), "\(path)")
    }
    // As in Keystone, a group that is not there has no projects.
    let none = await cloud.send("GET", Self.root + "/endpoint_groups/none/projects", token: admin)
    #expect(none.status == 200)
    #expect(none.ids("projects") == [])
  }

  @Test(arguments: Personas.all) func personas(_ persona: Personas.Persona) async throws {
    let personas = try await Personas()
    let cloud = personas.cloud
    let changes = persona.level == .admin && persona.scope != .domain
    let reads = changes || persona.scope == .system
    let group = try await Self.group(cloud, #"{"interface": "public"}"#)
    let endpoint = try #require(
      await cloud.send("GET", "/v3/endpoints", token: try await cloud.admin()).ids("endpoints").first)
    let project = personas.projectID
    let body = #"{"endpoint_group": {"name": "g", "filters": {"interface": "public"}}}"#
    let root = Self.root
    for (method, path, status) in [
      ("GET", "/endpoint_groups", 200), ("POST", "/endpoint_groups", 201), ("GET", "/endpoint_groups/\(group)", 200),
      ("GET", "/endpoint_groups/none", 404), ("PATCH", "/endpoint_groups/\(group)", 200),
      ("PATCH", "/endpoint_groups/none", 404), ("PUT", "/endpoint_groups/\(group)/projects/\(project)", 204),
      ("GET", "/endpoint_groups/\(group)/projects", 200), ("GET", "/endpoint_groups/\(group)/endpoints", 200),
      ("GET", "/projects/\(project)/endpoint_groups", 200), ("PUT", "/projects/\(project)/endpoints/\(endpoint)", 204),
      ("GET", "/projects/\(project)/endpoints", 200), ("GET", "/endpoints/\(endpoint)/projects", 200),
    ] {
      let allowed = method == "GET" ? reads : changes
      let answered = try await personas.status(persona, method, root + path, method == "GET" ? nil : body)
      #expect(answered == (allowed ? status : 403), "\(method) \(path)")
    }
    let admin = try personas.token(.system, .admin)
    if !changes {
      for path in ["/endpoint_groups/\(group)/projects/\(project)", "/projects/\(project)/endpoints/\(endpoint)"] {
        #expect(await cloud.send("PUT", root + path, token: admin).status == 204)
      }
    }
    for (method, path, status) in [
      ("GET", "/endpoint_groups/\(group)/projects/\(project)", 200),
      ("GET", "/projects/\(project)/endpoints/\(endpoint)", 204),
      ("DELETE", "/endpoint_groups/\(group)/projects/\(project)", 204),
      ("DELETE", "/projects/\(project)/endpoints/\(endpoint)", 204), ("DELETE", "/endpoint_groups/\(group)", 204),
      ("DELETE", "/endpoint_groups/none", 404),
    ] {
      let allowed = method == "GET" ? reads : changes
      #expect(try await personas.status(persona, method, root + path) == (allowed ? status : 403), "\(method) \(path)")
    }
  }
}
