import Kit
import Testing

@testable import Identity

/// Identity providers, protocols, mappings and service providers as resources.
struct FederationTests {
  private static let root = "/v3/OS-FEDERATION"
  private static let mapping = #"{"mapping": {"rules": [{"local": [], "remote": [{"type": "x"}]}]}}"#

  @Test func identityProviders() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let path = Self.root + "/identity_providers/a"
    let made = await cloud.send("PUT", path, #"{"identity_provider": {"description": "d"}}"#, token: admin)
    #expect(made.status == 201)
    let idp = try #require(made.json["identity_provider"])
    #expect(idp["id"]?.string == "a" && idp["enabled"] == .bool(false) && idp["description"]?.string == "d")
    #expect(idp["remote_ids"] == .array([]) && idp["authorization_ttl"] == .null)
    #expect(idp["links"]?["self"]?.string == "http://seen.test/identity" + path)
    #expect(idp["links"]?["protocols"]?.string == "http://seen.test/identity" + path + "/protocols")
    let domain = try #require(idp["domain_id"]?.string)
    #expect(await cloud.send("GET", "/v3/domains/\(domain)", token: admin).json["domain"]?["enabled"] == .bool(true))
    #expect(await cloud.send("PUT", path, "{}", token: admin).isFault(409))
    let other = #"{"identity_provider": {"domain_id": "default", "remote_ids": ["r2", "r1"], "enabled": true}}"#
    let second = await cloud.send("PUT", Self.root + "/identity_providers/b", other, token: admin)
    #expect(second.json["identity_provider"]?["remote_ids"] == .array([.string("r1"), .string("r2")]))
    #expect(second.json["identity_provider"]?["domain_id"]?.string == "default")
    // A remote id belongs to one provider.
    let taken = #"{"identity_provider": {"remote_ids": ["r1"]}}"#
    #expect(await cloud.send("PUT", Self.root + "/identity_providers/c", taken, token: admin).isFault(409))
    #expect(await cloud.send("PATCH", path, taken, token: admin).isFault(409))
    let changed = await cloud.send(
      "PATCH", path, #"{"identity_provider": {"enabled": true, "remote_ids": ["r3"], "authorization_ttl": 5}}"#,
      token: admin)
    #expect(changed.status == 200 && changed.json["identity_provider"]?["description"]?.string == "d")
    let shown = await cloud.send("GET", path, token: admin)
    #expect(shown.json["identity_provider"] == changed.json["identity_provider"])
    #expect(shown.json["identity_provider"]?["authorization_ttl"]?.int == 5)
    let list = await cloud.send("GET", Self.root + "/identity_providers", token: admin)
    #expect(list.ids("identity_providers") == ["a", "b"])
    #expect(list.json["identity_providers"]?.array?.first == shown.json["identity_provider"])
    for (query, ids) in [("id=b", ["b"]), ("enabled=false", []), ("id__contains=a", ["a"])] {
      let found = await cloud.send("GET", Self.root + "/identity_providers?" + query, token: admin)
      #expect(found.ids("identity_providers") == ids, "\(query)")
    }
    #expect(await cloud.send("DELETE", path, token: admin).status == 204)
    for method in ["GET", "DELETE"] { #expect(await cloud.send(method, path, token: admin).isFault(404)) }
    #expect(await cloud.send("PATCH", path, taken, token: admin).isFault(404))
    // The domain of a provider takes it along.
    let disabled = await cloud.send(
      "PUT", Self.root + "/identity_providers/\(String(repeating: "x", count: 65))", "{}", token: admin)
    #expect(disabled.isFault(400))
  }

  @Test(arguments: [
    #"{"identity_provider": {"nonsense": 1}}"#, #"{"identity_provider": {"enabled": "yes"}}"#,
    #"{"identity_provider": {"remote_ids": ["a", "a"]}}"#, #"{"identity_provider": {"remote_ids": "a"}}"#,
    #"{"identity_provider": {"remote_ids": [1]}}"#, #"{"identity_provider": {"authorization_ttl": -1}}"#,
    #"{"identity_provider": {"domain_id": ""}}"#, #"{"other": {}}"#,
  ])
  func badIdentityProviders(body: String) async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let path = Self.root + "/identity_providers/a"
    #expect(await cloud.send("PUT", path, body, token: admin).isFault(400))
    #expect(await cloud.send("PUT", path, "{}", token: admin).status == 201)
    #expect(await cloud.send("PATCH", path, body, token: admin).isFault(400))
    #expect(await cloud.send("PATCH", path, #"{"identity_provider": {}}"#, token: admin).isFault(400))
    let nowhere = #"{"identity_provider": {"domain_id": "nowhere"}}"#
    #expect(await cloud.send("PUT", Self.root + "/identity_providers/b", nowhere, token: admin).isFault(404))
  }

