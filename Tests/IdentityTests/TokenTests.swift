import Auth
import Converge
import Foundation
import Kit
import Store
import Testing

@testable import Identity

/// Tokens: their bytes, their keys, who may look at and revoke them.
struct TokenTests {
  private static func payload(_ scope: TokenPayload.Scope, _ user: String) -> TokenPayload {
    TokenPayload(
      methods: [.password, .token], userID: user, userGeneration: 3, scope: scope, issuedAt: .now(),
      expiresAt: .now().adding(seconds: 10), auditID: TokenPayload.newAuditID(),
      ancestors: [TokenPayload.newAuditID(), TokenPayload.newAuditID()], applicationCredentialID: nil)
  }

  @Test func payloadsComeBack() {
    for scope: TokenPayload.Scope in [
      .unscoped, .system, .project(id: Identifier.hex(), generation: 7), .domain(id: "default", generation: 0),
    ] {
      for user in [Identifier.hex(), "ldap-é", String(repeating: "A", count: 32)] {
        let payload = Self.payload(scope, user)
        #expect(TokenPayload(decoding: payload.encoded()) == payload)
      }
    }
  }

  /// With everything that may follow the fixed part: no other bytes are that token, and none of fewer is one at all.
  @Test func partsOfPayloadsComeBack() {
    var delegated = Self.payload(.project(id: Identifier.hex(), generation: 1), Identifier.hex())
    delegated.methods = .applicationCredential
    delegated.applicationCredentialID = Identifier.hex()
    var trusted = Self.payload(.project(id: Identifier.hex(), generation: 1), Identifier.hex())
    trusted.trustID = Identifier.hex()
    trusted.trustorGeneration = 12
    var consumed = Self.payload(.project(id: Identifier.hex(), generation: 1), Identifier.hex())
    consumed.methods = .oauth1
    consumed.accessTokenID = Identifier.hex()
    var federated = Self.payload(.unscoped, Identifier.hex())
    federated.methods = [.mapped, .token]
    federated.federation = .init(
      identityProviderID: "acme", protocolID: "openid",
      groupIDs: (1...TokenPayload.federatedGroupsMax).map { _ in Identifier.hex() })
    for payload in [delegated, trusted, consumed, federated] {
      let bytes = payload.encoded()
      #expect(TokenPayload(decoding: bytes) == payload)
      for count in bytes.indices.suffix(60) { #expect(TokenPayload(decoding: Array(bytes.prefix(count))) == nil) }
      #expect(TokenPayload(decoding: bytes + [0]) == nil)
    }
    // A method stands for what confines its token: without that there is no token.
    for method: TokenPayload.Methods in [.applicationCredential, .oauth1] {
      var wider = Self.payload(.unscoped, Identifier.hex())
      wider.methods = method
      #expect(TokenPayload(decoding: wider.encoded()) == nil)
    }
  }

  @Test func tokensExpire() async throws {
    let cloud = try await Fixture()
    let token = try await cloud.freshDemo()
    cloud.moveClock(seconds: 3590)
    #expect(await cloud.send("GET", "/v3/auth/projects", token: token).status == 200)
    cloud.moveClock(seconds: 11)
    #expect(await cloud.send("GET", "/v3/auth/projects", token: token).isFault(401))
  }

  @Test func rotationLogsNobodyOut() async throws {
    let cloud = try await Fixture()
    let folder = cloud.directory.appending(path: "keys").path
    func mode(_ path: String) throws -> Int? {
      try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }
    #expect(try mode(folder) == 0o700)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["0", "1"])
    let staged = try String(contentsOfFile: folder + "/0", encoding: .utf8)
    let old = try await cloud.demo()
    try cloud.identity.rotateKeys()
    #expect(try mode(folder + "/0") == 0o600)
    #expect(try String(contentsOfFile: folder + "/2", encoding: .utf8) == staged)
    let new = try await cloud.freshDemo()
    for token in [old, new] { #expect(await cloud.send("GET", "/v3/auth/projects", token: token).status == 200) }
    for _ in 1...2 { try cloud.identity.rotateKeys() }
    #expect(await cloud.send("GET", "/v3/auth/projects", token: old).status == 200)
    try cloud.identity.rotateKeys()
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["0", "2", "3", "4", "5"])
    // Key 1 is gone, three days after it stopped sealing.
    #expect(await cloud.send("GET", "/v3/auth/projects", token: old).isFault(401))
    #expect(await cloud.send("GET", "/v3/auth/projects", token: new).status == 200)
    // A service that starts anew reads the same keys.
    let keys = try KeyRepository(directory: folder, keysMax: 5)
    #expect(keys.open(new) != nil)
    #expect(keys.open(old) == nil)
  }

  @Test func rotationByTheClock() async throws {
    let cloud = try await Fixture()
    let rotation = try #require(cloud.identity.convergers.first { $0.name == "identity.keys" })
    try await rotation.step()
    #expect(try cloud.identity.core.keys.numbers == [0, 1])
    cloud.moveClock(seconds: 86_500)
    try await rotation.step()
    #expect(try cloud.identity.core.keys.numbers == [0, 1, 2])
  }

  /// A crash between the steps of a rotation leaves no staged key: the next start makes one.
  @Test func halfRotation() async throws {
    let cloud = try await Fixture()
    let token = try await cloud.demo()
    let folder = cloud.directory.appending(path: "keys").path
    try FileManager.default.moveItem(atPath: folder + "/0", toPath: folder + "/2")
    let keys = try KeyRepository(directory: folder, keysMax: 3)
    #expect(try keys.numbers == [0, 1, 2])
    #expect(keys.open(token) != nil)
    try Data("no key".utf8).write(to: URL(filePath: folder + "/3"))
    #expect(throws: KeyRepository.Failure.self) { try KeyRepository(directory: folder, keysMax: 3) }
  }

  @Test func whoMayLook() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    let demo = try await cloud.demo()
    func show(_ subject: String, by token: String, _ method: String = "GET") async -> Answer {
      await cloud.send(method, "/v3/auth/tokens", token: token, headers: [("X-Subject-Token", subject)])
    }
    #expect(await show(demo, by: admin).status == 200)
    #expect(await show(demo, by: demo, "HEAD").status == 200)
    #expect(await show(admin, by: demo).isFault(403))
    #expect(await show("nonsense", by: demo).isFault(404))
    #expect(await show("nonsense", by: admin).isFault(404))
    #expect(await show(admin, by: demo, "DELETE").isFault(403))
    #expect(await cloud.send("GET", "/v3/auth/tokens", token: demo).isFault(400))
    // A service may validate, but neither check nor revoke.
    let role = try await cloud.role("service", token: admin)
    let path = "/v3/projects/\(cloud.ids.demoProjectID)/users/\(cloud.ids.demoUserID)/roles/\(role)"
    #expect(await cloud.send("PUT", path, token: admin).status == 204)
    #expect(await show(admin, by: demo).status == 200)
    #expect(await show(admin, by: demo, "HEAD").status == 403)
    #expect(await show(admin, by: demo, "DELETE").isFault(403))
    #expect(await cloud.send("DELETE", path, token: admin).status == 204)
    #expect(await show(demo, by: admin, "DELETE").status == 204)
    #expect(await show(demo, by: admin).isFault(404))
    #expect(await show(demo, by: demo).isFault(401))
  }

