import API
import Foundation
import Kit
import Logging
import Store
import Synchronization
import Testing

@testable import Explain

struct RequestLogTests {
  private func rows(_ fixture: Fixture) async throws -> [RequestTable.Entry] {
    await fixture.service.flush()
    return try await fixture.store.read { tx in
      let ids = try tx.query("SELECT request_id FROM request_log") { $0.text(0) }
      return try RequestTable.named(tx, ids, limit: 1000)
    }
  }

  @Test func aChangeIsTakenDownWithWhoAskedAndWhatItMade() async throws {
    let fixture = try await Fixture()
    let global = Identifier.request()
    let answer = await fixture.send(
      "POST", "/network/v2.0/ports?password=query-secret", as: "demo", body: #"{"port": {"name": "body-secret"}}"#,
      headers: [("X-OpenStack-Request-ID", global)])
    let made = try #require(answer.json["port"]?["id"]?.string)
    let entry = try #require(try await rows(fixture).first)
    #expect(entry.method == "POST")
    #expect(entry.path == "/network/v2.0/ports")
    #expect(entry.userID == "u-demo" && entry.userName == "demo")
    #expect(entry.projectID == "p-demo" && entry.projectName == "demo project")
    #expect(entry.status == 201 && entry.microseconds >= 0 && !entry.asAdmin)
    #expect(entry.globalRequestID == global)
    #expect(answer.headers.contains { $0.name == "X-Openstack-Request-Id" && $0.value == entry.requestID })
    let maker = try await fixture.store.read { try RequestTable.maker($0, object: made) }
    #expect(maker?.requestID == entry.requestID)
  }

  /// Nothing of a body, a query, an answer or a token is kept.
  @Test func noSecretIsKept() async throws {
    let fixture = try await Fixture()
    _ = await fixture.send(
      "POST", "/network/v2.0/ports?password=query-secret", as: "demo", body: #"{"port": {"name": "body-secret"}}"#)
    _ = try await rows(fixture)
    let columns = try await fixture.store.read { tx in
      try tx.query("SELECT * FROM request_log") { row in (0..<13).map { row.text($0) }.joined(separator: " ") }
        + tx.query("SELECT * FROM request_subject") { row in (0..<3).map { row.text($0) }.joined(separator: " ") }
    }
    #expect(columns.count == 2)
    #expect(!columns.contains { $0.contains("secret") })
  }

  @Test func readingAndLoggingInAreNotTakenDown() async throws {
    let fixture = try await Fixture()
    _ = await fixture.send("GET", "/network/v2.0/ports", as: "demo")
    _ = await fixture.send("POST", "/network/v2.0/login", as: "demo")
    _ = await fixture.send("POST", "/network/v2.0/ports", as: nil)
    _ = await fixture.send("POST", "/network/v2.0/nowhere", as: "demo")
    #expect(try await rows(fixture).isEmpty)
  }

  @Test func whatWasRefusedIsTakenDownToo() async throws {
    let fixture = try await Fixture()
    let id = Identifier.uuid()
    _ = await fixture.send("PUT", "/network/v2.0/ports/\(id)", as: "demo", body: #"{"port": {}}"#)
    _ = await fixture.send("DELETE", "/network/v2.0/ports/\(id)", as: "reader")
    let entries = try await rows(fixture)
    #expect(Set(entries.map(\.status)) == [409, 403])
    let found = try await fixture.store.read { try RequestTable.of($0, object: id, limit: 10) }
    #expect(found.count == 2)
    #expect(try await fixture.store.read { try RequestTable.maker($0, object: id) } == nil)
  }

  @Test func aPortIsFoundByTheFloatingIPThatWasPointedAtIt() async throws {
    let fixture = try await Fixture()
    let (floating, port) = (Identifier.uuid(), Identifier.uuid())
    _ = await fixture.send(
      "PUT", "/network/v2.0/floatingips/\(floating)", as: "demo", body: #"{"floatingip": {"port_id": "\#(port)"}}"#)
    _ = try await rows(fixture)
    for id in [floating, port] {
      #expect(try await fixture.store.read { try RequestTable.of($0, object: id, limit: 10) }.count == 1)
    }
  }

  private static func record(_ path: String, made: [String] = []) -> AuditRecord {
    AuditRecord(
      kind: .change, requestID: Identifier.request(), method: "POST", path: path, userID: "u-demo", userName: "demo",
      asAdmin: false, began: Fixture.now, microseconds: 5, status: 201, made: made)
  }

  @Test func theTableIsBounded() async throws {
    let fixture = try await Fixture()
    let records = (0..<20).map { Self.record("/x/\($0)", made: [Identifier.uuid()]) }
    try await fixture.store.write { tx in
      try RequestTable.append(tx, records)
      try RequestTable.compact(tx, keeping: { _ in 5 })
    }
    let (rows, subjects) = try await fixture.store.read { tx in
      (
        try tx.query("SELECT path FROM request_log ORDER BY number") { $0.text(0) },
        try tx.count("SELECT count(*) FROM request_subject")
      )
    }
    #expect(rows == (15..<20).map { "/x/\($0)" })
    #expect(subjects == 5)
  }

  @Test func oneRequestHasABoundedNumberOfSubjects() {
    let many = (0..<100).map { _ in Identifier.uuid() }
    #expect(RequestTable.subjects(of: Self.record("/x", made: many)).count == RequestTable.subjectsMax)
    let id = Identifier.uuid()
    let keystone = Identifier.hex()
    let record = Self.record("/identity/v3/projects/\(keystone)/users/\(id)/roles/admin", made: [id])
    #expect(RequestTable.subjects(of: record) == [id, keystone])
  }

  /// A store that refuses to write until it is mended.
  private final class BrokenStore: Store {
    let inner: any Store
    let broken = Mutex(true)
    init(_ inner: any Store) { self.inner = inner }
    var feed: ChangeFeed { inner.feed }
    func read<T: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T {
      try await inner.read(body)
    }
    func write<T: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T {
      if broken.withLock({ $0 }) { throw StoreError(kind: .full, message: "disk full") }
      return try await inner.write(body)
    }
  }

  @Test func aFullDiskLosesNothingWithinTheBoundAndCountsTheRest() async throws {
    let fixture = try await Fixture()
    let store = BrokenStore(fixture.store)
    let log = RequestLog(store: store, file: nil, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    for number in 0..<3 { log.keep(Self.record("/x/\(number)")) }
    await log.flush()
    for number in 3..<RequestLog.waitingMax + 7 { log.keep(Self.record("/x/\(number)")) }
    #expect(log.dropped.store == 7)
    store.broken.withLock { $0 = false }
    await log.flush()
    let (count, first) = try await fixture.store.read { tx in
      (
        try RequestTable.counts(tx).map(\.rows),
        try tx.first("SELECT path FROM request_log ORDER BY number LIMIT 1") { $0.text(0) }
      )
    }
    #expect(count == [RequestLog.waitingMax, 0, 0])
    #expect(first == "/x/0")
  }

  @Test func itIsWrittenByItself() async throws {
    let fixture = try await Fixture()
    let service = fixture.service
    let running = Task { await service.run() }
    defer { running.cancel() }
    _ = await fixture.send("DELETE", "/network/v2.0/ports/\(Identifier.uuid())", as: "demo")
    for _ in 0..<300 {
      if try await fixture.store.read({ try RequestTable.counts($0).map(\.rows) }) == [1, 0, 0] { return }
      try await Task.sleep(for: .milliseconds(100))
    }
    Issue.record("The request was not written.")
  }
}
