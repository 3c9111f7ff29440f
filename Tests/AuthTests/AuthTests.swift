import Auth
import Kit
import Testing

struct AuthTests {
  @Test func fernetOpensTheSpecificationsToken() throws {
    let bytes = try #require(Base64URL.decode("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="))
    let key = try #require(FernetKey(bytes: bytes))
    // The vector of github.com/fernet/spec, without its padding, as Keystone writes tokens.
    let token = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA"
    #expect(key.open(token).map { String(decoding: $0, as: UTF8.self) } == "hello")
  }

  @Test func fernetRefusesWhatWasTouched() throws {
    let key = try #require(FernetKey(bytes: Array(0..<32)))
    let other = try #require(FernetKey(bytes: Array(1..<33)))
    let token = try key.seal(Array("payload".utf8), at: .now())
    #expect(key.open(token) == Array("payload".utf8))
    #expect(other.open(token) == nil)
    #expect(key.open(token + "=") == nil)
    for index in token.indices {
      var touched = token
      touched.replaceSubrange(index...index, with: token[index] == "A" ? "B" : "A")
      #expect(key.open(touched) == nil)
    }
    #expect(FernetKey(bytes: [1, 2, 3]) == nil)
  }

  @Test func passwordsAreHashedAndChecked() async throws {
    let hasher = PasswordHasher()
    let hash = try await hasher.hash(Secret("correct horse"))
    #expect(hash.hasPrefix("$scrypt$ln=14,r=8,p=1$"))
    #expect(!hash.contains("correct horse"))
    #expect(try await hasher.hash(Secret("correct horse")) != hash)
    #expect(try await hasher.verify(Secret("correct horse"), hash: hash))
    #expect(try await !hasher.verify(Secret("wrong"), hash: hash))
    #expect(try await !hasher.verify(Secret("correct horse"), hash: nil))
    #expect(try await !hasher.verify(Secret("correct horse"), hash: "not a hash"))
  }

  @Test func rulesSeeRolesAndScopeOnly() {
    let project = Principal.Scope.project(.init(id: "p", name: "p", domainID: "default", domainName: "Default"))
    let member = principal(["member", "reader"], project)
    let reader = principal(["reader"], project)
    let admin = principal(["admin", "manager", "member", "reader"], project)
    let unscoped = principal(["member", "reader"], .unscoped)
    let system = principal(["reader"], .system)
    let table: [(Permission.Rule, [Bool])] = [
      (.open, [true, true, true, true, true]), (.authenticated, [true, true, true, true, true]),
      (.projectReader, [true, true, true, false, false]), (.projectMember, [true, false, true, false, false]),
      (.systemReader, [false, false, true, false, true]), (.admin, [false, false, true, false, false]),
    ]
    for (rule, expected) in table {
      let found = [member, reader, admin, unscoped, system].map { Permission("x", rule).allows($0) }
      #expect(found == expected, "\(rule)")
      #expect(Permission("x", rule).allows(nil) == (rule == .open))
    }
  }

  private func principal(_ roles: [String], _ scope: Principal.Scope) -> Principal {
    Principal(
      userID: "u", userName: "u", userDomainID: "default", userDomainName: "Default", scope: scope,
      roles: roles.map { .init(id: $0, name: $0) }, methods: ["password"], auditIDs: ["a"], issuedAt: .now(),
      expiresAt: .now(), applicationCredential: nil)
  }
}
