import Store
import StoreFixture
import Testing

/// The change feed as its readers see it.
struct ChangesTests {
  private func page(_ store: any Store, after revision: Int64, kinds: [String] = [], limit: Int = 1000) async throws
    -> ChangePage
  {
    try await store.read { try $0.changes(after: revision, kinds: kinds, limit: limit) }
  }

  @Test(arguments: StoreEngineKind.allCases) func theyGrowAndWakeFollowers(_ engine: StoreEngineKind) async throws {
    let store = try await Shelf(engine).store
    let wakes = store.feed.follow()
    let first = try await store.write { try $0.change("thing", "a") }
    let second = try await store.write { try $0.change("thing", "a") }
    #expect(second > first)
    for await revision in wakes where revision >= second { break }
  }

  /// Many write at once, some of them fail, and a reader that asks all the time sees each change once, in order.
  @Test(arguments: StoreEngineKind.allCases) func readersMissNothing(_ engine: StoreEngineKind) async throws {
    struct Stop: Error {}
    let store = try await Shelf(engine).store
    let reader = Task {
      var (last, seen): (Int64, [Change]) = (0, [])
      while seen.count < 400 {
        guard case .changes(let part, let next, _) = try await page(store, after: last, limit: 7) else { return seen }
        seen += part
        last = next
      }
      return seen
    }
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<500 {
        group.addTask {
          _ = try? await store.write { tx in
            try tx.change("thing", "\(number)")
            if number.isMultiple(of: 5) { throw Stop() }
          }
        }
      }
    }
    let seen = try await reader.value
    #expect(seen.map(\.revision) == Array(1...400))
    #expect(Set(seen.map(\.objectID)) == Set((0..<500).filter { !$0.isMultiple(of: 5) }.map(String.init)))
  }

  @Test(arguments: StoreEngineKind.allCases) func pagesAndKinds(_ engine: StoreEngineKind) async throws {
    let store = try await Shelf(engine).store
    #expect(try await page(store, after: 0) == .changes([], last: 0, more: false))
    try await store.write { tx in
      for number in 1...5 { try tx.change(number.isMultiple(of: 2) ? "even" : "odd", "\(number)") }
    }
    guard case .changes(let two, 2, true) = try await page(store, after: 0, limit: 2) else {
      Issue.record("no page of two")
      return
    }
    #expect(two.map(\.objectID) == ["1", "2"])
    guard case .changes(let even, 5, false) = try await page(store, after: 2, kinds: ["even"]) else {
      Issue.record("no page of the even ones")
      return
    }
    #expect(even.map(\.objectID) == ["4"])
    #expect(try await page(store, after: 5) == .changes([], last: 5, more: false))
  }

  /// Who fell behind what is kept, or comes from a store that was ahead, must read everything anew.
  @Test(arguments: StoreEngineKind.allCases) func whoFellBehindLearnsSo(_ engine: StoreEngineKind) async throws {
    let store = try await Shelf(engine).store
    try await store.write { tx in for number in 1...20 { try tx.change("thing", "\(number)") } }
    try await store.compactChanges(keeping: 5)
    #expect(try await store.read { try $0.count("SELECT count(*) FROM changes") } == 5)
    #expect(try await page(store, after: 14) == .resync(last: 20))
    #expect(try await page(store, after: 0) == .resync(last: 20))
    guard case .changes(let kept, 20, false) = try await page(store, after: 15) else {
      Issue.record("what is kept cannot be read")
      return
    }
    #expect(kept.map(\.revision) == Array(16...20))
    #expect(try await page(store, after: 21) == .resync(last: 20))
    // Nothing is left but the last number, from which it goes on.
    try await store.compactChanges(keeping: 0)
    #expect(try await store.write { try $0.change("thing", "next") } == 21)
  }

  @Test(arguments: StoreEngineKind.allCases) func numbersAreSkipped(_ engine: StoreEngineKind) async throws {
    let store = try await Shelf(engine).store
    try await store.write { try $0.change("thing", "a") }
    try await store.write { try $0.skipChanges(to: 1_000_000, "thing", "b") }
    try await store.write { try $0.skipChanges(to: 10, "thing", "c") }
    #expect(try await store.write { try $0.change("thing", "d") } == 1_000_001)
    guard case .changes(let all, 1_000_001, false) = try await page(store, after: 0) else {
      Issue.record("the gap that was skipped is no gap")
      return
    }
    #expect(all.map(\.objectID) == ["a", "b", "d"])
  }

  /// What counts is that the number has grown when the write is answered, and stays where nothing was written.
  @Test func commitsAreCounted() async throws {
    let store = try await Shelf(.sqlite).store
    for number in 0..<50 {
      let before = try #require(store.commits(to: "thing"))
      try await store.write { try $0.execute("INSERT INTO thing (id) VALUES (\("\(number)"))") }
      let after = try #require(store.commits(to: "thing"))
      #expect(after > before)
      try await store.write { _ = try $0.count("SELECT count(*) FROM thing") }
      #expect(store.commits(to: "thing") == after)
    }
    #expect(try await Shelf(.postgres).store.commits(to: "thing") == nil)
  }

  /// Who keeps what he read of some tables is not disturbed by others; by what nobody can tell, everybody is.
  @Test func commitsAreCountedByTheTablesTheyChange() async throws {
    let store = try await Shelf(.sqlite).store
    try await store.write { tx in
      try tx.execute("CREATE TABLE cup_blue (id TEXT PRIMARY KEY)")
      try tx.execute("CREATE TABLE can_red (id TEXT PRIMARY KEY)")
    }
    let statements: [(SQL, cups: Bool, cans: Bool)] = [
      ("INSERT INTO cup_blue (id) VALUES ('a')", true, false),
      ("INSERT OR IGNORE INTO can_red (id) SELECT id FROM cup_blue", false, true),
      ("UPDATE can_red SET id = 'b'", false, true), ("UPDATE OR IGNORE can_red SET id = 'c'", true, true),
      ("DELETE FROM cup_blue WHERE id = 'a'", true, false),
      ("WITH x AS (SELECT 'd' AS id) INSERT INTO can_red (id) SELECT id FROM x", true, true),
    ]
    for (statement, cups, cans) in statements {
      let before = (store.commits(to: "cup"), store.commits(to: "can"))
      try await store.write { tx in _ = try tx.execute(statement) }
      let after = (store.commits(to: "cup"), store.commits(to: "can"))
      #expect((before.0 != after.0) == cups, "\(statement)")
      #expect((before.1 != after.1) == cans, "\(statement)")
    }
  }
}
