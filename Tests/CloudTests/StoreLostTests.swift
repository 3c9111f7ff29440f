import API
import Foundation
import Kit
import Logging
import Store
import StoreFixture
import Synchronization
import Testing

@testable import Cloud

/// A store that is gone, another cloud's, or found again.
struct StoreLostTests {
  private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  private func settings() throws -> CloudSettings {
    try CloudOptions(host: nil, port: nil, externalCIDR: nil, externalMasquerade: nil).settings(existing: nil)
  }

  private func services(_ fixture: StateFixture, _ settings: CloudSettings) async throws -> Services {
    try await Services(state: fixture.state, settings: settings, logger: quiet)
  }

  private func bring(_ logins: CloudsYAML, reset: Bool, to fixture: StateFixture) throws {
    let passwords = BootstrapPasswords(logins, reset: reset)
    try JSONEncoder().encode(passwords).write(to: URL(filePath: fixture.state.bootstrap))
  }

  private func status(_ services: Services, _ user: String, _ password: Secret<String>) async -> Int {
    let body =
      #"{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"\#(user)","domain":{"id":"default"},"#
      + #""password":"\#(password.reveal())"}}},"scope":{"project":{"name":"\#(user)","domain":{"id":"default"}}}}}"#
    return await services.gateway.respond(
      to: RawRequest(
        method: "POST", target: "/identity/v3/auth/tokens", headers: [], body: BodyStream(bytes: Array(body.utf8)),
        baseURL: "http://cloud", remoteAddress: nil)
    ).status
  }

  private func removeStore(_ fixture: StateFixture) throws {
    for suffix in ["", "-wal", "-shm"] {
      try? FileManager.default.removeItem(atPath: fixture.state.store + suffix)
    }
    #expect(!FileManager.default.fileExists(atPath: fixture.state.store))
  }

  @Test func aLostStoreBeginsAnewWithTheSameLogins() async throws {
    let fixture = try StateFixture()
    let (settings, logins) = (try settings(), CloudsYAML())
    do {
      let services = try await services(fixture, settings)
      try bring(logins, reset: true, to: fixture)
      try await services.bootstrap(state: fixture.state, settings: settings)
      #expect(await status(services, "admin", logins.adminPassword) == 201)
      #expect(!FileManager.default.fileExists(atPath: fixture.state.bootstrap))
    }
    try removeStore(fixture)
    let fresh = try await services(fixture, settings)
    // Started by hand, without the logins: it says what to do instead of serving a cloud that nobody can enter.
    await #expect(throws: CloudProblem.self) { try await fresh.bootstrap(state: fixture.state, settings: settings) }
    try bring(logins, reset: false, to: fixture)
    try await fresh.bootstrap(state: fixture.state, settings: settings)
    #expect(await status(fresh, "admin", logins.adminPassword) == 201)
    #expect(await status(fresh, "demo", logins.memberPassword) == 201)
    let external = try await fresh.store.read { try $0.count("SELECT count(*) FROM network WHERE external = 1") }
    #expect(external == 1)
  }

  @Test func loginsOfAStoreThatHasUsersStayAsTheyAre() async throws {
    let fixture = try StateFixture()
    let (settings, old, new) = (try settings(), CloudsYAML(), CloudsYAML())
    let services = try await services(fixture, settings)
    try bring(old, reset: true, to: fixture)
    try await services.bootstrap(state: fixture.state, settings: settings)
    // clouds.yaml is older than a password that was changed since: `haneul up` does not turn it back.
    try bring(new, reset: false, to: fixture)
    try await services.bootstrap(state: fixture.state, settings: settings)
    #expect(await status(services, "admin", old.adminPassword) == 201)
    #expect(await status(services, "admin", new.adminPassword) == 401)
    #expect(!FileManager.default.fileExists(atPath: fixture.state.bootstrap))
    // clouds.yaml was lost: the new one counts.
    try bring(new, reset: true, to: fixture)
    try await services.bootstrap(state: fixture.state, settings: settings)
    #expect(await status(services, "admin", new.adminPassword) == 201)
  }

