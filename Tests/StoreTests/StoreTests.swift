import Foundation
import Store
import Testing

/// A store in a folder of its own, removed with the fixture.
final class StoreFixture: Sendable {
  let folder: URL
  let store: SQLiteStore

  init() async throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "haneul-store-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    store = try SQLiteStore(path: folder.appending(path: "store.sqlite").path())
    try await store.migrate([
      Migration(room: "test", number: 1, ["CREATE TABLE thing (id TEXT PRIMARY KEY, value INTEGER, note TEXT)"])
    ])
  }

  deinit { try? FileManager.default.removeItem(at: folder) }
}

struct StoreTests {
  @Test func writesAreThereAfterTheAnswer() async throws {
    let fixture = try await StoreFixture()
    try await fixture.store.write { tx in
      try tx.execute("INSERT INTO thing (id, value, note) VALUES (\("a"), \(7), \(nil as String?))")
    }
    let row = try await fixture.store.read { tx in
      try tx.first("SELECT value, note FROM thing WHERE id = \("a")") { ($0.int(0), $0.textOrNil(1)) }
    }
    #expect(row?.0 == 7)
    #expect(row?.1 == nil)
  }

  @Test func whatThrowsLeavesNothing() async throws {
    struct Stop: Error {}
    let fixture = try await StoreFixture()
    await #expect(throws: Stop.self) {
      try await fixture.store.write { tx in
        try tx.execute("INSERT INTO thing (id) VALUES (\("a"))")
        throw Stop()
      }
    }
    #expect(try await fixture.store.read { try $0.count("SELECT count(*) FROM thing") } == 0)
  }

  @Test func oneFailureInABatchDoesNotTouchTheOthers() async throws {
    let fixture = try await StoreFixture()
    let store = fixture.store
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

  @Test func readersCannotWrite() async throws {
    let fixture = try await StoreFixture()
    await #expect(throws: StoreError.self) {
      try await fixture.store.read { try $0.execute("INSERT INTO thing (id) VALUES (\("a"))") }
    }
  }

  @Test func aReadSeesOneMoment() async throws {
    let fixture = try await StoreFixture()
    try await fixture.store.write { try $0.execute("INSERT INTO thing (id, value) VALUES (\("a"), \(1))") }
    let counts = try await fixture.store.read { tx in
      (
        try tx.count("SELECT count(*) FROM thing"),
        try tx.query("SELECT id FROM thing WHERE id IN (\(list: ["a", "b"]))") { $0.text(0) }
      )
    }
    #expect(counts.0 == 1)
    #expect(counts.1 == ["a"])
  }

  @Test func changesGrowAndWakeFollowers() async throws {
    let fixture = try await StoreFixture()
    let wakes = fixture.store.feed.follow()
    let first = try await fixture.store.write { try $0.change("thing", "a") }
    let second = try await fixture.store.write { try $0.change("thing", "a") }
    #expect(second > first)
    for await revision in wakes where revision >= second { break }
  }

  @Test func migrationsRunOnce() async throws {
    let fixture = try await StoreFixture()
    try await fixture.store.migrate([
      Migration(room: "test", number: 1, ["CREATE TABLE thing (id TEXT)"]),
      Migration(room: "test", number: 2, ["ALTER TABLE thing ADD COLUMN more TEXT"]),
    ])
    try await fixture.store.write { try $0.execute("INSERT INTO thing (id, more) VALUES (\("a"), \("m"))") }
  }

  @Test func interpolationIsAlwaysBound() async throws {
    let fixture = try await StoreFixture()
    let hostile = "x'); DROP TABLE thing; --"
    try await fixture.store.write { try $0.execute("INSERT INTO thing (id) VALUES (\(hostile))") }
    let part: SQL = "id = \(hostile)"
    let found = try await fixture.store.read { tx in
      try tx.query("SELECT id FROM thing \(SQL.whereAll([part, "value IS NULL"])) LIMIT \(5)") { $0.text(0) }
    }
    #expect(found == [hostile])
  }

  @Test func theStoreOpensAgain() async throws {
    let fixture = try await StoreFixture()
    try await fixture.store.write { try $0.execute("INSERT INTO thing (id) VALUES (\("kept"))") }
    let again = try SQLiteStore(path: fixture.folder.appending(path: "store.sqlite").path())
    #expect(try await again.read { try $0.count("SELECT count(*) FROM thing") } == 1)
  }
}
