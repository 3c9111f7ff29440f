import Identity
import Kit
import Store
import Testing

/// Policies, and which endpoints they are for (OS-ENDPOINT-POLICY).
struct PolicyTests {
  private static func make(_ cloud: Fixture, _ rules: String = "{}") async throws -> String {
    try await cloud.make(
      "/v3/policies", #"{"policy": {"type": "application/json", "blob": "\#(rules)"}}"#, token: try await cloud.admin())
  }

  @Test func policies() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let made = await cloud.send(
      "POST", "/v3/policies", #"{"policy": {"type": "text/x", "blob": "a: \"b\"", "colour": "red"}}"#, token: admin)
    #expect(made.status == 201)
    let policy = try #require(made.json["policy"])
    let id = try #require(policy["id"]?.string)
    #expect(policy["blob"]?.string == #"a: "b""#)
    #expect(policy["colour"]?.string == "red")
    #expect(policy["links"]?["self"]?.string == "http://seen.test/identity/v3/policies/\(id)")
    _ = try await Self.make(cloud)
    #expect(await cloud.send("GET", "/v3/policies", token: admin).ids("policies").count == 2)
    #expect(await cloud.send("GET", "/v3/policies?type=text/x", token: admin).ids("policies") == [id])
    let path = "/v3/policies/\(id)"
    let changed = await cloud.send("PATCH", path, #"{"policy": {"blob": "c", "size": 1}}"#, token: admin)
    #expect(changed.json["policy"]?["blob"]?.string == "c")
    #expect(changed.json["policy"]?["type"]?.string == "text/x")
    #expect(changed.json["policy"]?["colour"]?.string == "red")
    #expect(await cloud.send("GET", path, token: admin).text == changed.text)
    for body in [
      "{}", #"{"policy": {}}"#, #"{"policy": 7}"#, #"{"policy": {"blob": {}}}"#, #"{"policy": {"type": null}}"#,
      #"{"policy": {"id": "other", "blob": "x"}}"#, #"{"policy": {"type": "\#(String(repeating: "t", count: 256))"}}"#,
    ] {
      #expect(await cloud.send("PATCH", path, body, token: admin).isFault(400), "\(body)")
    }
    for body in [
      nil, "{}", #"{"policy": {}}"#, #"{"policy": {"blob": "x"}}"#, #"{"policy": {"type": "x"}}"#,
      #"{"policy": {"type": 1, "blob": "x"}}"#, #"{"policy": {"type": "x", "blob": {"a": 1}}}"#,
    ] {
      #expect(await cloud.send("POST", "/v3/policies", body, token: admin).isFault(400), "\(body ?? "nothing")")
    }
    #expect(await cloud.send("DELETE", path, token: admin).status == 204)
    for method in ["GET", "PATCH", "DELETE"] {
      let answer = await cloud.send(method, path, #"{"policy": {"blob": "x"}}"#, token: admin)
      #expect(answer.isFault(404), "\(method)")
    }
  }

  @Test func associations() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let service = try await cloud.make("/v3/services", #"{"service": {"type": "dns"}}"#, token: admin)
    for region in [#"{"region": {"id": "Top"}}"#, #"{"region": {"id": "Low", "parent_region_id": "Top"}}"#] {
      #expect(await cloud.send("POST", "/v3/regions", region, token: admin).status == 201)
    }
    var endpoints: [String] = []
    for region in [#""Top""#, #""Low""#, "null"] {
      endpoints.append(
        try await cloud.make(
          "/v3/endpoints",
          """
          {"endpoint": {"interface": "public", "service_id": "\(service)", "region_id": \(region), "url": "http://x"}}
          """,
          token: admin))
    }
    let (top, low, nowhere) = (endpoints[0], endpoints[1], endpoints[2])
    let (first, second, third) = (
      try await Self.make(cloud), try await Self.make(cloud), try await Self.make(cloud)
    )
    func policy(_ endpoint: String) async -> String? {
      let answer = await cloud.send("GET", "/v3/endpoints/\(endpoint)/OS-ENDPOINT-POLICY/policy", token: admin)
      #expect(answer.status == 200 || answer.isFault(404))
      return answer.json["policy"]?["id"]?.string
    }
    func covered(_ policy: String) async -> Set<String> {
      Set(await cloud.send("GET", "/v3/policies/\(policy)/OS-ENDPOINT-POLICY/endpoints", token: admin).ids("endpoints"))
    }
    func path(_ policy: String, _ rest: String) -> String { "/v3/policies/\(policy)/OS-ENDPOINT-POLICY/\(rest)" }
    #expect(await policy(low) == nil)

    let whole = path(first, "services/\(service)")
    #expect(await cloud.send("GET", whole, token: admin).isFault(404))
    #expect(await cloud.send("PUT", whole, token: admin).status == 204)
    #expect(await cloud.send("PUT", whole, token: admin).status == 204)
    #expect(await cloud.send("HEAD", whole, token: admin).status == 204)
    #expect(await covered(first) == [top, low, nowhere])
    #expect(await policy(nowhere) == first)
    // The region's goes before the service's, also below the region; the endpoint's own goes before all.
    let regional = path(second, "services/\(service)/regions/Top")
    #expect(await cloud.send("PUT", regional, token: admin).status == 204)
    #expect(await covered(second) == [top, low])
    #expect(await policy(low) == second)
    #expect(await policy(nowhere) == first)
    let own = path(third, "endpoints/\(low)")
    #expect(await cloud.send("PUT", own, token: admin).status == 204)
    #expect(await policy(low) == third)
    #expect(await covered(third) == [low])
    #expect(await policy(top) == second)
    // One policy for one thing: the next one takes its place.
    #expect(await cloud.send("PUT", path(first, "endpoints/\(low)"), token: admin).status == 204)
    #expect(await cloud.send("GET", own, token: admin).isFault(404))
    #expect(await policy(low) == first)
    #expect(await cloud.send("DELETE", path(first, "endpoints/\(low)"), token: admin).status == 204)
    #expect(await cloud.send("DELETE", path(first, "endpoints/\(low)"), token: admin).status == 204)
    #expect(await policy(low) == second)
    // They go with what they are for, and with their policy.
    #expect(await cloud.send("DELETE", "/v3/policies/\(second)", token: admin).status == 204)
    #expect(await policy(low) == first)
    #expect(await cloud.send("DELETE", "/v3/services/\(service)", token: admin).status == 204)
    #expect(await covered(first) == [])
    for method in ["GET", "PUT", "DELETE"] {
      for rest in ["endpoints/none", "services/none", "services/none/regions/Top"] {
        #expect(await cloud.send(method, path(first, rest), token: admin).isFault(404), "\(method) \(rest)")
      }
    }
    #expect(await cloud.send("GET", path("none", "endpoints"), token: admin).isFault(404))
    #expect(await cloud.send("GET", "/v3/endpoints/none/OS-ENDPOINT-POLICY/policy", token: admin).isFault(404))
  }

  /// A region that is its own grandparent ends no search.
  @Test func regionsInACircle() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    try await cloud.store.write { tx in
      for id in ["A", "B"] {
        try tx.execute("INSERT INTO identity_region (id, description, extra) VALUES (\(id), '', '{}')")
      }
      try tx.execute(
        "UPDATE identity_region SET parent_region_id = CASE id WHEN 'A' THEN 'B' ELSE 'A' END WHERE id IN ('A', 'B')")
    }
    let service = try await cloud.make("/v3/services", #"{"service": {"type": "dns"}}"#, token: admin)
    let endpoint = try await cloud.make(
      "/v3/endpoints",
      #"{"endpoint": {"interface": "public", "service_id": "\#(service)", "region_id": "A", "url": "http://x"}}"#,
      token: admin)
    let looked = "/v3/endpoints/\(endpoint)/OS-ENDPOINT-POLICY/policy"
    #expect(await cloud.send("GET", looked, token: admin).isFault(404))
    let policy = try await Self.make(cloud)
    let path = "/v3/policies/\(policy)/OS-ENDPOINT-POLICY"
    #expect(await cloud.send("PUT", path + "/services/\(service)/regions/B", token: admin).status == 204)
    #expect(await cloud.send("GET", path + "/endpoints", token: admin).ids("endpoints") == [endpoint])
    #expect(await cloud.send("GET", looked, token: admin).json["policy"]?["id"]?.string == policy)
  }

  @Test(arguments: Personas.all) func personas(_ persona: Personas.Persona) async throws {
    let personas = try await Personas()
    let cloud = personas.cloud
    let changes = persona.level == .admin && persona.scope != .domain
    let reads = changes || persona.scope == .system
    let policy = try await Self.make(cloud)
    let admin = try await cloud.admin()
    let service = try #require(await cloud.send("GET", "/v3/services", token: admin).ids("services").first)
    let endpoint = try #require(await cloud.send("GET", "/v3/endpoints", token: admin).ids("endpoints").first)
    let association = "/v3/policies/\(policy)/OS-ENDPOINT-POLICY"
    let subjects = ["/endpoints/\(endpoint)", "/services/\(service)", "/services/\(service)/regions/RegionOne"]
    for subject in subjects {
      #expect(try await personas.status(persona, "PUT", association + subject) == (changes ? 204 : 403))
      #expect(await cloud.send("PUT", association + subject, token: admin).status == 204)
      #expect(try await personas.status(persona, "GET", association + subject) == (reads ? 204 : 403))
    }
    let body = #"{"policy": {"type": "t", "blob": "b"}}"#
    for (method, path, status) in [
      ("GET", "/v3/policies", 200), ("POST", "/v3/policies", 201), ("GET", "/v3/policies/\(policy)", 200),
      ("GET", "/v3/policies/none", 404), ("PATCH", "/v3/policies/\(policy)", 200), ("PATCH", "/v3/policies/none", 404),
      ("GET", association + "/endpoints", 200), ("GET", "/v3/endpoints/\(endpoint)/OS-ENDPOINT-POLICY/policy", 200),
      ("DELETE", association + subjects[0], 204), ("DELETE", association + subjects[1], 204),
      ("DELETE", association + subjects[2], 204), ("DELETE", "/v3/policies/\(policy)", 204),
      ("DELETE", "/v3/policies/none", 404),
    ] {
      let allowed = method == "GET" ? reads : changes
      let answered = try await personas.status(persona, method, path, ["POST", "PATCH"].contains(method) ? body : nil)
      #expect(answered == (allowed ? status : 403), "\(method) \(path)")
    }
  }
}
