import Identity
import Kit
import Store
import Testing

/// Five failures lock a user out for half an hour, and nobody can see that they did.
struct LockoutTests {
  private func attempt(_ cloud: Fixture, _ password: String, user: String = "demo") async -> Answer {
    await cloud.send("POST", "/v3/auth/tokens", Bodies.password(user, password))
  }

  @Test func fiveFailures() async throws {
    let cloud = try await Fixture()
    for _ in 1...4 { #expect(await attempt(cloud, "wrong").status == 401) }
    // A right password forgives.
    #expect(await attempt(cloud, Fixture.demoPassword).status == 201)
    for _ in 1...5 { #expect(await attempt(cloud, "wrong").status == 401) }
    #expect(await attempt(cloud, Fixture.demoPassword).isFault(401))
    cloud.moveClock(seconds: 1000)
    #expect(await attempt(cloud, Fixture.demoPassword).isFault(401))
    cloud.moveClock(seconds: 801)
    // Attempts while it was locked did not lengthen it; the count starts anew.
    #expect(await attempt(cloud, "wrong").status == 401)
    #expect(await attempt(cloud, Fixture.demoPassword).status == 201)
  }

  @Test func guessesAtOnceAreAllCounted() async throws {
    let cloud = try await Fixture()
    await withTaskGroup(of: Void.self) { group in
      for _ in 1...8 { group.addTask { #expect(await attempt(cloud, "wrong").status == 401) } }
    }
    #expect(await attempt(cloud, Fixture.demoPassword).isFault(401))
  }

  @Test func lockSurvivesRestartAndNewPasswordLiftsIt() async throws {
    let cloud = try await Fixture()
    let admin = try await cloud.admin()
    for _ in 1...5 { _ = await attempt(cloud, "wrong") }
    let failed = try await cloud.store.read { tx in
      try tx.count("SELECT failed_logins FROM identity_user WHERE name = 'demo'")
    }
    #expect(failed == 5)
    let reply = await cloud.send(
      "PATCH", "/v3/users/\(cloud.ids.demoUserID)", #"{"user": {"password": "fresh"}}"#, token: admin)
    #expect(reply.status == 200)
    #expect(!reply.text.contains("fresh"))
    #expect(await attempt(cloud, "fresh").status == 201)
  }

  @Test func ownPasswordChange() async throws {
    let cloud = try await Fixture()
    let demo = try await cloud.demo()
    let path = "/v3/users/\(cloud.ids.demoUserID)/password"
    let wrong = await cloud.send(
      "POST", path, #"{"user": {"original_password": "no", "password": "new one"}}"#, token: demo)
    #expect(wrong.isFault(401))
    #expect(await cloud.send("POST", path, #"{"user": {"password": "new one"}}"#, token: demo).isFault(400))
    let other = await cloud.send(
      "POST", "/v3/users/\(cloud.ids.adminUserID)/password",
      #"{"user": {"original_password": "\#(Fixture.adminPassword)", "password": "mine"}}"#, token: demo)
    // Who knows the password is taken for its user, with any token or none: here the admin's.
    #expect(other.status == 204)
    #expect(await attempt(cloud, "mine", user: "admin").status == 201)
    let right = await cloud.send(
      "POST", path, #"{"user": {"original_password": "\#(Fixture.demoPassword)", "password": "new one"}}"#, token: demo)
    #expect(right.status == 204)
    #expect(await cloud.send("GET", "/v3/auth/projects", token: demo).isFault(401))
    #expect(await attempt(cloud, Fixture.demoPassword).status == 401)
    #expect(await attempt(cloud, "new one").status == 201)
  }
}
