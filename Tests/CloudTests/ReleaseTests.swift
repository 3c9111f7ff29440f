import Foundation
import Kit
import Logging
import Store
import StoreFixture
import Synchronization
import Testing

@testable import Cloud

/// A control process whose program is too old for the store that it shares with a later release.
struct ReleaseTests {
  /// As a later release does when it takes away what this one uses.
  private static func outgrow(_ cloud: WholeCloudFixture, _ oldest: Int) async throws {
    try await cloud.services.store.write { try $0.execute("UPDATE schema_release SET oldest = \(oldest)") }
  }

  private static func control(_ cloud: WholeCloudFixture) throws -> ControlProcess {
    var settings = cloud.settings
    settings.port = 0
    try cloud.fixture.state.writeSettings(settings)
    return ControlProcess(state: cloud.fixture.state)
  }

  @Test(arguments: StoreEngineKind.allCases) func oneThatRunsStops(_ engine: StoreEngineKind) async throws {
    let cloud = try await WholeCloudFixture(engine)
    let control = try Self.control(cloud)
    let running = Task { () -> (any Error)? in
      do {
        try await control.run(until: { try await $0() }, releaseCheck: .milliseconds(100))
        return nil
      } catch {
        return error
      }
    }
    let socket = cloud.fixture.state.linkSocket(control: 1)
    for _ in 0..<600 where !FileManager.default.fileExists(atPath: socket) {
      try await Task.sleep(for: .milliseconds(50))
    }
    #expect(FileManager.default.fileExists(atPath: socket))
    // Its own release, and the one after: it goes on.
    try await Self.outgrow(cloud, Release.current)
    try await Task.sleep(for: .milliseconds(300))
    #expect(ProcessLock.holder(cloud.fixture.state.lock(.control, 1)) != nil)
    try await Self.outgrow(cloud, Release.current + 2)
    for _ in 0..<600 where ProcessLock.holder(cloud.fixture.state.lock(.control, 1)) != nil {
      try await Task.sleep(for: .milliseconds(50))
    }
    running.cancel()
    let old = try #require(await running.value as? ReleaseTooOld)
    #expect(old.release == Release.current && old.oldest == Release.current + 2)
    #expect(ProcessLock.holder(cloud.fixture.state.lock(.control, 1)) == nil)
  }

  @Test(arguments: StoreEngineKind.allCases) func oneThatStartsSaysWhatToDo(_ engine: StoreEngineKind) async throws {
    let cloud = try await WholeCloudFixture(engine)
    let control = try Self.control(cloud)
    let address = try StoreAddress(state: cloud.fixture.state, settings: cloud.settings)
    let launch = Launch(state: cloud.fixture.state)
    try await launch.checkStore(cloud.settings)
    try await Self.outgrow(cloud, 7)
    let begun = Mutex(false)
    let old = await #expect(throws: ReleaseTooOld.self) {
      try await control.run(until: { _ in begun.withLock { $0 = true } })
    }
    #expect(!begun.withLock { $0 })
    // `haneul up` says it before it starts anything, and `haneul status` does.
    #expect(await ReleaseTooOld.found(address) == old)
    await #expect(throws: ReleaseTooOld.self) { try await launch.checkStore(cloud.settings) }
    let words = old?.description ?? ""
    #expect(words.contains("This haneul is release \(Release.current), the store's schema needs release 7 or later"))
    #expect(words.contains("Install haneul release 7 or later"))
    let report = try await launch.status()
    #expect(report.text.contains(words), "\(report.text)")
  }

  /// systemd does not start again what ends with this.
  @Test func theUnitDoesNotStartItAgain() throws {
    let unit = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../systemd/haneul-control.service")
    let text = try String(contentsOf: unit, encoding: .utf8)
    #expect(text.contains("\nRestartPreventExitStatus=\(ReleaseTooOld.exitStatus)\n"))
  }
}