  @Test func anotherCloudsStoreIsNotTouched() async throws {
    let fixture = try StateFixture()
    let (mine, other) = (try settings(), try settings())
    _ = try await services(fixture, other)
    let before = try await tables(fixture)
    let problem = await #expect(throws: CloudProblem.self) { _ = try await services(fixture, mine) }
    #expect(problem?.description.contains(other.cloudID) == true)
    #expect(problem?.description.contains(mine.cloudID) == true)
    #expect(try await tables(fixture) == before)
    // Its own cloud still finds it.
    _ = try await services(fixture, other)
  }

  private func tables(_ fixture: StateFixture) async throws -> [String] {
    try SQLitePeek.read(path: fixture.state.store) { tx in
      try tx.query("SELECT name || sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name") { $0.text(0) }
        + tx.query("SELECT cloud_id || epoch FROM cloud") { $0.text(0) }
    }
  }

  @Test func aStoreWithoutItsSettingsIsNoPlaceForANewCloud() async throws {
    let fixture = try StateFixture()
    try CloudStore.refuseOrphan(fixture.state)
    let settings = try settings()
    _ = try await services(fixture, settings)
    let problem = #expect(throws: CloudProblem.self) { try CloudStore.refuseOrphan(fixture.state) }
    #expect(problem?.description.contains(settings.cloudID) == true)
  }

  /// The API while the store's disk takes nothing: it says so in each service's shape, reading goes on, and so does
  /// everything once there is room.
  @Test func aFullStoreIsSaidAndPasses() async throws {
    let cloud = try await WholeCloudFixture(.sqlite)
    func pages(_ count: String) async throws {
      try await cloud.services.store.write { tx in
        _ = try tx.query("PRAGMA max_page_count = \(raw: count)") { $0.int(0) }
      }
    }
    try await pages("1")
    let body = #"{"network": {"name": ""# + String(repeating: "n", count: 200) + #""}}"#
    var refused = 0
    // What fits into pages that are there already goes well.
    for _ in 0..<500 where refused < 3 {
      let reply = await cloud.send("POST", "/network/v2.0/networks", token: cloud.admin, body: body)
      if reply.status == 201 { continue }
      refused += 1
      #expect(reply.status == 503)
      #expect(reply.headers.contains { $0.name == "Retry-After" })
      #expect(try JSONValue(parsing: reply.text)["NeutronError"]?["message"]?.string?.contains("disk is full") == true)
      #expect(await cloud.send("GET", "/network/v2.0/networks?limit=1", token: cloud.member).status == 200)
    }
    #expect(refused == 3)
    try await pages("1000000")
    #expect(await cloud.send("POST", "/network/v2.0/networks", token: cloud.admin, body: body).status == 201)
  }

  @Test func aDamagedStoreIsSaid() async throws {
    let fixture = try StateFixture()
    try Data(repeating: 0x5a, count: 8192).write(to: URL(filePath: fixture.state.store))
    let problem = await #expect(throws: CloudProblem.self) { _ = try await services(fixture, settings()) }
    #expect(problem?.description.contains("backup") == true)
  }
}

struct BoundedLogTests {
  @Test func aLoopOfFailuresDoesNotFillTheDisk() {
    let now = Mutex(SuspendingClock.now)
    let account = LogAccount { now.withLock { $0 } }
    let written = (0..<100_000).compactMap { _ in account.admit("here") }
    #expect(written.count == LogAccount.linesMax)
    #expect(account.admit("elsewhere") == 0)
    now.withLock { $0 = $0.advanced(by: .seconds(LogAccount.windowSeconds)) }
    // What was left out is said once.
    #expect(account.admit("here") == 100_000 - LogAccount.linesMax)
    #expect(account.admit("here") == 0)
  }
}
