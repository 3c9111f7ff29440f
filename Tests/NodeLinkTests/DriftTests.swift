import Kit
import Store
import Synchronization
import Testing

@testable import NodeLink

@Suite struct DriftTests {
  private let start = Timestamp(microseconds: 1_800_000_000_000_000)

  private func finding(
    _ subject: String, _ field: DriftField = .tap, key: ObjectKey? = nil, since: Timestamp? = nil,
    settled: Timestamp? = nil, found: String = "gone", done: String = "made again"
  ) -> DriftFinding {
    DriftFinding(
      subject: subject, key: key, field: field, asked: "there", found: found, since: since ?? start, done: done,
      settled: settled)
  }

  private func report(_ node: String, _ drift: [DriftFinding], whole: Bool? = nil) -> Report {
    Report(nodeID: node, facts: .example, observations: [], events: [], drift: drift, driftIsWhole: whole)
  }

  private func all(_ fixture: LinkFixture, _ filter: DriftTable.Filter = .init()) async throws -> [DriftTable.Entry] {
    try await fixture.store.read { try DriftTable.all($0, filter, limit: 100_000) }
  }

  @Test func aFindingIsOpenUntilItIsSettled() async throws {
    let fixture = try await LinkFixture()
    let key = ObjectKey(.port, "p")
    try await fixture.withLink { _, client in
      let open = finding("port/p", key: key)
      try await client.report(report(fixture.node, [open]))
      // An answer that was lost: the same once more.
      try await client.report(report(fixture.node, [open]))
      let entries = try await fixture.store.read { try DriftTable.of($0, key) }
      #expect(entries.map(\.finding) == [open])
      #expect(entries.first?.times == 1)
      #expect(try await fixture.store.read { try DriftTable.open($0, limit: 10) }.count == 1)

      var settled = open
      settled.settled = start.adding(seconds: 2)
      settled.done = "made again in 2 s"
      try await client.report(report(fixture.node, [settled]))
      #expect(try await all(fixture).map(\.finding) == [settled])
      #expect(try await fixture.store.read { try DriftTable.open($0, limit: 10) }.isEmpty)
    }
  }

  @Test func whatFlapsIsOneLine() async throws {
    let fixture = try await LinkFixture()
    let server = fixture.server()
    for number in 0..<20 {
      let since = start.adding(seconds: Double(number) * 60)
      try await server.take(report(fixture.node, [finding("port/p", since: since)]))
      try await server.take(
        report(fixture.node, [finding("port/p", since: since, settled: since.adding(seconds: 1))]))
    }
    var entries = try await all(fixture)
    #expect(entries.count == 1)
    #expect(entries.first?.times == 20)
    #expect(entries.first?.finding.since == start)
    #expect(entries.first?.again == start.adding(seconds: 19 * 60))
    // After a long quiet time it is news.
    try await server.take(report(fixture.node, [finding("port/p", since: start.adding(seconds: 86400))]))
    entries = try await all(fixture)
    #expect(entries.map(\.times) == [1, 20])
    // Another subject, another field and another node are others.
    try await server.take(report(fixture.node, [finding("port/q"), finding("port/p", .rules)]))
    try await server.take(report("other", [finding("port/p")]))
    #expect(try await all(fixture).count == 5)
  }

  @Test func aWholeListClosesWhatItDoesNotName() async throws {
    let fixture = try await LinkFixture()
    let server = fixture.server()
    try await server.take(report("other", [finding("port/a")]))
    try await server.take(report(fixture.node, [finding("port/a"), finding("port/b"), finding("port/b", .rules)]))
    try await server.take(report(fixture.node, [finding("port/b")], whole: true))
    let open = try await all(fixture, .init(open: true))
    let names = Set(open.map { "\($0.nodeID) \($0.finding.subject) \($0.finding.field.rawValue)" })
    #expect(names == ["other port/a port.tap", "\(fixture.node) port/b port.tap"])
    let closed = try await all(fixture, .init(node: fixture.node, open: false))
    #expect(closed.map(\.finding.done) == ["seen no more", "seen no more"])
    // Nothing at all, said as a whole.
    try await server.take(report(fixture.node, [], whole: true))
    #expect(try await all(fixture, .init(node: fixture.node, open: true)).isEmpty)
    // A heartbeat says nothing of drift.
    try await server.take(Report(nodeID: "other", facts: nil, observations: [], events: []))
    #expect(try await all(fixture, .init(node: "other", open: true)).count == 1)
  }

