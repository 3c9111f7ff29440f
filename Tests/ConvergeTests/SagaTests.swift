import Converge
import ConvergeExam
import Foundation
import Kit
import Logging
import Store
import StoreFixture
import Synchronization
import Testing

/// A saga that takes a thing from a shelf, waits until it is seen outside, and marks it sold.
private struct Shop: Sendable {
  struct Order: Codable, Sendable {
    var thing: String
    var looks = 0
  }

  let directory: String
  let store: any Store
  let uptime = Uptime()

  /// A clock that the test moves; each reading moves it by `stride`.
  final class Uptime: Sendable {
    private let seconds = Mutex((now: 0.0, stride: 3.0))
    var read: @Sendable () -> Duration {
      {
        self.seconds.withLock {
          $0.now += $0.stride
          return .milliseconds(Int64($0.now * 1000))
        }
      }
    }
    func set(stride: Double) { seconds.withLock { $0.stride = stride } }
  }

  /// A cup on the shelf.
  init() async throws {
    directory = NSTemporaryDirectory() + "haneul-converge-" + Identifier.uuid()
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    store = try StoreFixture.make(folder: directory)
    let tables = [
      "CREATE TABLE thing (name TEXT PRIMARY KEY, place TEXT NOT NULL)", "CREATE TABLE sight (name TEXT PRIMARY KEY)",
      "CREATE TABLE ending (saga TEXT NOT NULL, how TEXT NOT NULL)",
    ]
    try await store.migrate(SagaTable.migrations + [Migration(room: "shop", number: 1, .expand, tables)])
    try await store.write { tx in _ = try tx.execute("INSERT INTO thing (name, place) VALUES ('cup', 'shelf')") }
  }

  /// `faulty`: undoing the first step leaves the thing where it is.
  static func sale(faulty: Bool = false, additive: Bool = false) -> SagaKind {
    let take = SagaStep<Order>(
      "take",
      act: { tx, order in
        try tx.execute("UPDATE thing SET place = 'counter' WHERE name = \(order.thing)")
        return .done
      },
      undo: { tx, order in
        if !faulty { try tx.execute("UPDATE thing SET place = 'shelf' WHERE name = \(order.thing)") }
        return .done
      })
    let see = SagaStep<Order>(
      "see",
      act: { tx, order in
        order.looks = 1
        if order.thing == "ghost" { return .failed(reason: "There is no such thing.") }
        return try tx.exists("SELECT 1 FROM sight WHERE name = \(order.thing)") ? .done : .waiting(for: "the light")
      },
      // Looking leaves nothing.
      undo: nil)
    let sell = SagaStep<Order>(
      "sell",
      act: { tx, order in
        if order.thing == "bomb" { throw StoreError(kind: .other, message: "boom") }
        if additive { try tx.execute("INSERT INTO thing (name, place) VALUES (\(Identifier.uuid()), 'copy')") }
        try tx.execute("UPDATE thing SET place = 'sold' WHERE name = \(order.thing)")
        return .done
      },
      undo: { tx, order in
        try tx.execute("UPDATE thing SET place = 'counter' WHERE name = \(order.thing)")
        return .done
      })
    return SagaKind("sale", limits: .init(attemptsMax: 3, secondsMax: 60), steps: [take, see, sell]) { tx, saga, _ in
      try tx.execute("INSERT INTO ending (saga, how) VALUES (\(saga.id), \(saga.error ?? "done"))")
    }
  }

  func runner(_ kind: SagaKind = sale(), probe: SagaProbe? = nil) -> SagaRunner {
    SagaRunner(
      "test.sagas", [kind], store: store, clock: PassClock(longest: .seconds(10), uptime: uptime.read),
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), probe: probe)
  }

  func begin(_ runner: SagaRunner, _ thing: String = "cup", kind: SagaKind = sale()) async throws -> String {
    try await store.write {
      try runner.begin($0, kind, Order(thing: thing), subject: thing, requestID: "req-1", userID: "user").id
    }
  }

  func saga(_ id: String) async throws -> Saga {
    try #require(try await store.read { try SagaTable.find($0, id: id) })
  }

  func place(_ thing: String = "cup") async throws -> String? {
    try await store.read { try $0.first("SELECT place FROM thing WHERE name = \(thing)") { $0.text(0) } }
  }

  func light() async throws {
    try await store.write { _ = try $0.execute("INSERT INTO sight (name) VALUES ('cup') ON CONFLICT DO NOTHING") }
  }

  func world(_ kind: SagaKind) -> SagaExam.World {
    SagaExam.World(
      store: store, runner: { runner(kind, probe: $0) }, begin: { try await begin($0, kind: kind) },
      outside: { try await light() },
      slate: { try await store.read { try $0.query("SELECT place FROM thing ORDER BY place") { $0.text(0) } } })
  }
}

