import Kit
import Testing

@testable import Identity

/// Users who must show more than one method.
struct ReceiptTests {
  private static let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

  private func prepared(_ rules: String = #"[["password", "totp"]]"#) async throws -> Fixture {
    let cloud = try await Fixture()
    let into = Double(cloud.now.microseconds % 30_000_000) / 1_000_000
    cloud.moveClock(seconds: 30.1 - into)
    let admin = try await cloud.admin()
    let body = #"{"credential": {"type": "totp", "blob": "\#(Self.secret)", "user_id": "\#(cloud.ids.demoUserID)"}}"#
    _ = try await cloud.make("/v3/credentials", body, token: admin)
    try await setRules(cloud, rules)
    return cloud
  }

  private func setRules(_ cloud: Fixture, _ rules: String, enabled: Bool = true) async throws {
    let options = #"{"multi_factor_auth_rules": \#(rules), "multi_factor_auth_enabled": \#(enabled)}"#
    let reply = await cloud.send(
      "PATCH", "/v3/users/\(cloud.ids.demoUserID)", #"{"user": {"options": \#(options)}}"#,
      token: try await cloud.admin())
    try #require(reply.status == 200, "\(reply.text)")
  }

  private func passcode(_ cloud: Fixture) throws -> String {
    Passcode.passcode(secret: try #require(Passcode.secret(base32: Self.secret)), step: Passcode.step(cloud.now))
  }

  private func totp(_ cloud: Fixture, _ code: String, receipt: String? = nil) async -> Answer {
    await cloud.send(
      "POST", "/v3/auth/tokens",
      #"{"auth": {"identity": {"methods": ["totp"], "totp": {"user": {"id": "\#(cloud.ids.demoUserID)", "passcode": "\#(code)"}}}, "scope": \#(Bodies.project(cloud.ids.demoProjectID))}}"#,
      headers: receipt.map { [("Openstack-Auth-Receipt", $0)] } ?? [])
  }

  private func password(_ cloud: Fixture, receipt: String? = nil) async -> Answer {
    await cloud.send(
      "POST", "/v3/auth/tokens", Bodies.password("demo", Fixture.demoPassword),
      headers: receipt.map { [("Openstack-Auth-Receipt", $0)] } ?? [])
  }

  @Test func oneAfterTheOther() async throws {
    let cloud = try await prepared(#"[["password", "totp"], ["password", "openid", "totp"], ["mapped"]]"#)
    let first = await password(cloud)
    #expect(first.status == 401)
    #expect(first.headers["X-Subject-Token"] == nil)
    let receipt = try #require(first.headers["Openstack-Auth-Receipt"])
    let body = try #require(first.json["receipt"])
    #expect(body["methods"]?.array?.compactMap(\.string) == ["password"])
    #expect(body["user"]?["id"]?.string == cloud.ids.demoUserID)
    #expect(body["user"]?["domain"]?["name"]?.string == "Default")
    let issued = try #require(body["issued_at"]?.string.flatMap(Timestamp.init(iso8601:)))
    let expires = try #require(body["expires_at"]?.string.flatMap(Timestamp.init(iso8601:)))
    #expect(expires.seconds(since: issued) == 300)
    // Rules that the password does not go towards are not shown.
    let rules = first.json["required_auth_methods"]?.array?.map { $0.array?.compactMap(\.string) ?? [] }
    #expect(rules == [["password", "totp"], ["password", "openid", "totp"]])
    let second = await totp(cloud, try passcode(cloud), receipt: receipt)
    #expect(second.status == 201, "\(second.text)")
    #expect(second.json["token"]?["methods"]?.array?.compactMap(\.string) == ["password", "totp"])
    // The other way round, and both at once.
    cloud.moveClock(seconds: 30)
    let reverse = await totp(cloud, try passcode(cloud))
    #expect(reverse.status == 401)
    let other = try #require(reverse.headers["Openstack-Auth-Receipt"])
    #expect(await password(cloud, receipt: other).status == 201)
    cloud.moveClock(seconds: 30)
    let both = #"""
      {"auth": {"identity": {"methods": ["totp", "password", "totp"], "totp": {"user": {"id": "\#(cloud.ids.demoUserID)",
      "passcode": "\#(try passcode(cloud))"}}, "password": {"user": {"id": "\#(cloud.ids.demoUserID)", "password":
      "\#(Fixture.demoPassword)"}}}}}
      """#
    #expect(await cloud.send("POST", "/v3/auth/tokens", both).status == 201)
  }

  /// A receipt opens nothing, and a token is no receipt.
  @Test func receiptsAreNoTokens() async throws {
    let cloud = try await prepared()
    let receipt = try #require(await password(cloud).headers["Openstack-Auth-Receipt"])
    #expect(await cloud.send("GET", "/v3/auth/projects", token: receipt).isFault(401))
    #expect(await cloud.send("POST", "/v3/auth/tokens", Bodies.token(receipt)).isFault(404))
    let admin = try await cloud.admin()
    let shown = await cloud.send("GET", "/v3/auth/tokens", token: admin, headers: [("X-Subject-Token", receipt)])
    #expect(shown.isFault(404))
    for other in [try await cloud.demo(), "x", receipt + "="] {
      #expect(await totp(cloud, try passcode(cloud), receipt: other).isFault(401))
    }
    // Nobody else's, not after five minutes, and not once the password has changed.
    let asAdmin = await cloud.send(
      "POST", "/v3/auth/tokens", Bodies.password("admin", Fixture.adminPassword),
      headers: [("Openstack-Auth-Receipt", receipt)])
    #expect(asAdmin.isFault(401))
    cloud.moveClock(seconds: 301)
    #expect(await totp(cloud, try passcode(cloud), receipt: receipt).isFault(401))
    let fresh = try #require(await password(cloud).headers["Openstack-Auth-Receipt"])
    let changed = await cloud.send(
      "PATCH", "/v3/users/\(cloud.ids.demoUserID)", #"{"user": {"password": "another"}}"#, token: admin)
    #expect(changed.status == 200)
    #expect(await totp(cloud, try passcode(cloud), receipt: fresh).isFault(401))
  }

  /// Who knows the password cannot guess passcodes for ever: only a whole login forgives.
  @Test func passwordDoesNotForgiveGuesses() async throws {
    let cloud = try await prepared()
    let code = try passcode(cloud)
    let wrong = code == "000000" ? "000001" : "000000"
    for _ in 1...5 {
      let answer = await password(cloud)
      guard let receipt = answer.headers["Openstack-Auth-Receipt"] else { break }
      #expect(await totp(cloud, wrong, receipt: receipt).isFault(401))
    }
    #expect(await password(cloud).isFault(401))
    #expect(await totp(cloud, code).isFault(401))
  }

  /// A token carries what its parent was got with; rules that nobody can follow lock nobody out.
  @Test func rulesThatSuffice() async throws {
    let cloud = try await prepared()
    let receipt = try #require(await password(cloud).headers["Openstack-Auth-Receipt"])
    let token = try await totp(cloud, try passcode(cloud), receipt: receipt).token
    let exchanged = await cloud.send("POST", "/v3/auth/tokens", Bodies.token(token))
    #expect(exchanged.json["token"]?["methods"]?.array?.compactMap(\.string) == ["password", "token", "totp"])
    // A token from before the rule is asked for the rest.
    #expect(await cloud.send("POST", "/v3/auth/tokens", Bodies.token(try await cloud.demo())).status == 401)
    for (rules, enabled, status) in [
      (#"[["kerberos"]]"#, true, 201), (#"[["kerberos", "password"]]"#, true, 201), ("[]", true, 201),
      (#"[["password", "totp"]]"#, false, 201), (#"[["totp"], ["password"]]"#, true, 201), (#"[["totp"]]"#, true, 401),
    ] {
      try await setRules(cloud, rules, enabled: enabled)
      #expect(await password(cloud).status == status, "\(rules) \(enabled)")
    }
  }
}
