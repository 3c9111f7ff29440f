import Foundation
import Kit
import Testing

@testable import Identity

/// One-time passcodes by the clock.
struct PasscodeTests {
  /// A secret of 20 bytes in base32, as an authenticator program is given it.
  private static let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

  private func passcode(_ cloud: Fixture, steps: Int = 0) throws -> String {
    let bytes = try #require(Passcode.secret(base32: Self.secret))
    return Passcode.passcode(secret: bytes, step: Passcode.step(cloud.now) + steps)
  }

  /// At the beginning of a time step, so that no test crosses into the next one.
  private func prepared() async throws -> Fixture {
    let cloud = try await Fixture()
    let into = Double(cloud.now.microseconds % 30_000_000) / 1_000_000
    cloud.moveClock(seconds: 30.1 - into)
    let body = #"{"credential": {"type": "totp", "blob": "\#(Self.secret)", "user_id": "\#(cloud.ids.demoUserID)"}}"#
    _ = try await cloud.make("/v3/credentials", body, token: try await cloud.admin())
    return cloud
  }

  private func login(_ cloud: Fixture, _ passcode: String, id: String? = nil) async -> Answer {
    await cloud.send(
      "POST", "/v3/auth/tokens",
      #"{"auth": {"identity": {"methods": ["totp"], "totp": {"user": {"id": "\#(id ?? cloud.ids.demoUserID)", "passcode": "\#(passcode)"}}}}}"#
    )
  }

  /// The values of RFC 6238, appendix B, of which six digits are left.
  @Test func valuesOfTheStandard() throws {
    let secret = try #require(Passcode.secret(base32: Self.secret))
    #expect(secret == Array("12345678901234567890".utf8))
    for (seconds, code) in [
      (59, "287082"), (1_111_111_109, "081804"), (1_111_111_111, "050471"), (1_234_567_890, "005924"),
      (2_000_000_000, "279037"), (20_000_000_000, "353130"),
    ] as [(Int64, String)] {
      let moment = Timestamp(microseconds: seconds * 1_000_000)
      #expect(Passcode.passcode(secret: secret, step: Passcode.step(moment)) == code)
      #expect(Passcode.match(code, [[1], secret], at: moment, before: 0) == Passcode.step(moment))
      #expect(Passcode.match(code, [secret], at: moment.adding(seconds: 30), before: 1) == Passcode.step(moment))
      #expect(Passcode.match(code, [secret], at: moment.adding(seconds: 60), before: 1) == nil)
      #expect(Passcode.match(code, [secret], at: moment.adding(seconds: -30), before: 1) == nil)
    }
    #expect(Passcode.match("", [secret], at: .now(), before: 1) == nil)
    #expect(Passcode.secret(base32: "MZXW6===") == Array("foo".utf8))
    for text in ["", "=", "mzxw6", "0189", "A B"] { #expect(Passcode.secret(base32: text) == nil) }
  }

  @Test func eachIsGoodOnce() async throws {
    let cloud = try await prepared()
    let code = try passcode(cloud)
    let reply = await login(cloud, code)
    #expect(reply.status == 201, "\(reply.text)")
    #expect(reply.json["token"]?["methods"]?.array?.compactMap(\.string) == ["totp"])
    #expect(await login(cloud, code).isFault(401))
    // Nor is one of an older step, though it would still be in time.
    #expect(await login(cloud, try passcode(cloud, steps: -1)).isFault(401))
    cloud.moveClock(seconds: 60)
    #expect(await login(cloud, try passcode(cloud, steps: -1)).status == 201)
    #expect(await login(cloud, try passcode(cloud)).status == 201)
    cloud.moveClock(seconds: 90)
    #expect(await login(cloud, try passcode(cloud, steps: -2)).isFault(401))
    #expect(await login(cloud, try passcode(cloud, steps: 1)).isFault(401))
  }

  /// Two who show the same one at once: one of them gets in.
  @Test func atOnce() async throws {
    let cloud = try await prepared()
    let code = try passcode(cloud)
    let statuses = await withTaskGroup(of: Int.self) { group in
      for _ in 1...4 { group.addTask { await login(cloud, code).status } }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(statuses.sorted() == [201, 401, 401, 401])
  }

  /// Guesses lock a user out as wrong passwords do, and nobody sees whether there is such a user or such a secret.
  @Test func guessesAreCounted() async throws {
    let cloud = try await prepared()
    let right = try passcode(cloud)
    let wrong = right == "000000" ? "000001" : "000000"
    let nobody = await login(cloud, wrong, id: "nobody")
    let without = await login(cloud, wrong, id: cloud.ids.adminUserID)
    for _ in 1...5 {
      let answer = await login(cloud, wrong)
      #expect(answer.status == 401 && answer.text == nobody.text && answer.text == without.text)
    }
    #expect(await login(cloud, right).isFault(401))
    #expect(await cloud.send("POST", "/v3/auth/tokens", Bodies.password("demo", Fixture.demoPassword)).isFault(401))
  }
}