  @Test func listsAreFilteredAndPaged() async throws {
    let fixture = try await LinkFixture()
    let server = fixture.server()
    try await server.take(
      report(fixture.node, (0..<25).map { finding("port/\($0)", $0 % 5 == 0 ? .rules : .tap) }))
    var seen: [String] = []
    var marker: Int64?
    while true {
      let page = try await fixture.store.read { [marker] in
        try DriftTable.all($0, .init(field: .tap), limit: 7, after: marker)
      }
      seen += page.map(\.finding.subject)
      guard let last = page.last else { break }
      marker = last.number
    }
    #expect(seen == (0..<25).reversed().filter { $0 % 5 != 0 }.map { "port/\($0)" })
    #expect(try await all(fixture, .init(subject: "port/3")).count == 1)
    let counts = try await fixture.store.read { try DriftTable.counts($0) }
    #expect(counts == [.init(field: .rules, open: 5, settled: 0), .init(field: .tap, open: 20, settled: 0)])
  }

  @Test func rowsAreBounded() async throws {
    let fixture = try await LinkFixture()
    let node = fixture.node
    let (start, openMax, settledMax) = (start, DriftTable.openPerNodeMax, DriftTable.settledMax)
    func take(_ findings: [DriftFinding], whole: Bool = false) async throws -> Int {
      try await fixture.store.write { try DriftTable.record($0, node: node, findings, whole: whole, at: start) }
    }
    let many = (0..<(openMax + 10)).map { finding("port/\($0)") }
    #expect(try await take(many) == 10)
    #expect(try await take(many) == 10)
    #expect(try await all(fixture).count == openMax)
    #expect(try await fixture.store.read { try DriftTable.unkept($0) } == [node: 20])
    // What is known can still settle, and makes room.
    #expect(try await take([finding("port/0", settled: start), finding("domain x", .foreignDomain)]) == 0)
    #expect(try await take([], whole: true) == 0)
    #expect(try await fixture.store.read { try DriftTable.unkept($0) }.isEmpty)
    let old = (0..<(settledMax + 1000)).map { number in
      finding("domain \(number)", settled: start.adding(seconds: Double(number + 10)))
    }
    #expect(try await take(old) == 0)
    // At most `dropMax` go at once; each report drops more.
    for _ in 0..<3 { _ = try await take([finding("domain 9999", settled: start.adding(seconds: 20_000))]) }
    let left = try await all(fixture, .init(open: false))
    #expect(left.count == settledMax)
    #expect(left.contains { $0.finding.subject == "domain \(settledMax + 999)" })
    #expect(!left.contains { $0.finding.subject == "domain 0" })
  }

  @Test func textsAreCut() async throws {
    let fixture = try await LinkFixture()
    let long = String(repeating: "x", count: 100_000)
    try await fixture.server().take(report(fixture.node, [finding(long, found: long)]))
    try await fixture.server().take(report(fixture.node, [finding(long, found: long)]))
    let entries = try await all(fixture)
    #expect(entries.map(\.finding.found.count) == [DriftTable.textMax])
  }

  @Test func tooManyAtOnceAreRefused() async throws {
    let fixture = try await LinkFixture()
    try await fixture.withLink { _, client in
      let many = (0...Report.driftMax).map { finding("port/\($0)") }
      await #expect(throws: LinkError.refused(status: 413, reason: "The report says too much at once.")) {
        try await client.report(report(fixture.node, many))
      }
    }
  }

  @Test func driftIsPartOfItsReport() async throws {
    let fixture = try await LinkFixture()
    fixture.observer.fails.withLock { $0 = true }
    await #expect(throws: RememberingObserver.Failure.self) {
      try await fixture.server().take(report(fixture.node, [finding("port/p")]))
    }
    #expect(try await all(fixture).isEmpty)
  }
}
