import Foundation
import Kit
import Logging
import Store
import StoreFixture
import Synchronization
import Testing

@testable import Converge

/// Two processes, as far as leases can tell: two keepers on one store, under a clock that the test moves.
private final class Pair: Sendable {
  let directory: String
  let store: any Store
  private let now = Mutex(SuspendingClock.now)

  init(_ engine: StoreEngineKind) async throws {
    directory = NSTemporaryDirectory() + "haneul-lease-" + Identifier.uuid()
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    store = try StoreFixture.make(folder: directory, engine)
    try await store.migrate(LeaseTable.migrations)
    try await store.write { tx in _ = try tx.execute("CREATE TABLE done (step TEXT NOT NULL)") }
  }

  deinit { try? FileManager.default.removeItem(atPath: directory) }

  func keeper(_ holder: String) -> LeaseKeeper {
    LeaseKeeper(store: store, holder: holder, logger: .quiet, now: { self.now.withLock { $0 } })
  }

  func wait(_ seconds: Int) { now.withLock { $0 = $0.advanced(by: .seconds(seconds)) } }

  func done() async throws -> [String] {
    try await store.read { try $0.query("SELECT step FROM done ORDER BY step") { $0.text(0) } }
  }
}

extension Logger {
  fileprivate static var quiet: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }
}

/// Says of each of its steps which process took it.
private struct Worker: Converger {
  let process: String
  let store: any Store
  var name: String { "test.worker" }
  var interval: Duration { .milliseconds(20) }
  var followsChanges: Bool { false }

  func step() async throws {
    let process = process
    try await store.write { _ = try $0.execute("INSERT INTO done (step) VALUES (\(process))") }
  }
}

struct LeaseTests {
  @Test(arguments: StoreEngineKind.allCases) func oneHoldsAndTheOtherWaitsUntilItIsSilent(
    _ engine: StoreEngineKind
  ) async throws {
    let pair = try await Pair(engine)
    let (a, b) = (pair.keeper("host/1"), pair.keeper("host/2"))
    try await a.look()
    try await b.look()
    let first = try #require(a.lease)
    #expect(b.lease == nil)
    // It lives, and says so: nobody takes anything, however long that goes on.
    for _ in 0..<5 {
      pair.wait(4)
      try await a.look()
      try await b.look()
      #expect(a.lease == first && b.lease == nil)
    }
    pair.wait(4)
    try await b.look()
    #expect(b.lease == nil)
    // After as long without a beat the holder itself begins nothing any more.
    pair.wait(1)
    #expect(a.lease == nil)
    try await b.look()
    let second = try #require(b.lease)
    #expect(second.fence == first.fence + 1)
    // The one that was silent learns it, and waits in its turn.
    try await a.look()
    #expect(a.lease == nil)
    #expect(b.lease == second)
  }

  /// The proof that no step runs twice: a process is paused in the middle of a step, another goes on, and what the
  /// first one writes when it wakes up is refused.
  @Test(arguments: StoreEngineKind.allCases) func aPausedHolderWritesNothingAfterItsLeaseWasTaken(
    _ engine: StoreEngineKind
  ) async throws {
    let pair = try await Pair(engine)
    let (a, b) = (pair.keeper("host/1"), pair.keeper("host/2"))
    try await a.look()
    try await b.look()
    let fenced = FencedStore(pair.store)
    let old = try #require(a.lease)
    let (pause, goOn) = AsyncStream.makeStream(of: Void.self)
    let (looks, looked) = AsyncStream.makeStream(of: Void.self)
    let step = Task {
      try await Lease.$current.withValue(old) {
        // What it decided on was true when it looked.
        let nothing = try await fenced.read { try $0.count("SELECT count(*) FROM done") } == 0
        looked.yield()
        for await _ in pause { break }
        if nothing { try await fenced.write { _ = try $0.execute("INSERT INTO done (step) VALUES ('twice')") } }
      }
    }
    for await _ in looks { break }
    pair.wait(6)
    try await b.look()
    let new = try #require(b.lease)
    try await Lease.$current.withValue(new) {
      _ = try await fenced.write { try $0.execute("INSERT INTO done (step) VALUES ('once')") }
    }
    goOn.yield()
    await #expect(throws: Lease.Lost(lease: old)) { try await step.value }
    #expect(try await pair.done() == ["once"])
    // Work under no lease, a request of the API, is not concerned.
    try await fenced.write { _ = try $0.execute("INSERT INTO done (step) VALUES ('request')") }
    #expect(try await pair.done() == ["once", "request"])
  }

