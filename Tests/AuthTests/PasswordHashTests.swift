import Kit
import Testing

@testable import Auth

/// Hashes that were made elsewhere: by Keystone 30 and by passlib 1.7.4, all of the same password.
struct PasswordHashTests {
  private static let password = "Füße & secret"
  private static let hashes = [
    // passlib
    "$scrypt$ln=14,r=8,p=1$Q4gxZowxxjiH0HqPcS4FYA$jh7/K5hL2jrJBgLDopVNfC2/dGd5AYAmkOXZoXqByDA",
    "$2b$04$hb8BBtWJWsQZkwWhXXyq7.s5NH6BJPZY5nKHn73NCyt8hhyhscWOC",
    "$2y$04$Q1kWSUbN5bP7p6gKox6KKe6CFb.AmFNWj/6iOd/0li1g5oBKQqAZ6",
    "$bcrypt-sha256$v=2,t=2b,r=4$MeurxdMwBLfvTP4KUqVhDu$4L7c9Wa9kiYhgYIZSjXxLL3gPfVF5HS",
    "$bcrypt-sha256$2b,4$vUpe.zfIrJQT7uxcaF0Oee$NlJXXYrhXlfRImJpWAS1QLjmQhIc3Xu",
    "$pbkdf2-sha512$1000$zPk/x3hv7f3fe6.V0vrfGw$MMe6wqgqLLBSp2WORu9QEAUXXWu7GAtsvOcSc3kZ.nQf0LwCQW3n0Ucp4l2nT3qLIaVmWO9"
      + "uVjbCpgURjNh.Ug",
    // Keystone
    "$scrypt$ln=16,r=8,p=1$dpzp51Fc+tpaPNV1fSSW9g$qrr6PEhMFFyBD2Pqoe3z0pH9Gb98cimdoD+YNpwvjvg",
    "$2b$04$ocyb/264nlvxi8mkSUxV/OaC.kba.bL9.CtsYLgWdZxWroRdP/H9C",
    "$bcrypt-sha256$v=2,t=2b,r=4$1znwmpPf1NkUEEAEfiwsQu$Qr3EYo9IKSRa3sTRk2scsz/Oa/DRmaq",
    "$pbkdf2-sha512$1000$3EoYk+5fTH94XSOtCYaRnA$rZiKXVNIRR2VqMt6jzua05D8/0pKBuwKZ+m+Uc4dRi1OxiNYMGshkOGKlhEqikOinxaZNBWc"
      + "bhXz/LtEDZ/6Lg",
  ]

  @Test func hashesOfKeystoneAreChecked() async throws {
    let hasher = PasswordHasher()
    for hash in Self.hashes {
      #expect(PasswordHasher.reads(hash))
      #expect(try await hasher.verify(Secret(Self.password), hash: hash), "\(hash)")
      #expect(try await !hasher.verify(Secret(Self.password + "x"), hash: hash), "\(hash)")
      #expect(PasswordHasher.isOutdated(hash) == !hash.hasPrefix("$scrypt$"), "\(hash)")
    }
  }

  /// bcrypt looks at 72 bytes; what follows does not matter, as in Keystone.
  @Test func longPasswords() async throws {
    let hash = "$2b$04$BjsJCcYJrHEA5XDkLZDtMu0/XMHS6jtVRLMVCmK9BBaRxpi7t/SXy"
    let hasher = PasswordHasher()
    for (count, fits) in [(100, true), (72, true), (71, false)] {
      #expect(try await hasher.verify(Secret(String(repeating: "x", count: count)), hash: hash) == fits)
    }
    #expect(try await !hasher.verify(Secret(String(repeating: "x", count: 100) + "\0"), hash: hash))
  }

  /// What is no hash, or one that would take all memory or time, fits nothing and stops nobody.
  @Test func whatIsNoHash() async throws {
    let hasher = PasswordHasher(concurrency: 2, waitingMax: 100)
    for text in [
      "", "secret", "$", "$$$", "$1$abc$def", "$2b$04$short",
      "$2b$31$ocyb/264nlvxi8mkSUxV/OaC.kba.bL9.CtsYLgWdZxWroRdP/H9C",
      "$scrypt$ln=30,r=8,p=1$dpzp51Fc+tpaPNV1fSSW9g$qrr6PEhMFFyBD2Pqoe3z0pH9Gb98cimdoD+YNpwvjvg",
      "$scrypt$ln=14,r=8,p=1$dpzp51Fc+tpaPNV1fSSW9g$", "$scrypt$ln=14$dpzp51Fc$qrr6PEhM",
      "$pbkdf2-sha512$999999999$3EoYk+5fTH94XSOtCYaRnA$rZiKXVNIRR2VqMt6jzua05D8", "$pbkdf2-sha512$-1$3EoY$rZiK",
      "$bcrypt-sha256$v=3,t=2b,r=4$1znwmpPf1NkUEEAEfiwsQu$Qr3EYo9IKSRa3sTRk2scsz/Oa/DRmaq",
      "$bcrypt-sha256$v=2,t=2b$1znwmpPf1NkUEEAEfiwsQu$Qr3EYo9IKSRa3sTRk2scsz/Oa/DRmaq",
    ] {
      #expect(!PasswordHasher.reads(text), "\(text)")
    }
    #expect(try await !hasher.verify(Secret(""), hash: "$2b$04$short"))
    #expect(PasswordHasher.isOutdated("$2b$04$short"))
  }

  @Test func ownHashesAreUpToDate() async throws {
    let hash = try await PasswordHasher().hash(Secret("p"))
    #expect(PasswordHasher.reads(hash) && !PasswordHasher.isOutdated(hash))
    #expect(PasswordHasher.isOutdated(hash.replacing("ln=14", with: "ln=13")))
  }
}
