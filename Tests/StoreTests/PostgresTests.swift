import Foundation
import StoreFixture
import Testing

@testable import Store

/// What only PostgreSQL can do: others that write to the same store, and a server that goes away.
struct PostgresTests {
  private func kind(_ body: () async throws -> Void) async -> StoreError.Kind? {
    do { try await body() } catch { return (error as? StoreError)?.kind }
    return nil
  }

  /// Two stores on one schema, as two control processes have.
  private func two() async throws -> (one: PostgresStore, other: PostgresStore) {
    let address = try PostgresServer.shared.get().address()
    let one = try PostgresStore(url: address)
    try await one.migrate([Shelf.table])
    return (one, try PostgresStore(url: address))
  }

  @Test func whatOneWritesWakesTheOther() async throws {
    let (one, other) = try await two()
    let wakes = other.feed.follow()
    // The other listens since some moment; it wakes everybody then, too.
    let revision = try await one.write { try $0.change("thing", "a") }
    for await woken in wakes where woken >= revision { break }
    let again = try await one.write { try $0.change("thing", "b") }
    for await woken in wakes where woken >= again { break }
    #expect(try await other.read { try $0.newestRevision() } == again)
  }

  /// Read, think and write in two processes at once: none is lost, and none has to be run again.
  @Test func writersTakeTurns() async throws {
    let (one, other) = try await two()
    try await one.write { try $0.execute("INSERT INTO thing (id, value) VALUES ('sum', 0)") }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<400 {
        group.addTask {
          try await (number.isMultiple(of: 2) ? one : other).write { tx in
            let value = try tx.count("SELECT value FROM thing WHERE id = 'sum'")
            try tx.change("thing", "\(number)")
            try tx.execute("UPDATE thing SET value = \(value + 1) WHERE id = 'sum'")
          }
        }
      }
      try await group.waitForAll()
    }
    let (sum, revisions) = try await other.read { tx in
      (
        try tx.count("SELECT value FROM thing"),
        try tx.query("SELECT revision FROM changes ORDER BY revision") { $0.int(0) }
      )
    }
    #expect(sum == 400)
    #expect(revisions == Array(1...400))
  }

  /// A process that hangs in its turn is thrown out, so that the others have theirs.
  @Test func whoHangsInItsTurnLosesIt() async throws {
    let (one, other) = try await two()
    let (began, goOn) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let hanging = Task {
      try await one.write { tx in
        try tx.execute("INSERT INTO thing (id) VALUES ('hanging')")
        began.signal()
        goOn.wait()
        try tx.execute("INSERT INTO thing (id) VALUES ('late')")
      }
    }
    await StoreTests.wait(for: began)
    try await other.write { try $0.execute("INSERT INTO thing (id) VALUES ('other')") }
    goOn.signal()
    #expect(await kind { _ = try await hanging.value } == .unavailable)
    #expect(try await other.read { try $0.query("SELECT id FROM thing") { $0.text(0) } } == ["other"])
    try await one.write { try $0.execute("INSERT INTO thing (id) VALUES ('again')") }
  }

  /// A session that goes while it commits: nobody knows, and that is what is said.
  @Test func anUnknownOutcomeIsCalledSo() async throws {
    let (one, other) = try await two()
    try await one.write { tx in
      try tx.execute(
        """
        CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $body$
        BEGIN PERFORM pg_sleep(20); RETURN NULL; END $body$
        """)
      try tx.execute(
        """
        CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON thing DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
        EXECUTE FUNCTION slow()
        """)
    }
    let pid = try await one.write { try $0.count("SELECT pg_backend_pid()") }
    let writing = Task { try await one.write { try $0.execute("INSERT INTO thing (id) VALUES ('a')") } }
    let ended = try await Self.eventually {
      try await other.read { tx in
        try tx.exists(
          """
          SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE pid = \(pid) AND query = 'COMMIT' AND wait_event = 'PgSleep'
          """)
      }
    }
    #expect(ended)
    #expect(await kind { _ = try await writing.value } == .outcomeUnknown)
    #expect(StoreError(kind: .outcomeUnknown, message: "").isOutage)
    #expect(try await other.read { try $0.count("SELECT count(*) FROM thing") } == 0)
  }

  private static func eventually(_ body: () async throws -> Bool) async throws -> Bool {
    for _ in 0..<600 {
      if try await body() { return true }
      try await Task.sleep(for: .milliseconds(50))
    }
    return false
  }

  /// Restarted while nobody looked: nobody notices. Gone: everything is refused, and goes on by itself.
  @Test func aServerThatWasAwayIsTakenUpAgain() async throws {
    let server = try PostgresServer(syncs: false)
    let store = try PostgresStore(url: server.address())
    try await store.migrate([Shelf.table])
    try await store.write { try $0.execute("INSERT INTO thing (id) VALUES ('before')") }
    for _ in 0..<8 { _ = try await store.read { try $0.count("SELECT count(*) FROM thing") } }
    try server.stop()
    try server.start()
    try await store.write { try $0.execute("INSERT INTO thing (id) VALUES ('restarted')") }
    for _ in 0..<8 { #expect(try await store.read { try $0.count("SELECT count(*) FROM thing") } == 2) }
    let wakes = store.feed.follow()
    try server.stop("immediate")
    await withTaskGroup(of: StoreError.Kind?.self) { group in
      for number in 0..<20 {
        group.addTask { await kind { _ = try await store.read { try $0.count("SELECT count(*) FROM thing") } } }
        group.addTask {
          await kind { _ = try await store.write { try $0.execute("INSERT INTO thing (id) VALUES (\("\(number)"))") } }
        }
      }
      for await kind in group { #expect(kind == .unavailable) }
    }
    try server.start()
    let back = try await Self.eventually {
      await kind { _ = try await store.write { try $0.execute("INSERT INTO thing (id) VALUES ('after')") } } == nil
    }
    #expect(back)
    #expect(try await store.read { try $0.count("SELECT count(*) FROM thing") } == 3)
    // The listener is back too, and says so.
    for await _ in wakes { break }
  }

  /// A reader's session ends in the middle: the next one has a new session.
  @Test func aLostSessionIsOpenedAnew() async throws {
    let (one, other) = try await two()
    let lost = await kind {
      try await one.read { tx in
        let pid = try tx.count("SELECT pg_backend_pid()")
        _ = try tx.first("SELECT pg_terminate_backend(\(raw: "\(pid)"))") { $0.bool(0) }
        _ = try tx.count("SELECT count(*) FROM thing")
      }
    }
    #expect(lost == .unavailable)
    for _ in 0..<12 { #expect(try await one.read { try $0.count("SELECT count(*) FROM thing") } == 0) }
    _ = other
  }

  @Test func aSchemaChangedByAnotherDoesNotStayInTheWay() async throws {
    let (one, other) = try await two()
    for _ in 0..<8 { _ = try await one.read { try $0.query("SELECT * FROM thing") { $0.text(0) } } }
    try await other.write { try $0.execute("ALTER TABLE thing ADD COLUMN more TEXT") }
    // Each reader may be refused once, with the word that it may go well later.
    var refused = 0
    for _ in 0..<20 {
      let kind = await kind { _ = try await one.read { try $0.query("SELECT * FROM thing") { $0.text(0) } } }
      if kind != nil { refused += 1 }
      #expect(kind == nil || kind == .unavailable)
    }
    #expect(refused <= 4)
  }

  @Test func addressesThatCannotBe() async throws {
    #expect(await kind { _ = try PostgresStore(url: "postgres://user:hush@/x?nonsense=1") } == .other)
    let nobody = await kind { _ = try PostgresStore(url: "postgres://user:hush@/x?host=/nonexistent") }
    #expect(nobody == .unavailable)
    do { _ = try PostgresStore(url: "postgres://user:hush@/x?host=/nonexistent") } catch {
      #expect(!"\(error)".contains("hush"))
    }
    let server = try PostgresServer.shared.get()
    try server.psql("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1'")
    #expect(await kind { _ = try PostgresStore(url: server.address(database: "latin")) } == .other)
  }
}
