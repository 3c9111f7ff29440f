import Foundation
import Kit
import StoreFixture
import Synchronization
import Testing

@testable import Store

struct MeteredStoreTests {
  private struct Fixture {
    let folder = NSTemporaryDirectory() + "haneul-metered-" + Identifier.uuid()
    let inner: any Store
    let meter = StoreMeter()
    let store: MeteredStore

    init() async throws {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      inner = try StoreFixture.make(folder: folder)
      try await inner.migrate([Migration(room: "x", number: 1, .expand, ["CREATE TABLE x (a INTEGER PRIMARY KEY)"])])
      store = MeteredStore(inner, meter: meter)
    }

    func page() -> String {
      var page = MetricsPage()
      meter.write(&page)
      return page.text
    }
  }
  private struct No: Error {}

  @Test func whatIsAskedIsCountedAndTimed() async throws {
    let fixture = try await Fixture()
    for number in 0..<3 { try await fixture.store.write { try $0.execute("INSERT INTO x (a) VALUES (\(number))") } }
    #expect(try await fixture.store.read { try $0.count("SELECT count(*) FROM x") } == 3)
    await #expect(throws: StoreError.self) {
      try await fixture.store.write { try $0.execute("INSERT INTO x (a) VALUES (1)") }
    }
    await #expect(throws: No.self) { try await fixture.store.write { _ in throw No() } }
    let page = fixture.page()
    for line in [
      #"haneul_store_transaction_seconds_count{kind="write"} 3"#, #"haneul_store_run_seconds_count{kind="write"} 3"#,
      #"haneul_store_wait_seconds_count{kind="read"} 1"#, #"haneul_store_failed_total{kind="write",error="unique"} 1"#,
      #"haneul_store_failed_total{kind="write",error="refused"} 1"#, #"haneul_store_in_flight{kind="write"} 0"#,
    ] { #expect(page.contains(line + "\n"), "\(line)\n\(page)") }
    // Every write was committed in some batch.
    let sum = page.split(separator: "\n").first { $0.hasPrefix("haneul_store_commit_writes_sum") }
    #expect(sum.flatMap { Double($0.split(separator: " ")[1]) }.map { $0 >= 3 } == true, "\(page)")
  }

  /// What others keep of the store they keep of this one too.
  @Test func itIsTheSameStore() async throws {
    let fixture = try await Fixture()
    #expect((fixture.store.commits(to: "x") == nil) == (fixture.inner.commits(to: "x") == nil))
    let before = fixture.store.commits(to: "x")
    try await fixture.store.write { try $0.execute("INSERT INTO x (a) VALUES (7)") }
    #expect(fixture.store.commits(to: "x") == fixture.inner.commits(to: "x"))
    if let before, let after = fixture.store.commits(to: "x") { #expect(after > before) }
    #expect(fixture.store.feed === fixture.inner.feed)
  }

  @Test func aTracedRequestHearsOfItsTransactions() async throws {
    let fixture = try await Fixture()
    let spans = Mutex<[Span]>([])
    let place = try #require(TraceContext(requestID: Identifier.request(), sampled: true))
    let keep: @Sendable (Span) -> Void = { span in spans.withLock { $0.append(span) } }
    let scope = RequestScope(
      requestID: Identifier.request(), span: RequestSpan(context: place, parentID: nil, keep: keep))
    try await RequestScope.$current.withValue(scope) {
      try await fixture.store.write { try $0.execute("INSERT INTO x (a) VALUES (1)") }
      _ = try await fixture.store.read { try $0.count("SELECT count(*) FROM x") }
      try? await fixture.store.write { _ in throw No() }
    }
    try await fixture.store.write { try $0.execute("INSERT INTO x (a) VALUES (2)") }
    let kept = spans.withLock { $0 }
    #expect(kept.map(\.name) == ["store.write", "store.read", "store.write"])
    #expect(kept.allSatisfy { $0.parentID == place.spanID && $0.context.traceID == place.traceID })
    #expect(Set(kept.map(\.context.spanID)).count == 3)
    #expect(kept.map(\.error) == [nil, nil, "refused"])
  }

  @Test func theStoreTellsHowLargeItIs() async throws {
    let fixture = try await Fixture()
    let text = try await fixture.inner.read { tx in
      var page = MetricsPage()
      try StoreFacts.write(tx, &page)
      return page.text
    }
    let bytes = text.split(separator: "\n").first { $0.hasPrefix("haneul_store_bytes ") }
    #expect(bytes.flatMap { Int($0.split(separator: " ")[1]) }.map { $0 > 4096 } == true, "\(text)")
    #expect(text.contains("\nhaneul_store_feed_revision "))
  }
}
