import StoreFixture
import Testing

@testable import Store

/// Releases that share a store, and those that cannot.
struct MigrationTests {
  private static let more = Migration(room: "test", number: 2, .expand, ["ALTER TABLE thing ADD COLUMN more TEXT"])
  private static let less = Migration(
    room: "test", number: 3, .contract(usableFrom: 2), ["ALTER TABLE thing DROP COLUMN note"])

  @Test(arguments: StoreEngineKind.allCases) func theyRunOnce(_ engine: StoreEngineKind) async throws {
    let store = try await Shelf(engine).store
    try await store.migrate([Migration(room: "test", number: 1, .expand, ["CREATE TABLE thing (id TEXT)"]), Self.more])
    try await store.migrate([Shelf.table, Self.more])
    try await store.write { try $0.execute("INSERT INTO thing (id, more) VALUES (\("a"), \("m"))") }
  }

  /// A process of the release before goes on with a schema that only grew.
  @Test(arguments: StoreEngineKind.allCases) func neighboursShareASchema(_ engine: StoreEngineKind) async throws {
    let store = try await Shelf(engine).store
    try await store.migrate([Shelf.table, Self.more], release: 2)
    try await store.checkRelease(1)
    try await store.migrate([Shelf.table], release: 1)
    try await store.write { try $0.execute("INSERT INTO thing (id, note) VALUES (\("old"), \("n"))") }
    #expect(try await store.read { try $0.count("SELECT count(*) FROM thing WHERE more IS NULL") } == 1)
  }

  /// One that is too old says so, changes nothing, and a running one learns of it.
  @Test(arguments: StoreEngineKind.allCases) func tooOldStops(_ engine: StoreEngineKind) async throws {
    let store = try await Shelf(engine).store
    try await store.migrate([Shelf.table, Self.more, Self.less], release: 3)
    let refused = SchemaTooNew(release: 1, oldest: 2)
    let late = Migration(room: "late", number: 1, .expand, ["CREATE TABLE late (id TEXT)"])
    await #expect(throws: refused) { try await store.migrate([Shelf.table, late], release: 1) }
    await #expect(throws: refused) { try await store.checkRelease(1) }
    #expect(refused.description.contains("release 1") && refused.description.contains("release 2 and later"))
    #expect(try await !store.read { try $0.exists("SELECT 1 FROM migration WHERE room = 'late'") })
    try await store.checkRelease(2)
    try await store.migrate([Shelf.table, Self.more], release: 2)
  }

  /// A contraction of an earlier release never makes the schema older again.
  @Test(arguments: StoreEngineKind.allCases) func theOldestReleaseOnlyGrows(_ engine: StoreEngineKind) async throws {
    let store = try await Shelf(engine).store
    let earlier = Migration(room: "other", number: 1, .contract(usableFrom: 1), ["CREATE TABLE other (id TEXT)"])
    try await store.migrate([Shelf.table, Self.less, earlier], release: 4)
    await #expect(throws: SchemaTooNew(release: 1, oldest: 2)) { try await store.checkRelease(1) }
  }

  @Test(arguments: StoreEngineKind.allCases) func aFailingOneLeavesNothing(_ engine: StoreEngineKind) async throws {
    let store = try await Shelf(engine).store
    let bad = Migration(
      room: "bad", number: 1, .expand, ["CREATE TABLE good (id TEXT)", "CREATE TABLE thing (id TEXT)"])
    await #expect(throws: StoreError.self) { try await store.migrate([bad]) }
    let good = Migration(room: "bad", number: 1, .expand, ["CREATE TABLE good (id TEXT)"])
    try await store.migrate([good])
  }

  @Test(arguments: StoreEngineKind.allCases) func someAtOnce(_ engine: StoreEngineKind) async throws {
    let store = try await Shelf(engine).store
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<8 { group.addTask { try await store.migrate([Shelf.table, Self.more, Self.less], release: 2) } }
      try await group.waitForAll()
    }
  }

  @Test(arguments: StoreEngineKind.allCases) func anEngineMayHaveWordsOfItsOwn(_ engine: StoreEngineKind) async throws {
    let store = try await Shelf(engine).store
    let made = Migration(
      room: "words", number: 1, .expand, ["CREATE TABLE words (engine TEXT)", "INSERT INTO words VALUES ('sqlite')"],
      onPostgres: ["CREATE TABLE words (engine text)", "INSERT INTO words VALUES ('postgres')"])
    try await store.migrate([made])
    #expect(try await store.read { try $0.first("SELECT engine FROM words") { $0.text(0) } } == engine.rawValue)
  }
}
