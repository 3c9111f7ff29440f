import Auth
import Identity
import Kit
import Store
import Testing

/// What an operator may demand of passwords.
struct PasswordRuleTests {
  private static let day = 86_400.0

  private func settings(_ passwords: PasswordSettings = PasswordSettings(), inactiveDays: Int = 0) -> IdentitySettings {
    var settings = IdentitySettings()
    settings.passwords = passwords
    settings.inactiveDaysMax = inactiveDays
    return settings
  }

  private func login(_ cloud: Fixture, _ password: String) async -> Answer {
    await cloud.send("POST", "/v3/auth/tokens", Bodies.password("demo", password))
  }

  /// A user's own change, without a token.
  private func change(_ cloud: Fixture, _ old: String, _ new: String) async -> Answer {
    await cloud.send(
      "POST", "/v3/users/\(cloud.ids.demoUserID)/password",
      #"{"user": {"original_password": "\#(old)", "password": "\#(new)"}}"#)
  }

  /// As administrator, who got the token `admin` before the clock was moved, or gets one now.
  private func patch(_ cloud: Fixture, _ members: String) async throws -> Answer {
    await cloud.send(
      "PATCH", "/v3/users/\(cloud.ids.demoUserID)", #"{"user": {\#(members)}}"#, token: try await cloud.freshAdmin())
  }

  @Test func offWhereNothingIsSaid() async throws {
    let cloud = try await Fixture()
    let shown = await cloud.send("GET", "/v3/users/\(cloud.ids.demoUserID)", token: try await cloud.admin())
    #expect(shown.json["user"]?["password_expires_at"] == .null)
    #expect(await change(cloud, Fixture.demoPassword, Fixture.demoPassword).status == 204)
    cloud.moveClock(seconds: 1000 * Self.day)
    let reply = await login(cloud, Fixture.demoPassword)
    #expect(reply.json["token"]?["user"]?["password_expires_at"] == .null)
  }

  @Test func expiry() async throws {
    let cloud = try await Fixture(settings: settings(PasswordSettings(expiresDays: 90)))
    // What was set before it was demanded has no end.
    #expect(await login(cloud, Fixture.demoPassword).status == 201)
    #expect(try await patch(cloud, #""password": "first""#).status == 200)
    let set = cloud.now
    let token = await login(cloud, "first")
    let text = try #require(token.json["token"]?["user"]?["password_expires_at"]?.string)
    let end = try #require(Timestamp(iso8601: text))
    #expect(abs(end.seconds(since: set) - 90 * Self.day) < 60)
    #expect(!text.hasSuffix("Z") && text.hasSuffix(".000000"))
    let shown = await cloud.send("GET", "/v3/users/\(cloud.ids.demoUserID)", token: try await cloud.admin())
    #expect(shown.json["user"]?["password_expires_at"]?.string == text)
    cloud.moveClock(seconds: 90 * Self.day + 1)
    let expired = await login(cloud, "first")
    #expect(expired.isFault(401) && expired.text.contains(cloud.ids.demoUserID))
    // Who does not know it learns nothing of that.
    let wrong = await login(cloud, "wrong")
    #expect(wrong.isFault(401) && !wrong.text.contains(cloud.ids.demoUserID))
    // The user itself ends it, without a token.
    #expect(await change(cloud, "wrong", "second").isFault(401))
    #expect(await change(cloud, "first", "second").status == 204)
    #expect(await login(cloud, "second").status == 201)
    // Or an administrator exempts the user.
    cloud.moveClock(seconds: 91 * Self.day)
    #expect(await login(cloud, "second").isFault(401))
    #expect(try await patch(cloud, #""options": {"ignore_password_expiry": true}"#).status == 200)
    #expect(await login(cloud, "second").status == 201)
  }

  @Test func firstUse() async throws {
    let cloud = try await Fixture(settings: settings(PasswordSettings(changeUponFirstUse: true)))
    #expect(try await patch(cloud, #""password": "given""#).status == 200)
    #expect(await login(cloud, "given").isFault(401))
    #expect(await change(cloud, "given", "own").status == 204)
    #expect(await login(cloud, "own").status == 201)
    #expect(
      try await patch(cloud, #""options": {"ignore_change_password_upon_first_use": true}"#).status == 200)
    #expect(try await patch(cloud, #""password": "given""#).status == 200)
    #expect(await login(cloud, "given").status == 201)
  }

  @Test func history() async throws {
    let cloud = try await Fixture(settings: settings(PasswordSettings(uniqueLastCount: 3)))
    #expect(await change(cloud, Fixture.demoPassword, Fixture.demoPassword).isFault(400))
    #expect(await change(cloud, Fixture.demoPassword, "a").status == 204)
    #expect(await change(cloud, "a", "b").status == 204)
    for used in [Fixture.demoPassword, "a", "b"] { #expect(await change(cloud, "b", used).isFault(400)) }
    #expect(await change(cloud, "b", "c").status == 204)
    // The oldest of them is forgotten, not only not looked at.
    let kept = try await cloud.store.read { tx in try tx.count("SELECT count(*) FROM identity_password") }
    #expect(kept == 2)
    #expect(await change(cloud, "c", Fixture.demoPassword).status == 204)
    // An administrator may set what it likes.
    #expect(try await patch(cloud, #""password": "c""#).status == 200)
  }

  @Test func minimumAge() async throws {
    let cloud = try await Fixture(settings: settings(PasswordSettings(minimumAgeDays: 1)))
    // One that an administrator set may be changed at once.
    #expect(try await patch(cloud, #""password": "given""#).status == 200)
    #expect(await change(cloud, "given", "a").status == 204)
    #expect(await change(cloud, "a", "b").isFault(400))
    cloud.moveClock(seconds: Self.day)
    #expect(await change(cloud, "a", "b").status == 204)
    #expect(try await patch(cloud, #""options": {"lock_password": true}"#).status == 200)
    cloud.moveClock(seconds: Self.day)
    #expect(await change(cloud, "b", "c").isFault(400))
    #expect(await login(cloud, "b").status == 201)
  }

  @Test func form() async throws {
    let pattern = try PasswordPattern(#"(?=.*\d)(?=.*[a-zA-Z]).{7,}$"#)
    let cloud = try await Fixture(
      settings: settings(PasswordSettings(pattern: pattern, patternDescription: "7 characters, one a digit")))
    for poor in ["short1", "without digits", "1234567", ""] {
      let refused = await change(cloud, Fixture.demoPassword, poor)
      #expect(refused.isFault(400) && refused.text.contains("7 characters, one a digit"))
      #expect(try await patch(cloud, #""password": "\#(poor)""#).isFault(400))
      let made = await cloud.send(
        "POST", "/v3/users", #"{"user": {"name": "new", "password": "\#(poor)"}}"#, token: try await cloud.freshAdmin())
      #expect(made.isFault(400))
    }
    #expect(await change(cloud, Fixture.demoPassword, "long enough 1").status == 204)
    #expect(throws: (any Error).self) { try PasswordPattern("(") }
  }

  @Test func inactivity() async throws {
    let cloud = try await Fixture(settings: settings(inactiveDays: 30))
    #expect(await login(cloud, Fixture.demoPassword).status == 201)
    cloud.moveClock(seconds: 29 * Self.day)
    #expect(await login(cloud, Fixture.demoPassword).status == 201)
    cloud.moveClock(seconds: 30 * Self.day)
    let refused = await login(cloud, Fixture.demoPassword)
    let wrong = await login(cloud, "wrong")
    #expect(refused.isFault(401) && refused.text == wrong.text)
    #expect(await change(cloud, Fixture.demoPassword, "other").isFault(401))
  }
}
