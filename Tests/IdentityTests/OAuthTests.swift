import Auth
import Kit
import Store
import Testing

@testable import Identity

struct OAuthTests {
  private struct Scene {
    let cloud: Fixture
    let admin: String
    let consumer: (id: String, secret: String)
    var project: String { cloud.ids.adminProjectID }

    init() async throws {
      cloud = try await Fixture()
      admin = try await cloud.admin()
      let made = await cloud.send(
        "POST", "/v3/OS-OAUTH1/consumers", #"{"consumer": {"description": "d"}}"#, token: admin)
      let consumer = try #require(made.json["consumer"])
      self.consumer = (try #require(consumer["id"]?.string), try #require(consumer["secret"]?.string))
    }

    func request(_ header: (String, String), project: String? = nil) async -> Answer {
      await cloud.send(
        "POST", "/v3/OS-OAUTH1/request_token",
        headers: [header, ("Requested-Project-Id", project ?? self.project)])
    }

    func signed(
      consumer: (id: String, secret: String)? = nil, at moment: Timestamp? = nil, nonce: String = Identifier.hex(),
      method: String = "HMAC-SHA1", base: String = "http://seen.test"
    ) -> (String, String) {
      Signers.oauth(
        "/v3/OS-OAUTH1/request_token", consumer: consumer ?? self.consumer, at: moment ?? cloud.now, nonce: nonce,
        method: method, base: base)
    }

    func authorize(_ id: String, roles: String = #"{"name": "admin"}"#, token: String? = nil) async -> Answer {
      await cloud.send("PUT", "/v3/OS-OAUTH1/authorize/\(id)", #"{"roles": [\#(roles)]}"#, token: token ?? admin)
    }

    func exchange(
      _ token: (id: String, secret: String), verifier: String, consumer: (id: String, secret: String)? = nil
    ) async -> Answer {
      let header = Signers.oauth(
        "/v3/OS-OAUTH1/access_token", consumer: consumer ?? self.consumer, token: token, verifier: verifier,
        at: cloud.now)
      return await cloud.send("POST", "/v3/OS-OAUTH1/access_token", headers: [header])
    }
  }

  @Test func aConsumerIsMadeShownChangedAndDeleted() async throws {
    let scene = try await Scene()
    let path = "/v3/OS-OAUTH1/consumers"
    let one = path + "/" + scene.consumer.id
    let shown = await scene.cloud.send("GET", one, token: scene.admin)
    #expect(shown.json["consumer"]?["description"]?.string == "d")
    #expect(shown.json["consumer"]?["secret"] == nil)
    #expect(shown.json["consumer"]?["links"]?["self"]?.string == "http://seen.test/identity" + one)
    #expect(await scene.cloud.send("GET", path, token: scene.admin).ids("consumers") == [scene.consumer.id])
    let changed = await scene.cloud.send(
      "PATCH", one, #"{"consumer": {"description": "e", "x": 1}}"#, token: scene.admin)
    #expect(changed.json["consumer"]?["description"]?.string == "e")
    #expect(changed.json["consumer"]?["x"]?.int == 1)
    #expect(await scene.cloud.send("PATCH", one, #"{"consumer": {"secret": "s"}}"#, token: scene.admin).isFault(400))
    #expect(await scene.cloud.send("DELETE", one, token: scene.admin).status == 204)
    #expect(await scene.cloud.send("GET", one, token: scene.admin).isFault(404))
    #expect(await scene.request(scene.signed()).isFault(401))
  }

  @Test func anAccessTokenLogsIn() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let access = try await cloud.accessToken(token: admin, project: cloud.ids.adminProjectID, roles: ["member"])
    // Whatever scope is asked for, it is its own.
    for scope in [nil, Bodies.project(cloud.ids.demoProjectID), #"{"system": {"all": true}}"#] {
      let reply = await cloud.oauthLogin(access, scope: scope)
      #expect(reply.status == 201, "\(reply.text)")
      let token = reply.json["token"]
      #expect(token?["methods"]?.array?.compactMap(\.string) == ["oauth1"])
      #expect(token?["user"]?["id"]?.string == cloud.ids.adminUserID)
      #expect(token?["project"]?["id"]?.string == cloud.ids.adminProjectID)
      #expect(token?["OS-OAUTH1"]?["access_token_id"]?.string == access.token.id)
      #expect(token?["OS-OAUTH1"]?["consumer_id"]?.string == access.consumer.id)
      #expect(reply.roles == ["member", "reader"])
    }
    let list = "/v3/users/\(cloud.ids.adminUserID)/OS-OAUTH1/access_tokens"
    let one = list + "/" + access.token.id
    #expect(await cloud.send("GET", list, token: admin).ids("access_tokens") == [access.token.id])
    let shown = await cloud.send("GET", one, token: admin).json["access_token"]
    #expect(shown?["authorizing_user_id"]?.string == cloud.ids.adminUserID)
    #expect(shown?["project_id"]?.string == cloud.ids.adminProjectID)
    #expect(shown?["access_secret"] == nil)
    let member = try await cloud.role("member", token: admin)
    #expect(await cloud.send("GET", one + "/roles", token: admin).ids("roles") == [member])
    #expect(await cloud.send("GET", one + "/roles/\(member)", token: admin).status == 200)
    #expect(await cloud.send("GET", one + "/roles/\(Identifier.hex())", token: admin).isFault(404))
    // It is the user's of the path, or none.
    let wrong = "/v3/users/\(cloud.ids.demoUserID)/OS-OAUTH1/access_tokens/\(access.token.id)"
    for path in [wrong, wrong + "/roles"] { #expect(await cloud.send("GET", path, token: admin).isFault(404)) }
    // What it was got with goes, and it goes in the next request.
    let token = try await cloud.oauthLogin(access).token
    #expect(await cloud.send("DELETE", one, token: admin).status == 204)
    #expect(try await cloud.identity.principal(token: Secret(token)) == nil)
    #expect(await cloud.oauthLogin(access).isFault(401))
  }

  @Test func aTokenEndsWithItsAccessToken() async throws {
    let cloud = try await Fixture()
    let access = try await cloud.accessToken(
      token: try await cloud.admin(), project: cloud.ids.adminProjectID, roles: ["member"])
    cloud.moveClock(seconds: 86_400 - 600)
    let reply = await cloud.oauthLogin(access)
    let expires = try #require(reply.json["token"]?["expires_at"]?.string.flatMap(Timestamp.init(iso8601:)))
    #expect(expires.seconds(since: cloud.now) <= 600)
    cloud.moveClock(seconds: 601)
    #expect(try await cloud.identity.principal(token: Secret(try reply.token)) == nil)
    #expect(await cloud.oauthLogin(access).isFault(401))
  }

  @Test func onlyARightSignatureIsTaken() async throws {
    let scene = try await Scene()
    #expect(await scene.request(scene.signed()).status == 201)
    #expect(await scene.request(scene.signed(method: "HMAC-SHA256")).status == 201)
    let wrong = (id: scene.consumer.id, secret: scene.consumer.secret + "x")
    for header in [
      scene.signed(consumer: wrong), scene.signed(consumer: (id: Identifier.hex(), secret: scene.consumer.secret)),
      scene.signed(base: "http://other.test"), scene.signed(at: scene.cloud.now.adding(seconds: -1000)),
      scene.signed(at: scene.cloud.now.adding(seconds: 1000)), scene.signed(method: "PLAINTEXT"),
    ] { #expect(await scene.request(header).isFault(401)) }
    for header in ["Bearer x", "OAuth ", #"OAuth oauth_consumer_key="x""#, #"OAuth a="1", a="2""#] {
      #expect(await scene.request(("Authorization", header)).isFault(400))
    }
    let (_, header) = scene.signed()
    #expect(
      await scene.cloud.send("POST", "/v3/OS-OAUTH1/request_token", headers: [("Authorization", header)]).isFault(400))
    #expect(await scene.request(scene.signed(), project: Identifier.hex()).isFault(404))
  }

  /// What was sent once is not taken again, not even by another process: the store knows it.
  @Test func aRequestIsTakenOnce() async throws {
    let scene = try await Scene()
    let header = scene.signed()
    #expect(await scene.request(header).status == 201)
    #expect(await scene.request(header).isFault(401))
    // Signed in another way, it is still the same request: of that moment, with that nonce.
    let (moment, nonce) = (scene.cloud.now, Identifier.hex())
    #expect(await scene.request(scene.signed(at: moment, nonce: nonce)).status == 201)
    #expect(await scene.request(scene.signed(at: moment, nonce: nonce, method: "HMAC-SHA256")).isFault(401))
  }

  @Test func onlyAnAuthorisedTokenIsExchangedAndOnlyOnce() async throws {
    let scene = try await Scene()
    let request = try await scene.request(scene.signed()).oauthToken
    #expect(await scene.exchange(request, verifier: "x").isFault(401))
    #expect(await scene.authorize(request.id, roles: #"{"name": "nothing"}"#).isFault(404))
    let verifier = try #require(await scene.authorize(request.id).json["token"]?["oauth_verifier"]?.string)
    #expect(verifier.count == 8)
    #expect(await scene.exchange(request, verifier: verifier + "x").isFault(401))
    #expect(await scene.exchange((id: request.id, secret: "x"), verifier: verifier).isFault(401))
    // Nobody else's consumer, either.
    let other = await scene.cloud.send("POST", "/v3/OS-OAUTH1/consumers", #"{"consumer": {}}"#, token: scene.admin)
    let stranger = (
      id: try #require(other.json["consumer"]?["id"]?.string),
      secret: try #require(other.json["consumer"]?["secret"]?.string)
    )
    #expect(await scene.exchange(request, verifier: verifier, consumer: stranger).isFault(401))
    #expect(await scene.exchange(request, verifier: verifier).status == 201)
    #expect(await scene.exchange(request, verifier: verifier).isFault(401))
    #expect(await scene.authorize(request.id).isFault(404))
  }

  @Test func aRequestTokenDoesNotWaitForever() async throws {
    let scene = try await Scene()
    let request = try await scene.request(scene.signed()).oauthToken
    scene.cloud.moveClock(seconds: scene.cloud.identity.core.settings.requestTokenSeconds + 1)
    let late = try await scene.cloud.token(of: scene.cloud.ids.adminUserID, in: scene.project)
    let reply = await scene.authorize(request.id, token: late)
    #expect(reply.isFault(401))
    #expect(reply.text.contains("expired"))
    try await RevocationCleanup(core: scene.cloud.identity.core).step()
    let left = try await scene.cloud.store.read { tx in try tx.count("SELECT count(*) FROM identity_request_token") }
    #expect(left == 0)
    let seen = try await scene.cloud.store.read { tx in try tx.count("SELECT count(*) FROM identity_seen_signature") }
    #expect(seen == 0)
  }

  /// Not even administrators' consumers ask without end.
  @Test func questionsThatNobodyAnswersAreBounded() async throws {
    let scene = try await Scene()
    let keys = scene.cloud.identity.core.credentialKeys
    let (project, consumer, now) = (scene.project, scene.consumer.id, scene.cloud.now)
    try await scene.cloud.store.write { tx in
      for index in 0..<OAuthRules.waitingMax {
        let token = RequestToken(
          id: "r\(index)", consumerID: consumer, projectID: project, secret: Secret("s"),
          expiresAt: now.adding(seconds: 600))
        try RequestTokenTable.insert(tx, keys, token, at: now)
      }
    }
    #expect(await scene.request(scene.signed()).isFault(403))
    scene.cloud.moveClock(seconds: 601)
    #expect(await scene.request(scene.signed()).status == 201)
  }
}
