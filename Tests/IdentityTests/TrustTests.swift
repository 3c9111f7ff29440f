import Auth
import Kit
import Store
import Testing

@testable import Identity

struct TrustTests {
  /// demo trusts admin: a trustor and a trustee with tokens at hand.
  private struct Scene {
    let cloud: Fixture
    let trustor: String
    let trustee: String

    init() async throws {
      cloud = try await Fixture()
      trustor = try await cloud.demo()
      trustee = try await cloud.admin()
    }

    func body(_ roles: [String] = ["member"], impersonation: Bool = false, more: String = "") -> String {
      Fixture.trust(
        from: cloud.ids.demoUserID, to: cloud.ids.adminUserID, project: cloud.ids.demoProjectID, roles: roles,
        impersonation: impersonation, more: more)
    }

    func make(_ roles: [String] = ["member"], impersonation: Bool = false, more: String = "") async throws -> String {
      try await cloud.make("/v3/OS-TRUST/trusts", body(roles, impersonation: impersonation, more: more), token: trustor)
    }
  }

  @Test func aTrustIsMadeShownListedAndDeleted() async throws {
    let scene = try await Scene()
    let (cloud, trustor) = (scene.cloud, scene.trustor)
    let end = cloud.now.adding(seconds: 3600)
    let made = await cloud.send(
      "POST", "/v3/OS-TRUST/trusts", scene.body(more: #""expires_at": "\#(end.iso8601Microseconds)", "note": "kept""#),
      token: trustor)
    #expect(made.status == 201)
    let id = try #require(made.json["trust"]?["id"]?.string)
    for reply in [made, await cloud.send("GET", "/v3/OS-TRUST/trusts/\(id)", token: scene.trustee)] {
      let trust = reply.json["trust"]
      #expect(trust?["trustor_user_id"]?.string == cloud.ids.demoUserID)
      #expect(trust?["trustee_user_id"]?.string == cloud.ids.adminUserID)
      #expect(trust?["project_id"]?.string == cloud.ids.demoProjectID)
      #expect(trust?["impersonation"]?.bool == false)
      #expect(trust?["expires_at"]?.string == end.iso8601Microseconds)
      #expect(trust?["remaining_uses"] == .null)
      #expect(trust?["redelegation_count"]?.int == 0)
      #expect(trust?["deleted_at"] == .null)
      #expect(trust?["note"]?.string == "kept")
      #expect(trust?["roles"]?.array?.map { $0["name"]?.string } == ["member"])
      #expect(trust?["links"]?["self"]?.string == "http://seen.test/identity/v3/OS-TRUST/trusts/\(id)")
      #expect(trust?["roles_links"]?["self"]?.string == "http://seen.test/identity/v3/OS-TRUST/trusts/\(id)/roles")
    }
    let path = "/v3/OS-TRUST/trusts"
    #expect(
      await cloud.send("GET", path + "?trustor_user_id=\(cloud.ids.demoUserID)", token: trustor).ids("trusts") == [id])
    #expect(
      await cloud.send("GET", path + "?trustee_user_id=\(cloud.ids.demoUserID)", token: trustor).ids("trusts") == [])
    #expect(await cloud.send("GET", path, token: scene.trustee).ids("trusts") == [id])
    #expect(await cloud.send("GET", path, token: trustor).isFault(403))
    let role = try await cloud.role("member", token: scene.trustee)
    let other = try await cloud.role("reader", token: scene.trustee)
    #expect(await cloud.send("GET", "\(path)/\(id)/roles", token: trustor).ids("roles") == [role])
    #expect(await cloud.send("GET", "\(path)/\(id)/roles/\(role)", token: trustor).json["role"]?["id"]?.string == role)
    #expect(await cloud.send("HEAD", "\(path)/\(id)/roles/\(role)", token: trustor).status == 200)
    #expect(await cloud.send("GET", "\(path)/\(id)/roles/\(other)", token: trustor).isFault(404))
    #expect(await cloud.send("DELETE", "\(path)/\(id)", token: trustor).status == 204)
    #expect(await cloud.send("GET", "\(path)/\(id)", token: trustor).isFault(404))
  }

  @Test func badInputIsRefused() async throws {
    let scene = try await Scene()
    let (cloud, trustor) = (scene.cloud, scene.trustor)
    let past = cloud.now.adding(seconds: -5).iso8601
    for (status, body) in [
      (400, "{}"), (400, scene.body(more: #""expires_at": "bad.123Z""#)),
      (400, scene.body(more: #""expires_at": "\#(past)""#)),
      (400, scene.body(more: #""remaining_uses": 0"#)), (400, scene.body(more: #""remaining_uses": 1.5"#)),
      (400, scene.body(more: #""remaining_uses": 2, "allow_redelegation": true"#)), (403, scene.body([])),
      (403, scene.body(more: #""allow_redelegation": true, "redelegation_count": 4"#)), (404, scene.body(["admin"])),
      (404, scene.body(["nothing"])), (404, scene.body().replacing(cloud.ids.adminUserID, with: Identifier.hex())),
      (404, scene.body().replacing(cloud.ids.demoProjectID, with: Identifier.hex())),
      (403, scene.body().replacing(cloud.ids.demoUserID, with: Identifier.hex())),
    ] {
      #expect(await cloud.send("POST", "/v3/OS-TRUST/trusts", body, token: trustor).isFault(status), "\(body)")
    }
  }

  @Test func aTrusteeGetsTheRolesOfTheTrust() async throws {
    let scene = try await Scene()
    let cloud = scene.cloud
    let id = try await scene.make(["reader"])
    let reply = await cloud.enter(trust: id, with: scene.trustee)
    #expect(reply.status == 201, "\(reply.text)")
    #expect(reply.roles == ["reader"])
    for token in [
      reply.json["token"],
      await cloud.send(
        "GET", "/v3/auth/tokens", token: scene.trustee, headers: [("X-Subject-Token", try reply.token)]
      ).json["token"],
    ] {
      #expect(token?["user"]?["id"]?.string == cloud.ids.adminUserID)
      #expect(token?["project"]?["id"]?.string == cloud.ids.demoProjectID)
      let trust = token?["OS-TRUST:trust"]
      #expect(trust?["id"]?.string == id)
      #expect(trust?["impersonation"]?.bool == false)
      #expect(trust?["trustor_user"]?["id"]?.string == cloud.ids.demoUserID)
      #expect(trust?["trustee_user"]?["id"]?.string == cloud.ids.adminUserID)
    }
    // The trustor is no trustee, and a token of a trust gets no other.
    #expect(await cloud.enter(trust: id, with: scene.trustor).isFault(403))
    #expect(await cloud.enter(trust: id, with: try reply.token).isFault(403))
    #expect(await cloud.enter(trust: Identifier.hex(), with: scene.trustee).isFault(401))
  }

  @Test func withImpersonationTheTokenSpeaksAsTheTrustor() async throws {
    let scene = try await Scene()
    let reply = await scene.cloud.enter(trust: try await scene.make(impersonation: true), with: scene.trustee)
    #expect(reply.json["token"]?["user"]?["id"]?.string == scene.cloud.ids.demoUserID)
    #expect(reply.json["token"]?["user"]?["name"]?.string == "demo")
    #expect(reply.roles == ["member", "reader"])
    let principal = try await scene.cloud.identity.principal(token: Secret(try reply.token))
    #expect(principal?.userID == scene.cloud.ids.demoUserID)
    #expect(principal?.isAdmin == false)
    #expect(principal?.trust?.trusteeID == scene.cloud.ids.adminUserID)
  }

  @Test func usesAreCountedAndEnd() async throws {
    let scene = try await Scene()
    let cloud = scene.cloud
    let id = try await scene.make(more: #""remaining_uses": 2"#)
    let first = await cloud.enter(trust: id, with: scene.trustee)
    #expect(first.status == 201)
    let shown = await cloud.send("GET", "/v3/OS-TRUST/trusts/\(id)", token: scene.trustor)
    #expect(shown.json["trust"]?["remaining_uses"]?.int == 1)
    // A login that fails takes none.
    #expect(await cloud.enter(trust: id, with: scene.trustor).isFault(403))
    let last = try await cloud.enter(trust: id, with: scene.trustee).token
    #expect(await cloud.enter(trust: id, with: scene.trustee).isFault(401))
    #expect(await cloud.send("GET", "/v3/OS-TRUST/trusts/\(id)", token: scene.trustor).isFault(404))
    // What was got with it lives on.
    for token in [try first.token, last] {
      #expect(try await cloud.identity.principal(token: Secret(token)) != nil)
    }
  }

  /// Two at once do not share the last use.
  @Test func theLastUseIsTakenOnce() async throws {
    let scene = try await Scene()
    let (cloud, trustee) = (scene.cloud, scene.trustee)
    let id = try await scene.make(more: #""remaining_uses": 3"#)
    let statuses = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<8 { group.addTask { await cloud.enter(trust: id, with: trustee).status } }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(statuses.filter { $0 == 201 }.count == 3)
    #expect(statuses.filter { $0 == 401 }.count == 5)
  }

  @Test func aTokenEndsWithItsTrust() async throws {
    let scene = try await Scene()
    let cloud = scene.cloud
    let end = cloud.now.adding(seconds: 600)
    let id = try await scene.make(more: #""expires_at": "\#(end.iso8601Microseconds)""#)
    let reply = await cloud.enter(trust: id, with: scene.trustee)
    let expires = reply.json["token"]?["expires_at"]?.string.flatMap(Timestamp.init(iso8601:))
    #expect(expires.map { $0 <= end } == true)
    cloud.moveClock(seconds: 601)
    #expect(try await cloud.identity.principal(token: Secret(try reply.token)) == nil)
    #expect(await cloud.enter(trust: id, with: scene.trustee).isFault(401))
    #expect(await cloud.send("GET", "/v3/OS-TRUST/trusts/\(id)", token: scene.trustor).isFault(404))
  }

  /// Everything ends when what it stands on goes, in the very next request; what was disabled does not bring old tokens
  /// back when it is enabled again.
  @Test(arguments: [
    "trust", "trustor", "trustee", "role", "assignment", "project", "disabled trustor", "disabled project",
  ])
  func everythingEndsWithWhatItStandsOn(_ loss: String) async throws {
    let cloud = try await Fixture()
    let project = cloud.ids.demoProjectID
    let admin = try await cloud.admin()
    let role = try await cloud.make("/v3/roles", #"{"role": {"name": "given"}}"#, token: admin)
    let trustor = try await cloud.user("trustor", roles: ["given", "reader"], in: project)
    let trustee = try await cloud.user("trustee", in: project)
    let id = try await cloud.make(
      "/v3/OS-TRUST/trusts",
      Fixture.trust(from: trustor, to: trustee, project: project, roles: ["given", "reader"]),
      token: try await cloud.token(of: trustor, in: project))
    let token = Secret(try await cloud.enter(trust: id, with: try cloud.seal(user: trustee, .unscoped)).token)
    #expect(try await cloud.identity.principal(token: token)?.roles.count == 2)
    func change(_ method: String, _ path: String, _ body: String? = nil) async {
      #expect(await cloud.send(method, path, body, token: admin).status < 300, "\(method) \(path)")
    }
    switch loss {
    case "trust": await change("DELETE", "/v3/OS-TRUST/trusts/\(id)")
    case "trustor": await change("DELETE", "/v3/users/\(trustor)")
    case "trustee": await change("DELETE", "/v3/users/\(trustee)")
    case "role": await change("DELETE", "/v3/roles/\(role)")
    case "assignment": await change("DELETE", "/v3/projects/\(project)/users/\(trustor)/roles/\(role)")
    case "project": await change("DELETE", "/v3/projects/\(project)")
    case "disabled trustor":
      await change("PATCH", "/v3/users/\(trustor)", #"{"user": {"enabled": false}}"#)
      #expect(try await cloud.identity.principal(token: token) == nil)
      await change("PATCH", "/v3/users/\(trustor)", #"{"user": {"enabled": true}}"#)
    default:
      await change("PATCH", "/v3/projects/\(project)", #"{"project": {"enabled": false}}"#)
      #expect(try await cloud.identity.principal(token: token) == nil)
      await change("PATCH", "/v3/projects/\(project)", #"{"project": {"enabled": true}}"#)
    }
    #expect(try await cloud.identity.principal(token: token) == nil)
  }

  /// A trust without a project gives no role, only the trustor's name.
  @Test func aTrustWithoutProjectGivesNoRole() async throws {
    let scene = try await Scene()
    let body = Fixture.trust(
      from: scene.cloud.ids.demoUserID, to: scene.cloud.ids.adminUserID, project: nil, roles: [], impersonation: true)
    let id = try await scene.cloud.make("/v3/OS-TRUST/trusts", body, token: scene.trustor)
    let reply = await scene.cloud.enter(trust: id, with: scene.trustee)
    #expect(reply.status == 201)
    #expect(reply.roles == [])
    #expect(reply.json["token"]?["project"] == nil)
    #expect(reply.json["token"]?["OS-TRUST:trust"]?["id"]?.string == id)
  }

  // MARK: Handing on

  private struct Chain {
    let cloud: Fixture
    let project: String
    let users: [String]

    init() async throws {
      cloud = try await Fixture()
      project = cloud.ids.demoProjectID
      var users = [cloud.ids.demoUserID]
      for name in ["b", "c", "d", "e"] { users.append(try await cloud.user(name, in: cloud.ids.demoProjectID)) }
      self.users = users
    }

    func redelegate(
      _ token: String, from: Int, to: Int, roles: [String] = ["member"], impersonation: Bool = false, more: String = "",
      project other: String? = nil
    ) async -> Answer {
      await cloud.send(
        "POST", "/v3/OS-TRUST/trusts",
        Fixture.trust(
          from: users[from], to: users[to], project: other ?? project, roles: roles, impersonation: impersonation,
          more: more), token: token)
    }

    func enter(_ reply: Answer, as user: Int) async throws -> String {
      let id = try #require(reply.json["trust"]?["id"]?.string, "\(reply.text)")
      return try await cloud.enter(trust: id, with: try cloud.seal(user: users[user], .unscoped)).token
    }
  }

  @Test func aTrustIsHandedOnAsOftenAsItAllows() async throws {
    let chain = try await Chain()
    let again = #""allow_redelegation": true"#
    let first = await chain.redelegate(
      try await chain.cloud.demo(), from: 0, to: 1, more: again + #", "redelegation_count": 2"#)
    #expect(first.json["trust"]?["redelegation_count"]?.int == 2)
    let b = try await chain.enter(first, as: 1)
    let second = await chain.redelegate(b, from: 1, to: 2, more: again)
    #expect(second.json["trust"]?["redelegation_count"]?.int == 1, "\(second.text)")
    #expect(second.json["trust"]?["redelegated_trust_id"]?.string == first.json["trust"]?["id"]?.string)
    let c = try await chain.enter(second, as: 2)
    let third = await chain.redelegate(c, from: 2, to: 3, roles: ["member"], more: again)
    #expect(third.json["trust"]?["redelegation_count"]?.int == 0)
    let d = try await chain.enter(third, as: 3)
    #expect(try await chain.cloud.identity.principal(token: Secret(d))?.has(role: "member") == true)
    #expect(await chain.redelegate(d, from: 3, to: 4).isFault(403))
    // A token by a trust sees what was handed on of it, and nothing else.
    let path = "/v3/OS-TRUST/trusts?trustor_user_id="
    #expect(await chain.cloud.send("GET", path + chain.users[2], token: c).ids("trusts").count == 1)
    let secondID = try #require(second.json["trust"]?["id"]?.string)
    #expect(await chain.cloud.send("GET", "/v3/OS-TRUST/trusts/\(secondID)", token: c).status == 200)
    #expect(await chain.cloud.send("GET", "/v3/OS-TRUST/trusts/\(secondID)", token: d).isFault(403))
    // One in the middle takes all below with it.
    let middle = try await chain.cloud.token(of: chain.users[1], in: chain.project)
    #expect(await chain.cloud.send("DELETE", "/v3/OS-TRUST/trusts/\(secondID)", token: middle).isFault(401))
    #expect(await chain.cloud.send("DELETE", "/v3/OS-TRUST/trusts/\(secondID)", token: b).status == 204)
    for token in [c, d] { #expect(try await chain.cloud.identity.principal(token: Secret(token)) == nil) }
    #expect(try await chain.cloud.identity.principal(token: Secret(b)) != nil)
  }

  @Test func aTrustIsNotHandedOnForMore() async throws {
    let chain = try await Chain()
    let cloud = chain.cloud
    let end = cloud.now.adding(seconds: 1800)
    let first = await chain.redelegate(
      try await cloud.demo(), from: 0, to: 1, roles: ["reader"],
      more: #""allow_redelegation": true, "expires_at": "\#(end.iso8601)""#)
    let b = try await chain.enter(first, as: 1)
    let later = end.adding(seconds: 60).iso8601
    // The trustor has the role elsewhere, too: it has not given it there.
    let elsewhere = try await cloud.make(
      "/v3/projects", #"{"project": {"name": "elsewhere"}}"#, token: try await cloud.admin())
    try await cloud.store.write { tx in
      let reader = try #require(try RoleTable.named(tx, "reader"))
      try AssignmentTable.insert(tx, .user(cloud.ids.demoUserID), .project(elsewhere), role: reader.id)
    }
    for reply in [
      await chain.redelegate(b, from: 1, to: 2, roles: ["member"]),
      await chain.redelegate(b, from: 1, to: 2, roles: ["reader"], impersonation: true),
      await chain.redelegate(b, from: 1, to: 2, roles: ["reader"], more: #""expires_at": "\#(later)""#),
      await chain.redelegate(b, from: 1, to: 2, roles: ["reader"], more: #""remaining_uses": 1"#),
      await chain.redelegate(
        b, from: 1, to: 2, roles: ["reader"], more: #""allow_redelegation": true, "redelegation_count": 3"#),
      await chain.redelegate(b, from: 1, to: 2, roles: ["reader"], project: elsewhere),
      await chain.redelegate(b, from: 0, to: 2, roles: ["reader"]),
    ] { #expect(reply.isFault(403), "\(reply.text)") }
    // Without a time of its own it ends with the other.
    let second = await chain.redelegate(b, from: 1, to: 2, roles: ["reader"])
    #expect(second.json["trust"]?["expires_at"]?.string.flatMap(Timestamp.init(iso8601:)).map { $0 <= end } == true)
    // Not only who makes it must be there, but everybody in between.
    let c = try await chain.enter(second, as: 2)
    try await cloud.store.write { tx in
      try tx.execute("UPDATE identity_user SET enabled = 0 WHERE id = \(chain.users[1])")
    }
    #expect(try await cloud.identity.principal(token: Secret(c)) == nil)
  }
}