  @Test(arguments: StoreEngineKind.allCases) func theOtherCarriesOnWhenOneEnds(_ engine: StoreEngineKind) async throws {
    let pair = try await Pair(engine)
    let fenced = FencedStore(pair.store)
    func start(_ process: String) -> Task<Void, Never> {
      let leases = LeaseKeeper(store: pair.store, holder: process, logger: .quiet)
      let loop = ConvergeLoop([Worker(process: process, store: fenced)], store: fenced, leases: leases, logger: .quiet)
      return Task { await loop.run() }
    }
    func until(_ process: String) async throws {
      for _ in 0..<3000 {
        if try await pair.done().contains(process) { return }
        try await Task.sleep(for: .milliseconds(10))
      }
      Issue.record("\(process) did nothing within 30 seconds")
    }
    let first = start("one")
    try await until("one")
    let second = start("two")
    try await Task.sleep(for: .milliseconds(300))
    #expect(try await !pair.done().contains("two"))
    first.cancel()
    await first.value
    let before = try await pair.done().filter { $0 == "one" }.count
    try await until("two")
    second.cancel()
    await second.value
    #expect(try await pair.done().filter { $0 == "one" }.count == before)
  }

  @Test func aProcessStartedAnewTakesWhatItHeldAtOnce() async throws {
    let pair = try await Pair(.sqlite)
    let dead = pair.keeper("host/1")
    try await dead.look()
    let again = pair.keeper("host/1")
    try await again.look()
    #expect(again.lease?.fence == 2)
  }

  /// While the store is gone nobody's beats are seen: that is not silence.
  @Test func anOutageOfTheStoreMakesNobodySilent() async throws {
    let pair = try await Pair(.sqlite)
    let (a, b) = (pair.keeper("host/1"), pair.keeper("host/2"))
    try await a.look()
    try await b.look()
    pair.wait(4)
    b.couldNotLook()
    pair.wait(4)
    try await b.look()
    #expect(b.lease == nil)
    // It is still the holder's, which beats again.
    try await a.look()
    #expect(a.lease?.fence == 1)
  }

  /// Alone on a store nothing is written for leases: there need not even be a table.
  @Test func withoutOthersThereAreNoLeases() async throws {
    let directory = NSTemporaryDirectory() + "haneul-lease-" + Identifier.uuid()
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let store = try SQLiteStore(path: directory + "/store.db")
    try await store.write { _ = try $0.execute("CREATE TABLE done (step TEXT NOT NULL)") }
    let loop = ConvergeLoop([Worker(process: "alone", store: store)], store: store, logger: .quiet)
    let task = Task { await loop.run() }
    for _ in 0..<3000 where try await store.read({ try $0.count("SELECT count(*) FROM done") }) == 0 {
      try await Task.sleep(for: .milliseconds(10))
    }
    task.cancel()
    await task.value
    #expect(try await store.read { try $0.count("SELECT count(*) FROM done") } > 0)
  }

  /// What another process counted meanwhile is not counted again.
  @Test func aClockBeginsAnewWithALease() {
    let seconds = Mutex(0)
    let clock = PassClock(longest: .seconds(60), uptime: { .seconds(seconds.withLock { $0 }) })
    func pass(_ fence: Int64, at second: Int) -> Int {
      seconds.withLock { $0 = second }
      return Lease.$current.withValue(Lease(name: "l", holder: "h", fence: fence)) { clock.pass() }
    }
    #expect(pass(1, at: 0) == 0)
    #expect(pass(1, at: 10) == 10_000)
    #expect(pass(3, at: 40) == 0)
    #expect(pass(3, at: 45) == 5000)
  }
}
