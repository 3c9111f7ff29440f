import Auth
import Converge
import Kit
import Store
import Testing

@testable import Identity

/// What was revoked, as services ask for it (OS-REVOKE), and the two APIs that are gone.
struct RevocationEventTests {
  private static func events(_ cloud: Fixture, since: Timestamp? = nil) async throws -> [[String: String]] {
    let query = since.map { "?since=\($0.iso8601Microseconds)" } ?? ""
    let answer = await cloud.send("GET", "/v3/OS-REVOKE/events" + query, token: try await cloud.admin())
    #expect(answer.status == 200)
    #expect(answer.json["links"]?["self"]?.string == "http://seen.test/identity/v3/OS-REVOKE/events")
    return try #require(answer.json["events"]?.array).map { event in
      (event.object ?? [:]).compactMapValues(\.string)
    }
  }

  /// Subjects of events later than those of bootstrap.
  private static func subjects(_ events: [[String: String]]) -> Set<String> {
    Set(
      events.flatMap { event in
        event.keys.filter { $0 != "issued_before" && $0 != "revoked_at" }.map { "\($0) \(event[$0] ?? "")" }
      })
  }

  @Test func whatMakesAnEvent() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let start = cloud.now
    let demo = try await cloud.freshDemo()
    let principal = try #require(try await cloud.identity.principal(token: Secret(demo)))
    let audit = try #require(principal.auditIDs.first)
    #expect(
      await cloud.send("DELETE", "/v3/auth/tokens", token: demo, headers: [("X-Subject-Token", demo)]).status == 204)
    #expect(
      Self.subjects(try await Self.events(cloud, since: start)) == ["audit_id \(audit)", "audit_chain_id \(audit)"])

    let user = try await cloud.make("/v3/users", #"{"user": {"name": "u"}}"#, token: admin)
    let project = try await cloud.make("/v3/projects", #"{"project": {"name": "p"}}"#, token: admin)
    let before = cloud.now
    let disabled = #"{"user": {"enabled": false}}"#
    #expect(await cloud.send("PATCH", "/v3/users/\(user)", disabled, token: admin).status == 200)
    #expect(await cloud.send("DELETE", "/v3/projects/\(project)", token: admin).status == 204)
    let events = try await Self.events(cloud, since: before)
    #expect(Self.subjects(events) == ["user_id \(user)", "project_id \(project)"])
    for event in events {
      #expect(event["issued_before"] == event["revoked_at"])
      #expect(Timestamp(iso8601: event["revoked_at"] ?? "").map { $0 >= before } == true)
    }
    #expect(try await Self.events(cloud, since: cloud.now.adding(seconds: 5)).isEmpty)
    #expect(try await Self.events(cloud).count > events.count)
  }

  @Test func allTokensOfAUser() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let path = "/v3/users/\(cloud.ids.demoUserID)/tokens"
    let first = try await cloud.demo()
    let second = try await cloud.send("POST", "/v3/auth/tokens", Bodies.token(first, scope: #""unscoped""#)).token
    #expect(await cloud.send("DELETE", "/v3/users/\(cloud.ids.adminUserID)/tokens", token: first).isFault(403))
    #expect(await cloud.send("DELETE", "/v3/users/none/tokens", token: first).isFault(403))
    #expect(await cloud.send("DELETE", "/v3/users/none/tokens", token: admin).isFault(404))
    #expect(await cloud.send("DELETE", path, token: second).status == 204)
    for token in [first, second] {
      #expect(await cloud.send("GET", "/v3/auth/projects", token: token).status == 401)
    }
    #expect(Self.subjects(try await Self.events(cloud)).contains("user_id \(cloud.ids.demoUserID)"))
    let again = try await cloud.freshDemo()
    #expect(await cloud.send("DELETE", path, token: admin).status == 204)
    #expect(await cloud.send("GET", "/v3/auth/projects", token: again).status == 401)
  }

  /// They are kept as long as a token lives and a little longer, and then forgotten.
  @Test func areForgotten() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    #expect(await cloud.send("DELETE", "/v3/users/\(cloud.ids.demoUserID)/tokens", token: admin).status == 204)
    let cleanup = try #require(cloud.identity.convergers.first { $0.name == "identity.revocations" })
    func count() async throws -> Int {
      try await cloud.store.read { try $0.count("SELECT count(*) FROM identity_revocation_event") }
    }
    try await cleanup.step()
    #expect(try await count() > 0)
    cloud.moveClock(seconds: 3600 + RevocationEventTable.keptLonger - 60)
    try await cleanup.step()
    #expect(try await count() > 0)
    cloud.moveClock(seconds: 120)
    try await cleanup.step()
    #expect(try await count() == 0)
  }

  /// More than one read takes.
  @Test func many() async throws {
    let cloud = try await Fixture()
    let start = cloud.now.adding(seconds: 10)
    try await cloud.store.write { tx in
      for number in 0..<2500 {
        try RevocationEventTable.note(tx, .user, "user\(number)", at: start.adding(seconds: 1))
      }
    }
    let events = try await Self.events(cloud, since: start)
    #expect(events.map { $0["user_id"] } == (0..<2500).map { "user\($0)" })
  }

  @Test func whoMayAsk() async throws {
    let personas = try await Personas()
    for persona in Personas.all {
      let status = try await personas.status(persona, "GET", "/v3/OS-REVOKE/events")
      #expect(status == (persona.level == .admin && persona.scope != .domain ? 200 : 403), "\(persona)")
    }
    let cloud = personas.cloud
    let admin = try await cloud.admin()
    let role = try await cloud.role("service", token: admin)
    let grant = "/v3/projects/\(cloud.ids.demoProjectID)/users/\(cloud.ids.demoUserID)/roles/\(role)"
    let demo = try await cloud.demo()
    #expect(await cloud.send("GET", "/v3/OS-REVOKE/events", token: demo).isFault(403))
    #expect(await cloud.send("PUT", grant, token: admin).status == 204)
    #expect(await cloud.send("GET", "/v3/OS-REVOKE/events", token: demo).status == 200)
    #expect(await cloud.send("GET", "/v3/OS-REVOKE/events").status == 401)
    #expect(await cloud.send("GET", "/v3/OS-REVOKE/events?since=yesterday", token: admin).isFault(400))
  }

  @Test func signedTokensAreGone() async throws {
    let cloud = try await Fixture()
    for path in ["ca", "certificates"] { #expect(await cloud.send("GET", "/v3/OS-SIMPLE-CERT/\(path)").isFault(410)) }
    #expect(await cloud.send("GET", "/v3/auth/tokens/OS-PKI/revoked").isFault(403))
    #expect(
      await cloud.send("GET", "/v3/auth/tokens/OS-PKI/revoked", token: try await cloud.admin()).isFault(403))
  }
}
