import Identity
import Kit
import Store
import Testing

/// Users who were brought from Keystone with the hashes of their passwords.
struct ForeignHashTests {
  private static let password = "Füße & secret"
  private static let bcrypt = "$2b$04$ocyb/264nlvxi8mkSUxV/OaC.kba.bL9.CtsYLgWdZxWroRdP/H9C"
  private static let scrypt = "$scrypt$ln=16,r=8,p=1$dpzp51Fc+tpaPNV1fSSW9g$qrr6PEhMFFyBD2Pqoe3z0pH9Gb98cimdoD+YNpwvjvg"

  private func hash(_ cloud: Fixture) async throws -> String? {
    try await cloud.store.read { tx in
      try tx.first("SELECT password_hash FROM identity_user WHERE name = 'demo'") { $0.textOrNil(0) } ?? nil
    }
  }

  /// The password works; after its first use the hash is one of ours, and nobody was logged out for it.
  @Test func oldKindsGiveWay() async throws {
    let cloud = try await Fixture()
    try await cloud.identity.importPasswordHash(Self.bcrypt, user: cloud.ids.demoUserID)
    #expect(try await hash(cloud) == Self.bcrypt)
    #expect(await cloud.send("POST", "/v3/auth/tokens", Bodies.password("demo", Fixture.demoPassword)).isFault(401))
    #expect(try await hash(cloud) == Self.bcrypt)
    let first = await cloud.send("POST", "/v3/auth/tokens", Bodies.password("demo", Self.password))
    #expect(first.status == 201)
    #expect(try await hash(cloud)?.hasPrefix("$scrypt$ln=14,") == true)
    #expect(await cloud.send("POST", "/v3/auth/tokens", Bodies.password("demo", Self.password)).status == 201)
    #expect(await cloud.send("GET", "/v3/auth/projects", token: try first.token).status == 200)
  }

  /// A stronger hash than ours stays.
  @Test func strongerOnesStay() async throws {
    let cloud = try await Fixture()
    try await cloud.identity.importPasswordHash(Self.scrypt, user: cloud.ids.demoUserID)
    #expect(await cloud.send("POST", "/v3/auth/tokens", Bodies.password("demo", Self.password)).status == 201)
    #expect(try await hash(cloud) == Self.scrypt)
  }

  /// Two logins at once: the first one's new hash does not turn the second away.
  @Test func loginsAtOnce() async throws {
    let cloud = try await Fixture()
    try await cloud.identity.importPasswordHash(Self.bcrypt, user: cloud.ids.demoUserID)
    await withTaskGroup(of: Void.self) { group in
      for _ in 1...3 {
        group.addTask {
          #expect(await cloud.send("POST", "/v3/auth/tokens", Bodies.password("demo", Self.password)).status == 201)
        }
      }
    }
  }

  @Test func whatIsNoHashIsRefused() async throws {
    let cloud = try await Fixture()
    for text in ["", "secret", "$1$abc$def", "$2b$31$" + String(repeating: "a", count: 53)] {
      await #expect(throws: (any Error).self) {
        try await cloud.identity.importPasswordHash(text, user: cloud.ids.demoUserID)
      }
    }
    await #expect(throws: (any Error).self) { try await cloud.identity.importPasswordHash(Self.bcrypt, user: "nobody") }
    // No route takes one: a hash in a password is a password.
    let admin = try await cloud.admin()
    _ = try await cloud.make("/v3/users", #"{"user": {"name": "u", "password": "\#(Self.bcrypt)"}}"#, token: admin)
    #expect(await cloud.send("POST", "/v3/auth/tokens", Bodies.password("u", Self.password)).isFault(401))
    #expect(await cloud.send("POST", "/v3/auth/tokens", Bodies.password("u", Self.bcrypt)).status == 201)
  }
}
