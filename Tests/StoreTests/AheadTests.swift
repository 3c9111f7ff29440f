import Store
import StoreFixture
import Testing

/// Statements that travel with the next one: what goes wrong with them is their own closure's, and nobody else's.
struct AheadTests {
  @Test(arguments: StoreEngineKind.allCases) func theyAreRunInOrder(_ engine: StoreEngineKind) async throws {
    let shelf = try await Shelf(engine)
    let seen = try await shelf.store.write { tx in
      try tx.executeAhead("INSERT INTO thing (id, value) VALUES (\("a"), \(1))")
      try tx.executeAhead("UPDATE thing SET value = value + \(1) WHERE id = \("a")")
      let seen = try tx.count("SELECT value FROM thing WHERE id = \("a")")
      try tx.executeAhead("UPDATE thing SET value = value * \(10) WHERE id = \("a")")
      return seen
    }
    #expect(seen == 2)
    #expect(try await shelf.store.read { try $0.count("SELECT value FROM thing") } == 20)
  }

  /// Closures that are committed together: some end with a statement that fails, some go on after one.
  @Test(arguments: StoreEngineKind.allCases)
  func aFailureIsTheClosuresOwn(_ engine: StoreEngineKind) async throws {
    let shelf = try await Shelf(engine)
    try await shelf.store.write { try $0.executeAhead("INSERT INTO thing (id, value) VALUES ('there', 0)") }
    let refused = try await withThrowingTaskGroup(of: Int?.self) { group in
      for number in 0..<300 {
        group.addTask {
          do {
            try await shelf.store.write { tx in
              try tx.executeAhead("INSERT INTO thing (id, value) VALUES (\("n\(number)"), \(number))")
              if number % 3 == 1 { try tx.executeAhead("INSERT INTO thing (id) VALUES (\("there"))") }
              if number % 2 == 0 { try tx.change("thing", "n\(number)") }
            }
            return nil
          } catch let error as StoreError where error.kind == .unique { return number }
        }
      }
      return try await group.reduce(into: Set<Int>()) { if let number = $1 { $0.insert(number) } }
    }
    #expect(refused == Set((0..<300).filter { $0 % 3 == 1 }))
    let (kept, told) = try await shelf.store.read { tx in
      (
        Set(try tx.query("SELECT value FROM thing WHERE id <> 'there'") { $0.int(0) }),
        Set(try tx.query("SELECT object_id FROM changes WHERE kind = 'thing'") { $0.text(0) })
      )
    }
    #expect(kept == Set((0..<300).filter { $0 % 3 != 1 }))
    #expect(told == Set((0..<300).filter { $0 % 3 != 1 && $0 % 2 == 0 }.map { "n\($0)" }))
  }

  @Test(arguments: StoreEngineKind.allCases) func readingStillCannotWrite(_ engine: StoreEngineKind) async throws {
    let shelf = try await Shelf(engine)
    await #expect(throws: StoreError.self) {
      try await shelf.store.read { tx in
        try tx.executeAhead("INSERT INTO thing (id) VALUES ('a')")
        _ = try tx.count("SELECT count(*) FROM thing")
      }
    }
    #expect(try await shelf.store.read { try $0.count("SELECT count(*) FROM thing") } == 0)
  }
}
