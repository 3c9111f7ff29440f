import API
import Auth
import Kit
import Store
import Testing

@testable import Identity

/// The cases of ATTACKS.md about what is handed on, by their numbers. The others of identity: 1, 2, 12, 24 in
/// `AttackTests`, 10, 18, 19, 20, 23 beside the logins, 11 and 21 in federation, 22 in the scopes.
struct DelegationAttackTests {
  /// One token of each delegated kind, of `demo` in its own project.
  private struct Delegated {
    let cloud: Fixture
    let demo: String
    let tokens: [(kind: String, token: String)]

    init(rolesOfAccessToken roles: [String] = ["member"]) async throws {
      cloud = try await Fixture()
      demo = try await cloud.demo()
      let (user, project) = (cloud.ids.demoUserID, cloud.ids.demoProjectID)
      let restricted = try await cloud.applicationCredential(of: user, in: project).token
      let unrestricted = try await cloud.applicationCredential(of: user, in: project, unrestricted: true).token
      let trust = try await cloud.make(
        "/v3/OS-TRUST/trusts",
        Fixture.trust(
          from: user, to: cloud.ids.adminUserID, project: project, roles: ["member"], impersonation: true,
          more: #""allow_redelegation": true"#), token: demo)
      let trusted = try await cloud.enter(trust: trust, with: try await cloud.admin()).token
      // Only administrators authorise consumers: for this one token demo is one.
      let access = try await Self.accessToken(cloud, roles)
      let key = try await cloud.ec2Key(of: user, token: demo, project: project)
      let signed = await cloud.send(
        "POST", "/v3/ec2tokens", Signers.version4(access: key.access, secret: key.secret, at: cloud.now),
        token: try await cloud.admin())
      tokens = [
        ("restricted", restricted), ("unrestricted", unrestricted), ("trust", trusted), ("oauth1", access),
        ("ec2", try signed.token),
      ]
    }

    private static func accessToken(_ cloud: Fixture, _ roles: [String]) async throws -> String {
      let (user, project) = (cloud.ids.demoUserID, cloud.ids.demoProjectID)
      let admin = try #require(try await cloud.store.read { tx in try RoleTable.named(tx, "admin") }?.id)
      try await cloud.store.write { tx in
        try AssignmentTable.insert(tx, .user(user), .project(project), role: admin)
      }
      let access = try await cloud.accessToken(
        token: try await cloud.token(of: user, in: project), project: project, roles: roles)
      try await cloud.store.write { tx in
        try tx.execute("DELETE FROM identity_role_assignment WHERE user_id = \(user) AND role_id = \(admin)")
      }
      return try await cloud.oauthLogin(access).token
    }

    func token(_ kind: String) throws -> String { try #require(tokens.first { $0.kind == kind }?.token) }
  }

  /// 3: a delegated token makes, lists, shows and deletes no trust, but what a trust's own token may hand on.
  @Test func attack3DelegatedTokensMakeNoTrusts() async throws {
    let scene = try await Delegated()
    let cloud = scene.cloud
    let me = cloud.ids.demoUserID
    let body = Fixture.trust(from: me, to: cloud.ids.adminUserID, project: cloud.ids.demoProjectID, roles: ["member"])
    let own = try await cloud.make("/v3/OS-TRUST/trusts", body, token: scene.demo)
    let path = "/v3/OS-TRUST/trusts"
    for (kind, token) in scene.tokens {
      for (method, path, body) in [
        ("POST", path, body), ("GET", path + "?trustor_user_id=\(me)", nil), ("GET", path + "/" + own, nil),
        ("GET", path + "/" + own + "/roles", nil), ("DELETE", path + "/" + own, nil),
      ] {
        let reply = await cloud.send(method, path, body, token: token)
        // The trust's token sees its own alone, and hands it on.
        let mayList = kind == "trust" && (method == "POST" || path.contains("?"))
        #expect(mayList ? reply.status < 300 : reply.isFault(403), "\(kind): \(method) \(path)")
        if mayList { #expect(!reply.ids("trusts").contains(own)) }
      }
      for (method, path) in [
        ("GET", "/v3/users/\(me)/application_credentials"), ("POST", "/v3/users/\(me)/application_credentials"),
        ("GET", "/v3/users/\(me)/access_rules"),
      ] {
        let body = method == "POST" ? #"{"application_credential": {"name": "\#(kind)"}}"# : nil
        let reply = await cloud.send(method, path, body, token: token)
        #expect(kind == "unrestricted" ? reply.status < 300 : reply.isFault(403), "\(kind): \(method) \(path)")
      }
    }
  }

  /// 4: a key made for one project is good for no other, and nobody makes one for a project with a delegated token of
  /// another.
  @Test func attack4KeysStayInTheirProject() async throws {
    let scene = try await Delegated()
    let cloud = scene.cloud
    let other = try await cloud.make(
      "/v3/projects", #"{"project": {"name": "other"}}"#, token: try await cloud.admin())
    for (kind, token) in scene.tokens {
      for project in [other, cloud.ids.demoProjectID] {
        let reply = await cloud.send(
          "POST", "/v3/users/\(cloud.ids.demoUserID)/credentials/OS-EC2", #"{"tenant_id": "\#(project)"}"#, token: token
        )
        #expect(reply.isFault(403), "\(kind)")
      }
    }
    // The user itself may make one for a project that it has no role in; it is worth nothing there.
    let key = try await cloud.ec2Key(of: cloud.ids.demoUserID, token: scene.demo, project: other)
    let body = Signers.version4(access: key.access, secret: key.secret, at: cloud.now)
    #expect(await cloud.send("POST", "/v3/ec2tokens", body, token: try await cloud.admin()).isFault(401))
  }

  /// 5: keys and seeds are invisible to delegated tokens, and out of their reach.
  @Test func attack5DelegatedTokensSeeNoCredentials() async throws {
    let scene = try await Delegated()
    let cloud = scene.cloud
    let me = cloud.ids.demoUserID
    let seed = try await cloud.make(
      "/v3/credentials", #"{"credential": {"type": "totp", "blob": "JBSWY3DP", "user_id": "\#(me)"}}"#,
      token: scene.demo)
    let key = try await cloud.ec2Key(of: me, token: scene.demo, project: cloud.ids.demoProjectID)
    let list = "/v3/users/\(me)/credentials/OS-EC2"
    let new = #"{"credential": {"type": "totp", "blob": "x", "user_id": "\#(me)"}}"#
    for (kind, token) in scene.tokens {
      for (method, path, body) in [
        ("GET", "/v3/credentials", nil), ("GET", "/v3/credentials/\(seed)", nil), ("POST", "/v3/credentials", new),
        ("PATCH", "/v3/credentials/\(seed)", #"{"credential": {"blob": "x"}}"#),
        ("DELETE", "/v3/credentials/\(seed)", nil), ("GET", list, nil), ("GET", "\(list)/\(key.access)", nil),
        ("DELETE", "\(list)/\(key.access)", nil),
      ] {
        let reply = await cloud.send(method, path, body, token: token)
        #expect(reply.isFault(403), "\(kind): \(method) \(path)")
        #expect(!reply.text.contains(key.secret) && !reply.text.contains("JBSWY3DP"))
      }
    }
    #expect(await cloud.send("GET", "/v3/credentials", token: scene.demo).ids("credentials").count == 3)
  }

  /// 6: no delegated token is exchanged for another, whatever scope is asked for.
  @Test func attack6DelegatedTokensAreNotRescoped() async throws {
    let scene = try await Delegated()
    let cloud = scene.cloud
    for (kind, token) in scene.tokens {
      for scope in [
        nil, #"{"system": {"all": true}}"#, #"{"domain": {"id": "default"}}"#, #""unscoped""#,
        Bodies.project(cloud.ids.demoProjectID), Bodies.project(cloud.ids.adminProjectID),
        #"{"OS-TRUST:trust": {"id": "x"}}"#,
      ] {
        let reply = await cloud.send("POST", "/v3/auth/tokens", Bodies.token(token, scope: scope))
        #expect(reply.isFault(403), "\(kind) \(scope ?? "")")
      }
    }
  }

  /// 7: a delegated token gives no consumer a user's yes.
  @Test func attack7DelegatedTokensAuthoriseNoConsumer() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let (user, project) = (cloud.ids.adminUserID, cloud.ids.adminProjectID)
    let consumer = await cloud.send("POST", "/v3/OS-OAUTH1/consumers", #"{"consumer": {}}"#, token: admin)
    let pair = (
      id: try #require(consumer.json["consumer"]?["id"]?.string),
      secret: try #require(consumer.json["consumer"]?["secret"]?.string)
    )
    let asked = await cloud.send(
      "POST", "/v3/OS-OAUTH1/request_token",
      headers: [
        Signers.oauth("/v3/OS-OAUTH1/request_token", consumer: pair, at: cloud.now), ("Requested-Project-Id", project),
      ])
    let request = try asked.oauthToken.id
    let access = try await cloud.accessToken(token: admin, project: project, roles: ["admin"])
    // They have the role that the route asks for, so it is the delegation that bars them.
    for token in [
      try await cloud.applicationCredential(of: user, in: project, roles: ["admin"]).token,
      try await cloud.applicationCredential(of: user, in: project, roles: ["admin"], unrestricted: true).token,
      try await cloud.oauthLogin(access).token,
    ] {
      for role in ["reader", "admin"] {
        let body = #"{"roles": [{"name": "\#(role)"}]}"#
        #expect(await cloud.send("PUT", "/v3/OS-OAUTH1/authorize/\(request)", body, token: token).isFault(403))
      }
      #expect(await cloud.send("GET", "/v3/users/\(user)/OS-OAUTH1/access_tokens", token: token).isFault(403))
    }
  }

  /// 8: no key comes of a restricted application credential, and no key speaks for more than its user has at that
  /// moment; nor can a key's blob say whose rights it has.
  @Test func attack8KeysGiveNoMoreThanTheirMaker() async throws {
    let scene = try await Delegated()
    let cloud = scene.cloud
    let me = cloud.ids.demoUserID
    let reader = try await cloud.applicationCredential(of: me, in: cloud.ids.demoProjectID, roles: ["reader"]).token
    let blob = JSONValue.string(#"{"access": "A", "secret": "S"}"#).text
    let new = #"""
      {"credential": {"type": "ec2", "blob": \#(blob), "user_id": "\#(me)",
      "project_id": "\#(cloud.ids.demoProjectID)"}}
      """#
    #expect(await cloud.send("POST", "/v3/credentials", new, token: reader).isFault(403))
    #expect(
      await cloud.send(
        "POST", "/v3/users/\(me)/credentials/OS-EC2", #"{"tenant_id": "\#(cloud.ids.demoProjectID)"}"#, token: reader
      ).isFault(403))
    // A trust of somebody else's in the blob would be a way to speak as its trustor.
    let victim = try await cloud.make(
      "/v3/OS-TRUST/trusts",
      Fixture.trust(
        from: cloud.ids.adminUserID, to: try await cloud.user("friend", in: cloud.ids.adminProjectID),
        project: cloud.ids.adminProjectID, roles: ["admin"], impersonation: true), token: try await cloud.admin())
    for member in ["trust_id", "app_cred_id", "access_token_id", "access_id"] {
      let forged = JSONValue.string(#"{"access": "F", "secret": "S", "\#(member)": "\#(victim)"}"#).text
      #expect(
        await cloud.send("POST", "/v3/credentials", new.replacing(blob, with: forged), token: scene.demo).isFault(400))
      let id = try await cloud.make(
        "/v3/credentials", new.replacing(#"\"A\""#, with: #"\"\#(member)\""#), token: scene.demo)
      let patch = #"{"credential": {"blob": \#(forged)}}"#
      #expect(await cloud.send("PATCH", "/v3/credentials/\(id)", patch, token: scene.demo).isFault(400))
    }
  }

  /// 9: a token that was got for a signature is good for services, not for the identity API; it can be validated.
  @Test func attack9TokensOfKeysDoNotReachTheIdentityAPI() async throws {
    let scene = try await Delegated()
    let cloud = scene.cloud
    let token = try scene.token("ec2")
    for (_, route) in cloud.gateway.routes {
      let path = route.path.split(separator: "/").map { $0.hasPrefix("{") ? "x" : String($0) }.joined(separator: "/")
      let reply = await cloud.send(
        route.method.rawValue, "/" + path, "{}", token: token, headers: [("X-Subject-Token", token)])
      #expect(route.method == .head ? reply.status == 403 : reply.isFault(403), "\(route.method) \(route.path)")
    }
    let validated = await cloud.send(
      "GET", "/v3/auth/tokens", token: try await cloud.admin(), headers: [("X-Subject-Token", token)])
    #expect(validated.json["token"]?["methods"]?.array?.compactMap(\.string) == ["ec2credential"])
  }

  /// 13: only a service (or an administrator) gets a token for a signature that somebody else made.
  @Test func attack13SignaturesAreNoTokensForStrangers() async throws {
    let cloud = try await Fixture()
    let demo = try await cloud.demo()
    let key = try await cloud.ec2Key(of: cloud.ids.demoUserID, token: demo, project: cloud.ids.demoProjectID)
    for (path, body) in [
      ("/v3/ec2tokens", Signers.version4(access: key.access, secret: key.secret, at: cloud.now)),
      ("/v3/s3tokens", Signers.s3(access: key.access, secret: key.secret, at: cloud.now)),
    ] {
      #expect(await cloud.send("POST", path, body).isFault(401))
      // Not even the key's own user.
      #expect(await cloud.send("POST", path, body, token: demo).isFault(403))
    }
  }

  /// 14: a signed request is taken within 15 minutes of the time that was signed with it, and once.
  @Test func attack14SignedRequestsAreNotReplayed() async throws {
    let cloud = try await Fixture()
    let demo = try await cloud.demo()
    let key = try await cloud.ec2Key(of: cloud.ids.demoUserID, token: demo, project: cloud.ids.demoProjectID)
    let service = try await cloud.user("service", roles: ["service"], in: cloud.ids.adminProjectID)
    func send(_ body: String, _ path: String = "/v3/ec2tokens") async throws -> Int {
      await cloud.send(
        "POST", path, body, token: try await cloud.token(of: service, in: cloud.ids.adminProjectID)
      ).status
    }
    func signed(_ offset: Double) -> String {
      Signers.version4(access: key.access, secret: key.secret, at: cloud.now.adding(seconds: offset))
    }
    for offset in [-890.0, 0, 890] {
      let body = signed(offset)
      #expect(try await send(body) == 200)
      #expect(try await send(body) == 401)
    }
    for offset in [-910.0, 910, -86_400] { #expect(try await send(signed(offset)) == 401) }
    let old = Signers.version2(access: key.access, secret: key.secret, at: cloud.now.adding(seconds: -910))
    #expect(try await send(old) == 401)
    // A fresh time beside the one that was signed does not help, nor one without any.
    let stale = signed(-910).replacing(#""params": {"#, with: #""params": {"Timestamp": "\#(cloud.now.iso8601)", "#)
    #expect(try await send(stale) == 401)
    #expect(try await send(signed(1).replacing("X-Amz-Date", with: "X-Other")) == 401)
    // A URL for S3 may be used again, but not after the longest time that one can be signed for.
    let url = Signers.s3(access: key.access, secret: key.secret, at: cloud.now)
    for _ in 1...2 { #expect(try await send(url, "/v3/s3tokens") == 200) }
    cloud.moveClock(seconds: 7 * 86_400 + 1)
    #expect(try await send(url, "/v3/s3tokens") == 401)
    // What was noted goes when it is too old anyway.
    try await RevocationCleanup(core: cloud.identity.core).step()
    #expect(try await cloud.store.read { tx in try tx.count("SELECT count(*) FROM identity_seen_signature") } == 0)
  }

  /// 15: whose a credential is, its project and its type never change; nor does a stranger's body make it.
  @Test func attack15TheOwnerOfACredentialNeverChanges() async throws {
    let cloud = try await Fixture()
    let (demo, admin) = (try await cloud.demo(), try await cloud.admin())
    let id = try await cloud.make(
      "/v3/credentials", #"{"credential": {"type": "cert", "blob": "x", "user_id": "\#(cloud.ids.demoUserID)"}}"#,
      token: demo)
    for (name, value) in [
      ("user_id", cloud.ids.adminUserID), ("project_id", cloud.ids.adminProjectID), ("type", "ec2"), ("id", "x"),
    ] {
      for token in [demo, admin] {
        let body = #"{"credential": {"blob": "y", "\#(name)": "\#(value)"}}"#
        #expect(await cloud.send("PATCH", "/v3/credentials/\(id)", body, token: token).isFault(400), "\(name)")
      }
    }
    let shown = await cloud.send("GET", "/v3/credentials/\(id)", token: demo).json["credential"]
    #expect(shown?["user_id"]?.string == cloud.ids.demoUserID)
    #expect(shown?["blob"]?.string == "x")
    let foreign = #"{"credential": {"type": "cert", "blob": "x", "user_id": "\#(cloud.ids.adminUserID)"}}"#
    #expect(await cloud.send("POST", "/v3/credentials", foreign, token: demo).isFault(403))
  }

  /// 16: an access token gives the roles it was authorised with, and not all of its user's.
  @Test func attack16AccessTokensGiveTheirOwnRoles() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    for (asked, expected) in [(["reader"], ["reader"]), (["member"], ["member", "reader"])] {
      let access = try await cloud.accessToken(token: admin, project: cloud.ids.adminProjectID, roles: asked)
      let reply = await cloud.oauthLogin(access)
      #expect(reply.roles == expected)
      #expect(await cloud.send("GET", "/v3/users", token: try reply.token).isFault(403))
    }
    // Authorised with none, it is worth nothing.
    let access = try await cloud.accessToken(token: admin, project: cloud.ids.adminProjectID, roles: [])
    #expect(await cloud.oauthLogin(access).isFault(401))
  }

  /// 17: a user sees its own credentials, whatever its role in a project; only administrators and readers of the system
  /// see others'.
  @Test func attack17NobodySeesOthersCredentials() async throws {
    let personas = try await Personas()
    let cloud = personas.cloud
    let seed = try await cloud.make(
      "/v3/credentials",
      #"{"credential": {"type": "totp", "blob": "JBSWY3DP", "user_id": "\#(cloud.ids.demoUserID)"}}"#,
      token: try await cloud.demo())
    for persona in Personas.all {
      let token = try personas.token(persona)
      let may = persona.level == .admin || persona.scope == .system
      for query in ["", "?user_id=\(cloud.ids.demoUserID)", "?type=totp"] {
        let reply = await cloud.send("GET", "/v3/credentials" + query, token: token)
        #expect(reply.status == 200)
        #expect(reply.ids("credentials") == (may ? [seed] : []), "\(persona)")
      }
      let shown = await cloud.send("GET", "/v3/credentials/\(seed)", token: token)
      #expect(may ? shown.status == 200 : shown.isFault(403), "\(persona)")
      #expect(shown.text.contains("JBSWY3DP") == may)
    }
  }
}