struct StoreAdviceTests {
  private static let addresses: [StoreAddress] = [
    .sqlite(path: "/var/lib/haneul/control/store.sqlite"), .postgres(.init("postgres://u:secret-word@db/haneul")),
  ]

  /// Each kind of failure has a next step, and none shows the password.
  @Test(arguments: StoreError.Kind.allCases) func everyKindSaysWhatToDoNext(_ kind: StoreError.Kind) {
    let steps = [
      "haneul up", "haneul doctor", "haneul check", "haneul restore", "haneul status", "try again", "make room",
      "remount", "dmesg", "without", "ALTER DATABASE",
    ]
    for address in Self.addresses {
      let problem = CloudStore.problem(address, StoreError(kind: kind, message: "it broke")).description
      #expect(problem.contains("cannot be opened: it broke. "))
      #expect(steps.contains { problem.contains($0) }, "\(problem)")
      #expect(!problem.contains("secret-word"))
    }
  }

  @Test func theEnginesDiffer() {
    let (file, server) = (Self.addresses[0], Self.addresses[1])
    #expect(CloudStore.advice(.unavailable, server).contains("Start PostgreSQL"))
    #expect(!CloudStore.advice(.unavailable, file).contains("PostgreSQL"))
    for kind in [StoreError.Kind.full, .readOnly, .corrupt, .io, .busy, .other] {
      #expect(CloudStore.advice(kind, file) != CloudStore.advice(kind, server), "\(kind)")
    }
    #expect(CloudStore.advice(.corrupt, server).contains("--store"))
    #expect(CloudStore.advice(.full, file).contains("store.sqlite"))
  }

  /// A server that is gone: what starting control, a backup, a check and `haneul status` say.
  @Test func everyCommandSaysItOfAServerThatIsGone() async throws {
    let fixture = try StateFixture()
    var options = CloudOptions(host: nil, port: nil, externalCIDR: nil, externalMasquerade: nil)
    options.store = .init("postgres://haneul@127.0.0.1:1/haneul?connect_timeout=2")
    let settings = try options.settings(existing: nil)
    try fixture.state.writeSettings(settings)
    try StateDirectory.replace(
      fixture.state.storeURL, with: Data((options.store?.reveal() ?? "").utf8), mode: 0o600)
    func told(_ body: () async throws -> Void) async -> String {
      do {
        try await body()
        return "nothing"
      } catch { return "\(error)" }
    }
    let start = await told { try await ControlProcess(state: fixture.state).run(until: { _ in }) }
    let backup = await told {
      _ = try await Backup(state: fixture.state).write(fixture.state.path + "/b", withImages: false)
    }
    let check = await told { _ = try await InvariantCheck.run(state: fixture.state) }
    let status = try await Launch(state: fixture.state).status().text
    let up = await told { try await Launch(state: fixture.state).checkStore(settings) }
    for words in [start, backup, check, status, up] { #expect(words.contains("Start PostgreSQL"), "\(words)") }
    #expect(await ReleaseTooOld.found(try StoreAddress(state: fixture.state, settings: settings)) == nil)
  }
}

struct LogWishTests {
  @Test func formAndLevelInAnyOrder() {
    #expect(ProcessLog.Wish("") == ProcessLog.Wish("sideways,loud"))
    #expect(ProcessLog.Wish("text").form == .text && ProcessLog.Wish("text").level == nil)
    #expect(ProcessLog.Wish("debug").level == .debug && ProcessLog.Wish("debug").form == nil)
    #expect(ProcessLog.Wish("JSON, Error") == ProcessLog.Wish("error,json"))
  }

  @Test func commandsAreQuieterThanDaemons() {
    guard ProcessLog.Wish(ProcessInfo.processInfo.environment["HANEUL_LOG"] ?? "").level == nil else { return }
    #expect(ProcessLog.logger("control").logLevel == .info)
    #expect(ProcessLog.ofCommand("down").logLevel == .warning)
  }
}