struct SagaTests {
  @Test func theExamPassesAGoodSaga() async throws {
    let kind = Shop.sale()
    let exam = SagaExam(of: kind) { try await Shop().world(kind) }
    #expect(try await exam.complaints() == [])
  }

  /// An exam that cannot fail proves nothing.
  @Test func theExamFindsWhatIsWrong() async throws {
    let faulty = Shop.sale(faulty: true)
    let unclean = try await SagaExam(of: faulty) { try await Shop().world(faulty) }.complaints()
    #expect(unclean.contains { $0.hasPrefix("take actThenFail:") })
    #expect(!unclean.contains { $0.hasPrefix("take fail:") })
    let additive = Shop.sale(additive: true)
    let double = try await SagaExam(of: additive) { try await Shop().world(additive) }.complaints()
    #expect(double.contains { $0.hasPrefix("sell twice:") })
    #expect(!double.contains { $0.hasPrefix("sell breakOff:") })
  }

  @Test func stepsThatCanBeTakenAreTakenAtOnce() async throws {
    let shop = try await Shop()
    let id = try await shop.begin(shop.runner())
    #expect(try await shop.place() == "counter")
    let saga = try await shop.saga(id)
    #expect(saga.step == 1)
    #expect(saga.state == .forward)
    #expect(saga.waitingFor == "the light")
    #expect(saga.input.contains(#""looks":1"#))
  }

  @Test func waitingWritesNothing() async throws {
    let shop = try await Shop()
    let runner = shop.runner()
    _ = try await shop.begin(runner)
    try await runner.step()
    let before = try await shop.store.read { try $0.count("SELECT max(revision) FROM changes") }
    for _ in 0..<3 { try await runner.step() }
    #expect(try await shop.store.read { try $0.count("SELECT max(revision) FROM changes") } == before)
  }

  @Test func anotherProcessCarriesItOn() async throws {
    let shop = try await Shop()
    let id = try await shop.begin(shop.runner())
    try await shop.light()
    try await shop.runner().step()
    #expect(try await shop.saga(id).state == .done)
    #expect(try await shop.place() == "sold")
  }

  @Test func timeEndsIt() async throws {
    let shop = try await Shop()
    let runner = shop.runner()
    let id = try await shop.begin(runner)
    for _ in 0..<19 { try await runner.step() }
    #expect(try await shop.saga(id).state == .forward)
    for _ in 0..<5 { try await runner.step() }
    let saga = try await shop.saga(id)
    #expect(saga.state == .failed)
    #expect(saga.error == "It was not done within 60 seconds, waiting for the light.")
    #expect(try await shop.place() == "shelf")
    let endings = try await shop.store.read { try $0.query("SELECT how FROM ending") { $0.text(0) } }
    #expect(endings == [saga.error])
  }

  /// A process that was held up for an hour, or a host that slept, has not waited for an hour.
  @Test func aLongPauseIsNotItsFault() async throws {
    let shop = try await Shop()
    let runner = shop.runner()
    let id = try await shop.begin(runner)
    try await runner.step()
    shop.uptime.set(stride: 3600)
    try await runner.step()
    #expect(try await shop.saga(id).elapsedMs == 10_000)
    #expect(try await shop.saga(id).state == .forward)
  }

  @Test func aStepThatBreaksOffIsTriedAgainAndGivenUp() async throws {
    let shop = try await Shop()
    try await shop.store.write { tx in
      _ = try tx.execute("INSERT INTO thing (name, place) VALUES ('bomb', 'shelf')")
      try tx.execute("INSERT INTO sight (name) VALUES ('bomb')")
    }
    // At the beginning an error is the caller's, and nothing stays.
    await #expect(throws: StoreError.self) { try await shop.begin(shop.runner(), "bomb") }
    #expect(try await shop.place("bomb") == "shelf")
    let probed = shop.runner(probe: SagaProbe { _, _ in .go })
    let id = try await shop.begin(probed, "bomb")
    let runner = shop.runner()
    try await runner.step()
    var saga = try await shop.saga(id)
    #expect(saga.attempts == 1)
    #expect(saga.retryAtMs > saga.elapsedMs)
    #expect(try await shop.place("bomb") == "counter")
    for _ in 0..<15 { try await runner.step() }
    saga = try await shop.saga(id)
    #expect(saga.state == .failed)
    #expect(saga.error == "Step sell broke off 3 times; control's log has the cause.")
    #expect(try await shop.place("bomb") == "shelf")
  }

