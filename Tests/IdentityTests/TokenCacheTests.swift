import API
import Auth
import Foundation
import Kit
import Logging
import Store
import Synchronization
import Testing

@testable import Identity

/// Tokens that were verified are remembered, and never for a moment longer than they are worth something.
struct TokenCacheTests {
  // MARK: What is remembered

  /// A store that counts what is read from it.
  private final class CountingStore: Store {
    let inner: any Store
    let reads = Atomic<Int>(0)

    init(_ inner: any Store) { self.inner = inner }

    var feed: ChangeFeed { inner.feed }
    func commits(to family: String) -> UInt64? { inner.commits(to: family) }

    func read<T: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T {
      reads.add(1, ordering: .relaxed)
      return try await inner.read(body)
    }

    func write<T: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T {
      try await inner.write(body)
    }
  }

  private func service(_ cloud: Fixture, _ store: any Store) throws -> IdentityService {
    try IdentityService(
      store: store, keysDirectory: cloud.directory.appending(path: "keys").path,
      credentialKeysDirectory: cloud.directory.appending(path: "credential-keys").path, baseURL: "http://cloud.test",
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
  }

  @Test func nothingIsReadTwiceWhileNothingChanges() async throws {
    let cloud = try await Fixture()
    let store = CountingStore(cloud.store)
    let identity = try service(cloud, store)
    let token = Secret(try await cloud.demo())
    let first = try #require(try await identity.principal(token: token))
    let once = store.reads.load(ordering: .relaxed)
    #expect(once == 1)
    for _ in 0..<10 { #expect(try await identity.principal(token: token) == first) }
    // A store that others write to as well cannot say whether it changed: it is asked each time.
    #expect(store.reads.load(ordering: .relaxed) == (store.commits(to: "identity") == nil ? once + 10 : once))
    let before = store.reads.load(ordering: .relaxed)
    _ = try await store.write { try $0.change("anything", "at all") }
    #expect(try await identity.principal(token: token) == first)
    #expect(store.reads.load(ordering: .relaxed) == (store.commits(to: "identity") == nil ? before + 1 : before))
    _ = try await store.write { try $0.execute("UPDATE identity_region SET description = 'moved'") }
    #expect(try await identity.principal(token: token) == first)
    #expect(store.reads.load(ordering: .relaxed) == before + (store.commits(to: "identity") == nil ? 2 : 1))
  }

  @Test func hitsAndMissesAreCounted() async throws {
    let cloud = try await Fixture()
    let identity = try service(cloud, cloud.store)
    let token = Secret(try await cloud.demo())
    for _ in 0..<4 { _ = try await identity.principal(token: token) }
    var page = MetricsPage()
    identity.meter.write(&page)
    let cached = cloud.store.commits(to: "identity") != nil
    for (result, count) in [("hit", cached ? 3 : 0), ("miss", cached ? 1 : 0), ("off", cached ? 0 : 4)] {
      #expect(page.text.contains("\nhaneul_token_cache_lookups_total{result=\"\(result)\"} \(count)\n"), "\(page.text)")
    }
    #expect(page.text.contains("\nhaneul_token_cache_tokens \(cached ? 1 : 0)\n"))
  }

  @Test func forgedTokensAreNeverRemembered() async throws {
    let cloud = try await Fixture()
    let token = try await cloud.demo()
    let forged = String(token.dropLast(4)) + "AAAA"
    for _ in 0..<3 {
      #expect(await cloud.send("GET", "/v3/auth/projects", token: token).status == 200)
      #expect(await cloud.send("GET", "/v3/auth/projects", token: forged).isFault(401))
      #expect(await cloud.send("GET", "/v3/auth/projects", token: token + "=").isFault(401))
    }
  }

  @Test func theCatalogueFollowsItsEndpoints() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let headers = [("X-Subject-Token", admin)]
    func names() async -> [String] {
      let shown = await cloud.send("GET", "/v3/auth/tokens", token: admin, headers: headers)
      return shown.json["token"]?["catalog"]?.array?.compactMap { $0["name"]?.string } ?? []
    }
    let before = await names()
    #expect(await names() == before)
    let service = try await cloud.make(
      "/v3/services", #"{"service": {"type": "fresh", "name": "fresh"}}"#, token: admin)
    let endpoint = #"{"endpoint": {"service_id": "\#(service)", "interface": "public", "url": "http://x"}}"#
    let id = try await cloud.make("/v3/endpoints", endpoint, token: admin)
    #expect(await names().contains("fresh"))
    #expect(await cloud.send("DELETE", "/v3/endpoints/\(id)", token: admin).status == 204)
    // A service without endpoints stays listed, as in Keystone.
    #expect(await names().contains("fresh"))
    #expect(await cloud.send("DELETE", "/v3/services/\(service)", token: admin).status == 204)
    #expect(await names() == before)
  }

  @Test func itIsBounded() throws {
    let cache = TokenCache()
    let stamp = TokenCache.Stamp(commits: 1, keys: 0)
    let verified = Self.verified(endsAt: .now().adding(seconds: 60))
    for number in 0..<(2 * TokenCache.tokensMax + 10) {
      cache.keep(TokenDigest(Secret("token \(number)")), verified, at: stamp)
      #expect(cache.count <= TokenCache.tokensMax)
    }
    #expect(cache.count > 0)
  }

  @Test func anotherStateOrTheEndVoidsIt() {
    let cache = TokenCache()
    let token = TokenDigest(Secret("token"))
    let ends = Timestamp.now().adding(seconds: 60)
    let stamp = TokenCache.Stamp(commits: 7, keys: 1)
    cache.keep(token, Self.verified(endsAt: ends), at: stamp)
    #expect(cache.find(token, at: stamp, now: ends.adding(seconds: -1)) != nil)
    #expect(cache.find(token, at: stamp, now: ends) == nil)
    #expect(cache.find(token, at: .init(commits: 8, keys: 1), now: ends.adding(seconds: -1)) == nil)
    #expect(cache.find(token, at: .init(commits: 7, keys: 2), now: ends.adding(seconds: -1)) == nil)
    #expect(cache.find(TokenDigest(Secret("token2")), at: stamp, now: ends.adding(seconds: -1)) == nil)
  }

  private static func verified(endsAt: Timestamp) -> VerifiedToken {
    let payload = TokenPayload(
      methods: .password, userID: "u", userGeneration: 0, scope: .unscoped, issuedAt: .now(), expiresAt: endsAt,
      auditID: TokenPayload.newAuditID(), ancestors: [], applicationCredentialID: nil)
    let principal = Principal(
      userID: "u", userName: "u", userDomainID: "d", userDomainName: "d", scope: .unscoped, roles: [],
      methods: ["password"], auditIDs: payload.auditIDs, issuedAt: payload.issuedAt, expiresAt: endsAt,
      applicationCredential: nil)
    return VerifiedToken(payload: payload, principal: principal, endsAt: endsAt)
  }

  // MARK: What takes a right away

  @Test func aTokenEndsOnTime() async throws {
    let cloud = try await Fixture()
    let demo = try await cloud.demo()
    #expect(await cloud.send("GET", "/v3/auth/projects", token: demo).status == 200)
    cloud.moveClock(seconds: 365 * 86400)
    #expect(await cloud.send("GET", "/v3/auth/projects", token: demo).isFault(401))
  }

  @Test func anApplicationCredentialEndsOnTime() async throws {
    let cloud = try await Fixture()
    let demo = try await cloud.demo()
    let path = "/v3/users/\(cloud.ids.demoUserID)/application_credentials"
    let end = Timestamp.now().adding(seconds: 600).iso8601Naive
    let body = #"{"application_credential": {"name": "r", "secret": "s", "expires_at": "\#(end)"}}"#
    let id = try await cloud.make(path, body, token: demo)
    let token = try await cloud.send("POST", "/v3/auth/tokens", Bodies.credential(#""id": "\#(id)", "secret": "s""#))
      .token
    #expect(await cloud.send("GET", "/v3/auth/projects", token: token).status == 200)
    cloud.moveClock(seconds: 601)
    #expect(await cloud.send("GET", "/v3/auth/projects", token: token).isFault(401))
  }

  @Test func keysThatAreDroppedOpenNothingMore() async throws {
    let cloud = try await Fixture()
    let demo = try await cloud.demo()
    #expect(await cloud.send("GET", "/v3/auth/projects", token: demo).status == 200)
    for _ in 0..<20 { try cloud.identity.rotateKeys() }
    #expect(await cloud.send("GET", "/v3/auth/projects", token: demo).isFault(401))
  }

  private struct Case: Sendable {
    var name: String
    var act: @Sendable (Fixture, _ admin: String, _ token: String) async throws -> Void
  }

  private static let cases: [Case] = [
    Case(name: "token revoked") { cloud, admin, token in
      let headers = [("X-Subject-Token", token)]
      #expect(await cloud.send("DELETE", "/v3/auth/tokens", token: admin, headers: headers).status == 204)
    },
    Case(name: "password set") { cloud, admin, _ in
      let path = "/v3/users/\(cloud.ids.demoUserID)"
      #expect(await cloud.send("PATCH", path, #"{"user": {"password": "other"}}"#, token: admin).status == 200)
    },
    Case(name: "project disabled") { cloud, admin, _ in
      let path = "/v3/projects/\(cloud.ids.demoProjectID)"
      #expect(await cloud.send("PATCH", path, #"{"project": {"enabled": false}}"#, token: admin).status == 200)
    },
    Case(name: "role removed") { cloud, admin, _ in
      let role = try await cloud.role("member", token: admin)
      let path = "/v3/projects/\(cloud.ids.demoProjectID)/users/\(cloud.ids.demoUserID)/roles/\(role)"
      #expect(await cloud.send("DELETE", path, token: admin).status == 204)
    },
    Case(name: "user deleted") { cloud, admin, _ in
      #expect(await cloud.send("DELETE", "/v3/users/\(cloud.ids.demoUserID)", token: admin).status == 204)
    },
  ]

  /// Many ask with the token all the while; whoever begins to ask after the answer to what took the right away has
  /// come, is refused.
  @Test func nobodyWhoAsksAfterwardsIsLetIn() async throws {
    for example in Self.cases {
      let cloud = try await Fixture()
      let (admin, demo) = (try await cloud.admin(), try await cloud.demo())
      try await Self.race(cloud, demo, example.name) { try await example.act(cloud, admin, demo) }
    }
  }

  @Test func aDeletedCredentialsTokenIsRefusedAtOnce() async throws {
    let cloud = try await Fixture()
    let (admin, demo) = (try await cloud.admin(), try await cloud.demo())
    let path = "/v3/users/\(cloud.ids.demoUserID)/application_credentials"
    let id = try await cloud.make(path, #"{"application_credential": {"name": "r", "secret": "s"}}"#, token: demo)
    let token = try await cloud.send("POST", "/v3/auth/tokens", Bodies.credential(#""id": "\#(id)", "secret": "s""#))
      .token
    try await Self.race(cloud, token, "credential deleted") {
      #expect(await cloud.send("DELETE", path + "/" + id, token: admin).status == 204)
    }
  }

  /// What became of the requests of a race.
  private struct Outcome: Sendable {
    var gone = false
    var letIn = 0
    var refused = 0
    var wrong = 0
  }

  private final class Race: Sendable {
    let outcome = Mutex(Outcome())
    var now: Outcome { outcome.withLock { $0 } }
  }

  private static func race(
    _ cloud: Fixture, _ token: String, _ name: String, _ act: @escaping @Sendable () async throws -> Void
  ) async throws {
    let race = Race()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          // Until it was refused often enough after the fact; at the most for long.
          for _ in 0..<20_000 where race.now.refused < 100 {
            let after = race.now.gone
            let status = await cloud.send("GET", "/v3/auth/projects", token: token).status
            race.outcome.withLock { outcome in
              if after, status == 401 { outcome.refused += 1 }
              if after, status != 401 { outcome.wrong += 1 }
              if !after, status == 200 { outcome.letIn += 1 }
            }
          }
        }
      }
      group.addTask {
        // The others are in full swing first.
        while race.now.letIn < 50 { try await Task.sleep(for: .milliseconds(1)) }
        try await act()
        race.outcome.withLock { $0.gone = true }
      }
      try await group.waitForAll()
    }
    #expect(race.now.wrong == 0, "\(name)")
    #expect(race.now.refused >= 100, "\(name)")
  }
}