  @Test func cascadeFalseKeepsDescendants() async throws {
    let cloud = try await Fixture()
    let parent = try await cloud.demo()
    let child = try await cloud.send("POST", "/v3/auth/tokens", Bodies.token(parent)).token
    let revoked = await cloud.send(
      "DELETE", "/v3/auth/tokens?cascade=false", token: parent, headers: [("X-Subject-Token", parent)])
    #expect(revoked.status == 204)
    #expect(await cloud.send("GET", "/v3/auth/projects", token: parent).isFault(401))
    #expect(await cloud.send("GET", "/v3/auth/projects", token: child).status == 200)
  }

  @Test func revocationsAreForgottenAfterExpiry() async throws {
    let cloud = try await Fixture()
    let token = try await cloud.demo()
    _ = await cloud.send("DELETE", "/v3/auth/tokens", token: token, headers: [("X-Subject-Token", token)])
    func count() async throws -> Int {
      try await cloud.store.read { tx in try tx.count("SELECT count(*) FROM identity_revocation") }
    }
    let cleanup = try #require(cloud.identity.convergers.first { $0.name == "identity.revocations" })
    try await cleanup.step()
    #expect(try await count() == 1)
    // A token that has ended may still be validated for two days: till then it must be known as revoked.
    cloud.moveClock(seconds: 172_800)
    try await cleanup.step()
    #expect(try await count() == 1)
    cloud.moveClock(seconds: 3700)
    try await cleanup.step()
    #expect(try await count() == 0)
  }
}