  @Test func whatCannotBeDoneIsUnwoundAtOnce() async throws {
    let shop = try await Shop()
    try await shop.store.write { _ = try $0.execute("INSERT INTO thing (name, place) VALUES ('ghost', 'shelf')") }
    let id = try await shop.begin(shop.runner(), "ghost")
    try await shop.runner().step()
    #expect(try await shop.saga(id).state == .failed)
    #expect(try await shop.saga(id).error == "There is no such thing.")
    #expect(try await shop.place("ghost") == "shelf")
  }

  /// What an older or newer release stored is left for it.
  @Test func anUnknownKindIsLeftAlone() async throws {
    let shop = try await Shop()
    let id = try await shop.begin(shop.runner())
    try await shop.light()
    let other = SagaKind("rental", limits: .init(attemptsMax: 1, secondsMax: 1), steps: [SagaStep<Shop.Order>]()) {
      _, _, _ in
    }
    try await shop.runner(other).step()
    #expect(try await shop.saga(id).state == .forward)
  }

  @Test func oneThatHangsDoesNotHoldUpOthers() async throws {
    let shop = try await Shop()
    let runner = shop.runner()
    var first = ""
    for _ in 0..<120 { first = try await shop.begin(runner, "nothing") }
    let id = try await shop.begin(runner)
    try await shop.light()
    try await runner.step()
    #expect(try await shop.saga(id).state == .done)
    #expect(try await shop.saga(first).state == .forward)
  }

  @Test func endedOnesAreKeptWithinBounds() async throws {
    let shop = try await Shop()
    try await shop.light()
    let runner = shop.runner()
    try await shop.store.write { tx in
      for _ in 0..<1005 {
        try runner.begin(tx, Shop.sale(), Shop.Order(thing: "cup"), subject: "cup", requestID: "r", userID: nil)
      }
    }
    try await runner.step()
    #expect(try await shop.store.read { try SagaTable.list($0, subject: "cup").count } == 1000)
  }

  @Test func whatTakesItsPlaceEndsIt() async throws {
    let shop = try await Shop()
    let id = try await shop.begin(shop.runner())
    try await shop.store.write { tx in
      for saga in try SagaTable.open(tx, subject: "cup") {
        try SagaTable.supersede(tx, saga, reason: "The cup is broken.")
      }
    }
    try await shop.runner().step()
    #expect(try await shop.saga(id).state == .failed)
    #expect(try await shop.place() == "counter")
  }
}

struct PassClockTests {
  private final class Hand: Sendable {
    let milliseconds = Mutex<Int64>(500_000)
  }

  @Test func countsWhatPassesWithinBounds() {
    let hand = Hand()
    let clock = PassClock(longest: .seconds(15), uptime: { .milliseconds(hand.milliseconds.withLock { $0 }) })
    #expect(clock.pass() == 0)
    #expect(clock.pass() == 0)
    hand.milliseconds.withLock { $0 += 4_250 }
    #expect(clock.pass() == 4_250)
    hand.milliseconds.withLock { $0 += 3_600_000 }
    #expect(clock.pass() == 15_000)
    hand.milliseconds.withLock { $0 -= 3_600_000 }
    #expect(clock.pass() == 0)
    hand.milliseconds.withLock { $0 += 1_001 }
    #expect(clock.pass() == 1_001)
  }

  /// A loop that is woken all the time counts rarely, and loses nothing.
  @Test func shortPassesAddUp() {
    let hand = Hand()
    let clock = PassClock(longest: .seconds(15), uptime: { .microseconds(hand.milliseconds.withLock { $0 }) })
    var (sum, counts) = (0, 0)
    for _ in 0..<10_001 {
      let passed = clock.pass()
      (sum, counts) = (sum + passed, counts + (passed > 0 ? 1 : 0))
      hand.milliseconds.withLock { $0 += 700 }
    }
    #expect(sum >= 6_000)
    #expect(sum <= 7_000)
    #expect(counts <= 7)
  }

  @Test func theHostsOwnGoesOn() async throws {
    let clock = PassClock(least: .zero, longest: .seconds(15))
    _ = clock.pass()
    try await Task.sleep(for: .milliseconds(20))
    #expect(clock.pass() >= 20)
  }
}