  @Test func mappings() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let path = Self.root + "/mappings/m"
    let made = await cloud.send("PUT", path, Self.mapping, token: admin)
    #expect(made.status == 201 && made.json["mapping"]?["schema_version"]?.string == "1.0")
    #expect(made.json["mapping"]?["rules"] == (try JSONValue(parsing: Self.mapping))["mapping"]?["rules"])
    #expect(await cloud.send("PUT", path, Self.mapping, token: admin).isFault(409))
    let next = #"{"mapping": {"rules": [{"local": [], "remote": [{"type": "y"}]}], "schema_version": "2.0"}}"#
    let changed = await cloud.send("PATCH", path, next, token: admin)
    #expect(changed.status == 200)
    let shown = await cloud.send("GET", path, token: admin)
    #expect(shown.json == changed.json && shown.json["mapping"]?["schema_version"]?.string == "2.0")
    #expect(await cloud.send("GET", Self.root + "/mappings", token: admin).ids("mappings") == ["m"])
    for body in ["{}", #"{"mapping": {}}"#, #"{"mapping": {"rules": []}}"#, #"{"mapping": {"rules": [{}]}}"#] {
      #expect(await cloud.send("PATCH", path, body, token: admin).isFault(400), "\(body)")
      #expect(await cloud.send("PUT", Self.root + "/mappings/n", body, token: admin).isFault(400), "\(body)")
    }
    #expect(await cloud.send("DELETE", path, token: admin).status == 204)
    for method in ["GET", "DELETE"] { #expect(await cloud.send(method, path, token: admin).isFault(404)) }
    #expect(await cloud.send("PATCH", path, Self.mapping, token: admin).isFault(404))
  }

