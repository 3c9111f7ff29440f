import Foundation
import Store
import StoreFixture
import Testing

/// A store of one engine with a table to play with, removed with the fixture.
final class Shelf: Sendable {
  let folder: URL
  let store: any Store

  init(_ engine: StoreEngineKind) async throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "haneul-store-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    store = try StoreFixture.make(folder: folder.path(), engine)
    try await store.migrate([Self.table])
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  static let table = Migration(
    room: "test", number: 1, .expand,
    ["CREATE TABLE thing (id TEXT PRIMARY KEY, value INTEGER, note TEXT, share REAL, bytes BLOB)"])
}

/// What both engines must do alike.
struct StoreTests {
  @Test(arguments: StoreEngineKind.allCases) func writesAreThereAfterTheAnswer(_ engine: StoreEngineKind) async throws {
    let store = try await Shelf(engine).store
    try await store.write { tx in
      try tx.execute("INSERT INTO thing (id, value, note) VALUES (\("a"), \(7), \(nil as String?))")
    }
    let row = try await store.read { tx in
      try tx.first("SELECT value, note FROM thing WHERE id = \("a")") { ($0.int(0), $0.textOrNil(1)) }
    }
    #expect(row?.0 == 7)
    #expect(row?.1 == nil)
  }

  @Test(arguments: StoreEngineKind.allCases) func whatThrowsLeavesNothing(_ engine: StoreEngineKind) async throws {
    struct Stop: Error {}
    let store = try await Shelf(engine).store
    await #expect(throws: Stop.self) {
      try await store.write { tx in
        try tx.execute("INSERT INTO thing (id) VALUES (\("a"))")
        throw Stop()
      }
    }
    #expect(try await store.read { try $0.count("SELECT count(*) FROM thing") } == 0)
  }

  @Test(arguments: StoreEngineKind.allCases)
  func oneFailureInABatchDoesNotTouchTheOthers(_ engine: StoreEngineKind) async throws {
    let store = try await Shelf(engine).store
    let refused = try await withThrowingTaskGroup(of: Bool.self) { group in
      for number in 0..<300 {
        group.addTask {
          do {
            // Every third id stands twice: its second insert must fail alone.
            let id = number % 3 == 2 ? number - 1 : number
            try await store.write { try $0.execute("INSERT INTO thing (id, value) VALUES (\("\(id)"), \(number))") }
            return false
          } catch let error as StoreError where error.kind == .unique { return true }
        }
      }
      return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(refused == 100)
    #expect(try await store.read { try $0.count("SELECT count(*) FROM thing") } == 200)
  }

  @Test(arguments: StoreEngineKind.allCases) func readersCannotWrite(_ engine: StoreEngineKind) async throws {
    let store = try await Shelf(engine).store
    await #expect(throws: StoreError.self) {
      try await store.read { try $0.execute("INSERT INTO thing (id) VALUES (\("a"))") }
    }
    #expect(try await store.read { try $0.count("SELECT count(*) FROM thing") } == 0)
  }

  @Test(arguments: StoreEngineKind.allCases) func aReadSeesOneMoment(_ engine: StoreEngineKind) async throws {
    let store = try await Shelf(engine).store
    try await store.write { try $0.execute("INSERT INTO thing (id, value) VALUES (\("a"), \(1))") }
    let (looked, wrote) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let reader = Task {
      try await store.read { tx in
        let before = try tx.query("SELECT id FROM thing WHERE id IN (\(list: ["a", "b"]))") { $0.text(0) }
        looked.signal()
        wrote.wait()
        return (before, try tx.query("SELECT id FROM thing WHERE id IN (\(list: ["a", "b"]))") { $0.text(0) })
      }
    }
    await Self.wait(for: looked)
    try await store.write { try $0.execute("INSERT INTO thing (id, value) VALUES (\("b"), \(1))") }
    wrote.signal()
    let (before, after) = try await reader.value
    #expect(before == ["a"])
    #expect(after == ["a"])
  }

  static func wait(for semaphore: DispatchSemaphore) async {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        semaphore.wait()
        continuation.resume()
      }
    }
  }

  @Test(arguments: StoreEngineKind.allCases) func interpolationIsAlwaysBound(_ engine: StoreEngineKind) async throws {
    let store = try await Shelf(engine).store
    let hostile = "x'); DROP TABLE thing; --"
    try await store.write { try $0.execute("INSERT INTO thing (id) VALUES (\(hostile))") }
    let part: SQL = "id = \(hostile)"
    let found = try await store.read { tx in
      try tx.query("SELECT id FROM thing \(SQL.whereAll([part, "value IS NULL"])) LIMIT \(5)") { $0.text(0) }
    }
    #expect(found == [hostile])
  }

  /// Every kind of value comes back as it was given, also at its ends.
  @Test(arguments: StoreEngineKind.allCases) func valuesComeBack(_ engine: StoreEngineKind) async throws {
    let store = try await Shelf(engine).store
    let bytes = (0...255).map { UInt8($0) }
    let texts = ["", "'", "ünï\u{1F600}", "\\x41", "t", "a\nb\tc", String(repeating: "k", count: 100_000)]
    for (index, text) in texts.enumerated() {
      let number = [Int.min, -1, 0, 1, Int.max, 7, 8][index]
      let share = [0.1, -1e300, 1e-300, .pi, 0, .leastNonzeroMagnitude, 1][index]
      let row = try await store.write { tx in
        try tx.execute(
          """
          INSERT INTO thing (id, value, note, share, bytes)
          VALUES (\("\(index)"), \(number), \(text), \(share), \(index == 0 ? [] : bytes))
          """)
        return try tx.first("SELECT value, note, share, bytes FROM thing WHERE id = \("\(index)")") {
          ($0.int(0), $0.text(1), $0.double(2), $0.blob(3))
        }
      }
      #expect(row?.0 == number)
      #expect(row?.1 == text)
      #expect(row?.2 == share)
      #expect(row?.3 == (index == 0 ? [] : bytes))
    }
    let odd = try await store.read { tx in
      try tx.first(
        "SELECT value IS NULL, value = 1, sum(value), count(*) FROM thing WHERE id = '3' GROUP BY value"
      ) { ($0.bool(0), $0.bool(1), $0.int(2), $0.int(3)) }
    }
    #expect(odd?.0 == false)
    #expect(odd?.1 == true)
    #expect(odd?.2 == 1)
    #expect(odd?.3 == 1)
  }

  @Test(arguments: StoreEngineKind.allCases) func aNULIsRefused(_ engine: StoreEngineKind) async throws {
    let store = try await Shelf(engine).store
    for attempt in 0..<2 {
      await #expect("attempt \(attempt)") {
        try await store.write { try $0.execute("INSERT INTO thing (id) VALUES (\("a\0b"))") }
      } throws: { ($0 as? StoreError)?.kind == .unstorable }
      try await store.write { try $0.execute("INSERT INTO thing (id) VALUES (\("kept-\(attempt)"))") }
    }
    #expect(try await store.read { try $0.count("SELECT count(*) FROM thing") } == 2)
  }

  /// Sort orders and pages are those of the bytes, upper case before lower, on both.
  @Test(arguments: StoreEngineKind.allCases) func orderIsThatOfBytes(_ engine: StoreEngineKind) async throws {
    let store = try await Shelf(engine).store
    let ids = ["a", "B", "_", "é", "Z", "aa", "a b", "1", "z", "-"]
    try await store.write { tx in for id in ids { try tx.execute("INSERT INTO thing (id) VALUES (\(id))") } }
    let all = try await store.read { try $0.query("SELECT id FROM thing ORDER BY id") { $0.text(0) } }
    #expect(all == ids.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) })
    let after = try await store.read {
      try $0.query("SELECT id FROM thing WHERE id > \("Z") ORDER BY id") { $0.text(0) }
    }
    #expect(after == Array(all.drop { $0 != "Z" }.dropFirst()))
  }

  /// A failure inside a closure that goes on afterwards, and one nested in another's rows.
  @Test(arguments: StoreEngineKind.allCases) func kindsOfRefusal(_ engine: StoreEngineKind) async throws {
    let store = try await Shelf(engine).store
    try await store.migrate([
      Migration(
        room: "test", number: 2, .expand,
        ["CREATE TABLE part (id TEXT REFERENCES thing (id), size INTEGER CHECK (size > 0))"])
    ])
    func kind(_ sql: SQL) async -> StoreError.Kind? {
      do { _ = try await store.write { try $0.execute(sql) } } catch { return (error as? StoreError)?.kind }
      return nil
    }
    #expect(await kind("INSERT INTO thing (id) VALUES ('a')") == nil)
    #expect(await kind("INSERT INTO thing (id) VALUES ('a')") == .unique)
    #expect(await kind("INSERT INTO part (id) VALUES ('b')") == .foreignKey)
    #expect(await kind("INSERT INTO part (id, size) VALUES ('a', 0)") == .other)
    #expect(await kind("INSERT INTO nothing (id) VALUES ('a')") == .other)
    #expect(await kind("INSERT INTO part (id, size) VALUES ('a', 1)") == nil)
    #expect(await kind("DELETE FROM thing") == .foreignKey)
  }

  @Test(arguments: StoreEngineKind.allCases) func theStoreOpensAgain(_ engine: StoreEngineKind) async throws {
    let fixture = try await Shelf(engine)
    try await fixture.store.write { try $0.execute("INSERT INTO thing (id) VALUES (\("kept"))") }
    guard engine == .sqlite else { return }
    let again = try SQLiteStore(path: fixture.folder.appending(path: "store.db").path())
    #expect(try await again.read { try $0.count("SELECT count(*) FROM thing") } == 1)
  }
}
