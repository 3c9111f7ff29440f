import Auth
import Crypto
import Foundation
import Kit
import NIOHTTP1
import Testing

@testable import Identity

/// Logging in with a token that a real issuer has signed.
struct FederatedLoginTests {
  static let rules = """
    {"rules": [{"local": [{"user": {"name": "{0}", "email": "{1}"}},
        {"groups": "{2}", "domain": {"id": "default"}}],
      "remote": [{"type": "OIDC-preferred_username"}, {"type": "OIDC-email"}, {"type": "OIDC-groups"}]},
     {"local": [{"user": {"name": "{0}"}}], "remote": [{"type": "HTTP_OIDC_SUB"}]}]}
    """
  static let idpPath = "/v3/OS-FEDERATION/identity_providers/corp"
  static let path = idpPath + "/protocols/openid/auth"

  /// A cloud that trusts an issuer, with a group `ops` that is member of the project `demo`.
  final class Scene: Sendable {
    let cloud: Fixture
    let issuer: TestIssuer
    let key: TestIssuer.Key
    let admin: String
    let groupID: String

    init(_ rules: String = FederatedLoginTests.rules, ttl: Int? = nil) async throws {
      cloud = try await Fixture()
      key = TestIssuer.Key.newP256()
      issuer = try await TestIssuer(keys: ["one": key])
      admin = try await cloud.admin()
      groupID = try await cloud.make("/v3/groups", #"{"group": {"name": "ops"}}"#, token: admin)
      let member = try await cloud.role("member", token: admin)
      let grant = "/v3/projects/\(cloud.ids.demoProjectID)/groups/\(groupID)/roles/\(member)"
      #expect(await cloud.send("PUT", grant, token: admin).status == 204)
      let idp = """
        {"identity_provider": {"enabled": true, "remote_ids": ["\(issuer.url)#openstack"],
          "authorization_ttl": \(ttl.map(String.init) ?? "null")}}
        """
      try await put(FederatedLoginTests.idpPath, idp)
      try await put("/v3/OS-FEDERATION/mappings/corp", #"{"mapping": \#(rules)}"#)
      try await put(FederatedLoginTests.idpPath + "/protocols/openid", #"{"protocol": {"mapping_id": "corp"}}"#)
    }

    func put(_ path: String, _ body: String) async throws {
      let reply = await cloud.send("PUT", path, body, token: admin)
      try #require(reply.status == 201, "\(path): \(reply.text)")
    }

    func present(_ token: String, method: String = "POST", path: String = FederatedLoginTests.path) async -> Answer {
      await cloud.send(method, path, headers: [("Authorization", "Bearer \(token)")])
    }

    /// Logs a person in with claims that are right but for these.
    func login(_ subject: String, groups: [String] = [], but: [String: JSONValue?] = [:]) async throws -> Answer {
      var claims = issuer.claims(subject, at: cloud.now, groups: groups)
      for (name, value) in but { claims[name] = value }
      return await present(try TestIssuer.token(claims, key, id: "one"))
    }

    func rescope(_ token: String, _ scope: String) async -> Answer {
      await cloud.send("POST", "/v3/auth/tokens", Bodies.token(token, scope: scope))
    }
  }

  @Test func groupsGiveRolesForTheLifeOfTheToken() async throws {
    let scene = try await Scene()
    let cloud = scene.cloud
    let unscoped = try await scene.login("alice", groups: ["ops", "unknown here"])
    try #require(unscoped.status == 201, "\(unscoped.text)")
    let token = try #require(unscoped.json["token"])
    #expect(token["methods"] == .array([.string("openid")]))
    #expect(token["user"]?["name"]?.string == "alice")
    #expect(token["user"]?["password_expires_at"] == nil)
    #expect(token["user"]?["OS-FEDERATION"]?["identity_provider"]?["id"]?.string == "corp")
    #expect(token["user"]?["OS-FEDERATION"]?["protocol"]?["id"]?.string == "openid")
    #expect(token["user"]?["OS-FEDERATION"]?["groups"] == .array([.object(["id": .string(scene.groupID)])]))
    #expect(token["project"] == nil && token["roles"] == nil && token["catalog"] == nil)
    // Only what the groups reach is shown (ATTACKS 22).
    for path in ["/v3/auth/projects", "/v3/OS-FEDERATION/projects"] {
      let projects = await cloud.send("GET", path, token: try unscoped.token)
      #expect(projects.ids("projects") == [cloud.ids.demoProjectID], "\(path) \(projects.text)")
    }
    for path in ["/v3/auth/domains", "/v3/OS-FEDERATION/domains"] {
      #expect(await cloud.send("GET", path, token: try unscoped.token).ids("domains") == [], "\(path)")
    }
    let scoped = await scene.rescope(try unscoped.token, Bodies.project(cloud.ids.demoProjectID))
    try #require(scoped.status == 201, "\(scoped.text)")
    #expect(scoped.json["token"]?["roles"]?.array?.compactMap { $0["name"]?.string } == ["member", "reader"])
    #expect(scoped.json["token"]?["user"]?["OS-FEDERATION"]?["groups"]?.array?.count == 1)
    #expect(scoped.json["token"]?["methods"] == .array([.string("token"), .string("openid")]))
    // A chain never outlives its first token (ATTACKS 10).
    #expect(scoped.json["token"]?["expires_at"] == token["expires_at"])
    cloud.moveClock(seconds: 1800)
    let again = await scene.rescope(try scoped.token, #""unscoped""#)
    #expect(again.json["token"]?["expires_at"] == token["expires_at"])
    // The user is of the provider's domain, and is found by who it is elsewhere.
    let provider = await cloud.send("GET", Self.idpPath, token: scene.admin)
    #expect(token["user"]?["domain"]?["id"] == provider.json["identity_provider"]?["domain_id"])
    for (query, count) in [
      ("idp_id=corp", 1), ("protocol_id=openid&unique_id=alice", 1), ("unique_id=bob", 0), ("idp_id=other", 0),
    ] {
      let found = await cloud.send("GET", "/v3/users?\(query)", token: scene.admin)
      #expect(found.ids("users").count == count, "\(query)")
    }
    let user = try #require(token["user"]?["id"]?.string)
    let shown = await cloud.send("GET", "/v3/users/\(user)", token: scene.admin)
    #expect(shown.json["user"]?["email"]?.string == "alice@example.org")
    // No group outlives the token where the provider says nothing of it.
    let plain = try await scene.login("alice")
    #expect(plain.json["token"]?["user"]?["id"]?.string == user)
    let refused = await scene.rescope(try plain.token, Bodies.project(cloud.ids.demoProjectID))
    #expect(refused.isFault(401))
    #expect(await scene.rescope(try plain.token, Bodies.project(cloud.ids.adminProjectID)).isFault(401))
  }

  @Test func rsaAndEllipticCurveByGetAndPost() async throws {
    let scene = try await Scene()
    let rsa = try TestIssuer.Key.newRSA()
    try scene.issuer.show(keys: ["two": rsa, "one": scene.key])
    let claims = scene.issuer.claims("bob", at: scene.cloud.now)
    #expect(await scene.present(try TestIssuer.token(claims, rsa, id: "two"), method: "GET").status == 201)
    // A token that names no key is tried with all of its issuer's.
    #expect(await scene.present(try TestIssuer.token(claims, scene.key, id: nil)).status == 201)
    #expect(await scene.present(try TestIssuer.token(claims, rsa, id: "one")).isFault(401))
  }

  @Test func whatIsWrongIsRefused() async throws {
    let scene = try await Scene()
    let now = Int(scene.cloud.now.microseconds / 1_000_000)
    let wrong: [[String: JSONValue?]] = [
      ["iss": .string("https://evil.example.org")], ["iss": .string(scene.issuer.url + "/")], ["iss": nil],
      ["aud": .string("another")], ["aud": .array([.string("a"), .string("b")])], ["aud": nil],
      ["aud": .string("\(scene.issuer.url)#openstack")], ["exp": .int(now - 1)], ["exp": nil],
      ["exp": .string("\(now + 300)")], ["nbf": .int(now + 120)], ["iat": .int(now + 120)], ["sub": nil],
      ["sub": .string("")], ["exp": .double(1e300)], ["exp": .int(-5)],
    ]
    for but in wrong {
      let reply = try await scene.login("mallory", but: but)
      #expect(reply.isFault(401), "\(but)")
      #expect(!reply.text.contains("mallory"))
    }
    let many: [String: JSONValue?] = ["aud": .array([.string("other"), .string("openstack")]), "nbf": .int(now - 5)]
    #expect(try await scene.login("carol", but: many).status == 201)
    // Nobody was made for those who were refused.
    let users = await scene.cloud.send("GET", "/v3/users?idp_id=corp", token: scene.admin)
    #expect(users.names("users") == ["carol"])
  }

  @Test func forgedSignatures() async throws {
    let scene = try await Scene()
    let claims = scene.issuer.claims("mallory", at: scene.cloud.now)
    let good = try TestIssuer.token(claims, scene.key, id: "one")
    let parts = good.split(separator: ".").map(String.init)
    func encoded(_ json: [String: JSONValue]) -> String { Base64URL.encode(Array(JSONValue.object(json).text.utf8)) }
    var tokens = [
      "", "x", "a.b", "a.b.c.d", parts[0] + "." + parts[1] + ".", parts[0] + "." + parts[1],
      parts[0] + "." + encoded(claims.merging(["sub": .string("root")]) { $1 }) + "." + parts[2],
      good + "=", good + " ", String(repeating: "a", count: 20_000),
    ]
    // No algorithm, and the public key taken for a shared secret.
    let secret = SymmetricKey(data: Data(try scene.key.json(id: "one").text.utf8))
    for name in ["none", "None", "nOnE", "", "HS256", "RS512", "PS256"] {
      let signed = encoded(["alg": .string(name), "kid": .string("one")]) + "." + parts[1]
      let code = Array(HMAC<SHA256>.authenticationCode(for: Data(signed.utf8), using: secret))
      tokens += [signed + ".", signed + "." + Base64URL.encode(code), signed + "." + parts[2]]
    }
    // Another's key under the same id, a key that comes with the token, a critical member, the other algorithm.
    let other = TestIssuer.Key.newP256()
    let header: [String: JSONValue] = ["jwk": try other.json(id: "one"), "jku": .string("https://evil.example.org/k")]
    tokens += [
      try TestIssuer.token(claims, other, id: "one"), try TestIssuer.token(claims, other, id: "one", header: header),
      try TestIssuer.token(claims, scene.key, id: "one", header: ["crit": .array([.string("x")])]),
      try TestIssuer.token(claims, scene.key, id: "one", header: ["alg": .string("RS256")]),
    ]
    for token in tokens { #expect(await scene.present(token).isFault(401), "\(token.prefix(60))") }
    #expect(await scene.cloud.send("POST", Self.path).isFault(401))
    #expect(await scene.cloud.send("POST", Self.path, headers: [("Authorization", "Basic \(good)")]).isFault(401))
    #expect(await scene.present(good).status == 201)
  }

  @Test func keysAreRememberedAndAskedForAtABoundedRate() async throws {
    let scene = try await Scene()
    let cloud = scene.cloud
    for _ in 0..<3 { #expect(try await scene.login("dora").status == 201) }
    #expect(scene.issuer.asked(TestIssuer.keysPath) == 1)
    // Ids that nobody knows make us ask once in a while, however many come.
    let fresh = TestIssuer.Key.newP256()
    func unknown() async throws -> Int {
      let claims = scene.issuer.claims("dora", at: cloud.now)
      return await scene.present(try TestIssuer.token(claims, fresh, id: "two")).status
    }
    #expect(try await unknown() == 401)
    #expect(scene.issuer.asked(TestIssuer.keysPath) == 1)
    cloud.moveClock(seconds: 61)
    try scene.issuer.show(keys: ["one": scene.key, "two": fresh])
    #expect(try await unknown() == 201)
    #expect(scene.issuer.asked(TestIssuer.keysPath) == 2)
    // A key that was withdrawn is forgotten after an hour at the latest.
    try scene.issuer.show(keys: ["two": fresh])
    cloud.moveClock(seconds: 3601)
    #expect(try await scene.login("dora").isFault(401))
    // While an issuer is away, nobody gets in whom its keys do not prove.
    scene.issuer.show(TestIssuer.configurationPath, "", status: .internalServerError)
    cloud.moveClock(seconds: 3601)
    #expect(try await unknown() == 503)
  }

  @Test func issuersAreNotBelievedBlindly() async throws {
    let scene = try await Scene()
    var asked = 0
    for configuration in [
      #"{"issuer": "http://127.0.0.1:1", "jwks_uri": "URL/keys"}"#, #"{"issuer": "URL", "jwks_uri": "ftp://x/keys"}"#,
      #"{"issuer": "URL", "jwks_uri": "http://169.254.169.254/keys"}"#, #"{"issuer": "URL"}"#, "[]", "<html>",
      #"{"issuer": "URL", "jwks_uri": "http://user:secret@127.0.0.1/keys"}"#, String(repeating: " ", count: 600_000),
    ] {
      scene.issuer.show(TestIssuer.configurationPath, configuration.replacing("URL", with: scene.issuer.url))
      let what = configuration.prefix(80)
      // The second time it is not asked again.
      for _ in 0..<2 { #expect(try await scene.login("eve").isFault(503), "\(what)") }
      asked += 1
      #expect(scene.issuer.asked(TestIssuer.configurationPath) == asked, "\(what)")
      scene.cloud.moveClock(seconds: 61)
    }
    #expect(scene.issuer.asked(TestIssuer.keysPath) == 0)
  }

  @Test func redirectsAreNotFollowed() async throws {
    let scene = try await Scene()
    scene.issuer.show("/elsewhere", #"{"keys": []}"#)
    scene.issuer.show(TestIssuer.keysPath, "", status: .found, headers: ["Location": scene.issuer.url + "/elsewhere"])
    #expect(try await scene.login("eve").isFault(503))
    #expect(scene.issuer.asked("/elsewhere") == 0)
  }

  @Test(arguments: [
    "http://example.org", "http://169.254.169.254", "file:///etc/passwd", "https://user:secret@example.org",
    "example.org",
    "http://127.0.0.1.example.org", "",
  ])
  func addressesThatAreNeverAsked(text: String) {
    #expect(TrustedIssuer.address(text) == nil)
    #expect(TrustedIssuer.address("https://example.org/a") != nil)
    #expect(TrustedIssuer.address("http://127.0.0.1/keys", below: "https://example.org") == nil)
  }
}