  @Test func protocols() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let path = Self.root + "/identity_providers/a/protocols/openid"
    let body = #"{"protocol": {"mapping_id": "m"}}"#
    #expect(await cloud.send("PUT", path, body, token: admin).isFault(400))
    #expect(await cloud.send("PUT", Self.root + "/mappings/m", Self.mapping, token: admin).status == 201)
    #expect(await cloud.send("PUT", path, body, token: admin).isFault(404))
    #expect(await cloud.send("PUT", Self.root + "/identity_providers/a", "{}", token: admin).status == 201)
    let made = await cloud.send("PUT", path, body, token: admin)
    #expect(made.status == 201)
    let idp = "http://seen.test/identity/v3/OS-FEDERATION/identity_providers/a"
    let expected: JSONValue = .object([
      "id": .string("openid"), "mapping_id": .string("m"),
      "links": .object(["self": .string(idp + "/protocols/openid"), "identity_provider": .string(idp)]),
    ])
    #expect(made.json["protocol"] == expected)
    #expect(await cloud.send("GET", path, token: admin).json["protocol"] == expected)
    #expect(await cloud.send("PUT", path, body, token: admin).isFault(409))
    let list = await cloud.send("GET", Self.root + "/identity_providers/a/protocols", token: admin)
    #expect(list.ids("protocols") == ["openid"])
    #expect(list.json["protocols"]?.array?.first?["idp_id"]?.string == "a")
    let unknown = #"{"protocol": {"mapping_id": "nowhere"}}"#
    #expect(await cloud.send("PATCH", path, unknown, token: admin).isFault(400))
    let named = #"{"protocol": {"mapping_id": "m", "remote_id_attribute": "HTTP_OIDC_ISS"}}"#
    let changed = await cloud.send("PATCH", path, named, token: admin)
    #expect(changed.status == 200 && changed.json["protocol"]?["remote_id_attribute"]?.string == "HTTP_OIDC_ISS")
    for bad in ["{}", #"{"protocol": {}}"#, #"{"protocol": {"mapping_id": "m", "x": 1}}"#] {
      #expect(await cloud.send("PATCH", path, bad, token: admin).isFault(400))
    }
    #expect(await cloud.send("DELETE", path, token: admin).status == 204)
    #expect(await cloud.send("GET", path, token: admin).isFault(404))
  }

  @Test func serviceProviders() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let path = Self.root + "/service_providers/s"
    func inToken() async throws -> JSONValue? {
      let reply = await cloud.send("POST", "/v3/auth/tokens", Bodies.token(admin, scope: #""unscoped""#))
      let shown = await cloud.send(
        "GET", "/v3/auth/tokens?nocatalog", token: admin, headers: [("X-Subject-Token", admin)])
      #expect(shown.json["token"]?["service_providers"] == reply.json["token"]?["service_providers"])
      return reply.json["token"]?["service_providers"]
    }
    #expect(try await inToken() == nil)
    let body = #"{"service_provider": {"auth_url": "https://a.test/x", "sp_url": "https://a.test/y"}}"#
    let made = await cloud.send("PUT", path, body, token: admin)
    #expect(made.status == 201)
    let found = try #require(made.json["service_provider"])
    #expect(found["enabled"] == .bool(false) && found["relay_state_prefix"]?.string == "ss:mem:")
    #expect(found["description"] == .null && found["auth_url"]?.string == "https://a.test/x")
    #expect(try await inToken() == nil)
    let enabled = await cloud.send("PATCH", path, #"{"service_provider": {"enabled": true}}"#, token: admin)
    #expect(enabled.status == 200 && enabled.json["service_provider"]?["sp_url"]?.string == "https://a.test/y")
    let shown: JSONValue = .object([
      "id": .string("s"), "auth_url": .string("https://a.test/x"), "sp_url": .string("https://a.test/y"),
    ])
    #expect(try await inToken() == .array([shown]))
    #expect(await cloud.send("PUT", path, body, token: admin).isFault(409))
    #expect(
      await cloud.send("GET", Self.root + "/service_providers?enabled=true", token: admin).ids("service_providers")
        == ["s"])
    for bad in [
      #"{"service_provider": {}}"#, #"{"service_provider": {"auth_url": "nonsense", "sp_url": "https://a.test"}}"#,
      #"{"service_provider": {"auth_url": "https://a.test", "sp_url": "x", "description": "d"}}"#,
      #"{"service_provider": {"x": 1}}"#,
    ] {
      #expect(await cloud.send("PUT", Self.root + "/service_providers/t", bad, token: admin).isFault(400), "\(bad)")
      #expect(await cloud.send("PATCH", path, bad, token: admin).isFault(400), "\(bad)")
    }
    #expect(await cloud.send("DELETE", path, token: admin).status == 204)
    #expect(await cloud.send("GET", path, token: admin).isFault(404))
    #expect(try await inToken() == nil)
  }

  /// Who may read and change them, and that a stranger learns nothing of what is there.
  @Test func personas() async throws {
    let personas = try await Personas()
    let cloud = personas.cloud
    let admin = try await cloud.admin()
    let bodies = [
      "identity_providers": "{}", "mappings": Self.mapping,
      "service_providers": #"{"service_provider": {"auth_url": "https://a.test", "sp_url": "https://a.test"}}"#,
    ]
    for (kind, body) in bodies {
      let there = "\(Self.root)/\(kind)/there"
      #expect(await cloud.send("PUT", there, body, token: admin).status == 201)
      for persona in Personas.all {
        let token = try personas.token(persona)
        let changes = persona.level == .admin && persona.scope != .domain
        let reads = changes || persona.scope == .system
        #expect(await cloud.send("GET", there, token: token).status == (reads ? 200 : 403), "\(persona) \(kind)")
        let nowhere = "\(Self.root)/\(kind)/nowhere"
        #expect(await cloud.send("GET", nowhere, token: token).status == (reads ? 404 : 403), "\(persona) \(kind)")
        #expect(await cloud.send("GET", "\(Self.root)/\(kind)", token: token).status == (reads ? 200 : 403))
        let mine = "\(Self.root)/\(kind)/of-\(persona)"
        #expect(await cloud.send("PUT", mine, body, token: token).status == (changes ? 201 : 403), "\(persona) \(kind)")
        #expect(await cloud.send("DELETE", mine, token: token).status == (changes ? 204 : 403), "\(persona) \(kind)")
      }
    }
  }
}
