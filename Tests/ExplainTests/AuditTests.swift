import API
import Auth
import Foundation
import Kit
import Logging
import Store
import Testing

@testable import Explain
@testable import NodeLink

struct AuditTests {
  private func events(_ fixture: Fixture, _ query: String = "", as token: String = "admin") async throws -> [JSONValue]
  {
    let answer = await fixture.get("/audit" + query, as: token)
    try #require(answer.status == 200, "\(answer.text)")
    return try #require(answer.json["events"]?.array)
  }

  @Test func aChangeIsOnRecordAsCADFTellsIt() async throws {
    let fixture = try await Fixture()
    let global = Identifier.request()
    let made = await fixture.send(
      "POST", "/network/v2.0/ports?password=query-secret", as: "demo", body: #"{"port": {"name": "body-secret"}}"#,
      headers: [("X-OpenStack-Request-ID", global), ("User-Agent", "openstacksdk/4")])
    let port = try #require(made.json["port"]?["id"]?.string)
    let all = try await events(fixture)
    let event = try #require(all.first)
    #expect(all.count == 1)
    let wanted: [(JSONValue, JSONValue?)] = [
      ("http://schemas.dmtf.org/cloud/audit/1.0/event", event["typeURI"]), ("activity", event["eventType"]),
      ("create", event["action"]), ("success", event["outcome"]), ("HTTP", event["reason"]?["reasonType"]),
      ("201", event["reason"]?["reasonCode"]), ("u-demo", event["initiator"]?["id"]),
      ("demo", event["initiator"]?["name"]), ("p-demo", event["initiator"]?["project_id"]),
      ("openstacksdk/4", event["initiator"]?["host"]?["agent"]), ("service/network/ports", event["target"]?["typeURI"]),
      (.string(port), event["target"]?["id"]), ("service/network", event["observer"]?["typeURI"]),
      ("/network/v2.0/ports", event["requestPath"]), (.string(global), event["global_request_id"]),
    ]
    for (value, found) in wanted { #expect(found == value, "\(value)\n\(event.text)") }
    #expect(made.headers.contains { $0.name == "X-Openstack-Request-Id" && .string($0.value) == event["id"] })
    #expect(event["eventTime"]?.string.flatMap { Timestamp(iso8601: $0) } != nil)
    #expect(!event.text.contains("secret"))
  }

  /// 401, 403, another's resource (404) and what no service answers: each is there, with who it was as far as is known.
  @Test func everyRefusalIsOnRecord() async throws {
    let fixture = try await Fixture()
    let id = Identifier.uuid()
    _ = await fixture.send("GET", "/haneul/v1/drift", as: nil)
    _ = await fixture.send("GET", "/haneul/v1/drift", as: "demo")
    _ = await fixture.send("GET", "/haneul/v1/explain/\(id)", as: "other")
    _ = await fixture.send("GET", "/nowhere/at/all", as: nil)
    _ = await fixture.send("GET", "/network/v2.0/ports", as: "demo")
    let refusals = try await events(fixture, "?kind=refusal")
    let seen = refusals.map { event -> [String] in
      let values: [JSONValue?] = [event["reason"]?["reasonCode"], event["initiator"]?["id"], event["requestPath"]]
      return values.map { $0?.string ?? "" }
    }
    #expect(
      seen == [
        ["404", "unknown", "/nowhere/at/all"], ["404", "u-other", "/haneul/v1/explain/\(id)"],
        ["403", "u-demo", "/haneul/v1/drift"], ["401", "unknown", "/haneul/v1/drift"],
      ])
    #expect(refusals.allSatisfy { $0["outcome"] == "failure" && $0["eventType"] == "control" })
    #expect(try await events(fixture, "?target=\(id)").count == 1)
  }

  private static func record(_ number: Int, kind: AuditRecord.Kind = .refusal, user: String = "") -> AuditRecord {
    AuditRecord(
      kind: kind, requestID: Identifier.request(), method: "GET", path: "/x/\(number)", userID: user,
      userName: user, asAdmin: false, address: "203.0.113.7",
      began: Fixture.now.adding(seconds: Double(number) / 1000), microseconds: 5, status: 401)
  }

  /// A million refusals are a handful of rows that say so.
  @Test func aFloodIsCountedAndFillsNothing() async throws {
    let fixture = try await Fixture()
    let folder = NSTemporaryDirectory() + "haneul-audit-" + Identifier.uuid()
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let file = LineFile(path: folder + "/audit.log", bytesMax: 1 << 20, filesMax: 2)
    let log = RequestLog(store: fixture.store, file: file, logger: Logger(label: "x") { _ in SwiftLogNoOpLogHandler() })
    for number in 0..<50_000 { log.keep(Self.record(number)) }
    // Of as many different ones as anybody can think up, too.
    for number in 0..<50_000 { log.keep(Self.record(number, user: "made-up-\(number)")) }
    await log.flush(all: true)
    let rows = try await fixture.store.read { try AuditTable.list($0, .init(), limit: 100_000, after: nil) }
    #expect(rows.map(\.times).reduce(0, +) == 100_000)
    #expect(rows.count <= AuditGate.keysMax * (AuditGate.aloneMax + 1) + 1)
    #expect(rows.contains { $0.times == 50_000 - AuditGate.aloneMax && $0.address == "203.0.113.7" })
    let others = try #require(rows.first { $0.path == "*" })
    #expect(others.times == 50_000 - (AuditGate.keysMax - 1) && others.userID.isEmpty && others.address == nil)
    let lines = try String(contentsOfFile: folder + "/audit.log", encoding: .utf8).split(separator: "\n")
    #expect(lines.count == rows.count && log.dropped.store == 0 && log.dropped.file == 0)
    #expect(try lines.map { try JSONValue(parsing: String($0))["times"]?.int ?? 0 }.reduce(0, +) == 100_000)
  }

  /// What a window counted is told when it is over, not only at the end.
  @Test func aWindowEnds() {
    var gate = AuditGate()
    let start = SuspendingClock.now
    let first = (0..<20).flatMap { gate.take(Self.record($0), at: start) }
    #expect(first.count == AuditGate.aloneMax)
    #expect(gate.close(at: start).isEmpty)
    let later = start.advanced(by: .seconds(AuditGate.windowSeconds))
    let told = gate.take(Self.record(21), at: later)
    #expect(told.map(\.times) == [20 - AuditGate.aloneMax, 1])
  }

  @Test func changesAllPassAndRefusalsPushNoneOut() async throws {
    let fixture = try await Fixture()
    var gate = AuditGate()
    let changes = (0..<100).map { Self.record($0, kind: .change, user: "u") }
    #expect(changes.flatMap { gate.take($0, at: .now) } == changes)
    let refusals = (0..<200).map { Self.record($0) }
    try await fixture.store.write { tx in
      try RequestTable.append(tx, changes + refusals)
      try RequestTable.compact(tx, keeping: { $0 == .change ? 100 : 30 })
    }
    let counts = try await fixture.store.read { tx in try RequestTable.counts(tx).map { "\($0.kind) \($0.rows)" } }
    #expect(counts == ["change 100", "login 0", "refusal 30"])
  }

  @Test func onlyAuditorsMayAsk() async throws {
    let fixture = try await Fixture()
    for (token, status) in [("admin", 200), ("system", 200), ("demo", 403), ("reader", 403), (nil, 401)] {
      #expect(await fixture.send("GET", "/haneul/v1/audit", as: token).status == status, "\(token ?? "nobody")")
    }
  }

  @Test func itIsAskedByWhoWhatAndWhen() async throws {
    let fixture = try await Fixture()
    let id = Identifier.uuid()
    _ = await fixture.send("PUT", "/network/v2.0/ports/\(id)", as: "demo", body: #"{"port": {}}"#)
    _ = await fixture.send("DELETE", "/network/v2.0/ports/\(id)", as: "reader")
    _ = await fixture.send("POST", "/network/v2.0/ports", as: "other", body: #"{"port": {"name": "x"}}"#)
    for (query, count) in [
      ("", 3), ("?initiator=u-other", 1), ("?initiator=other", 1), ("?initiator=nobody", 0), ("?target=\(id)", 2),
      ("?outcome=success", 1), ("?outcome=failure", 2), ("?kind=change", 3), ("?kind=login", 0),
      ("?since=2020-01-01T00:00:00Z", 3), ("?since=2999-01-01T00:00:00Z", 0), ("?initiator=u-other&outcome=failure", 0),
    ] { #expect(try await events(fixture, query).count == count, "\(query)") }
    let one = try #require(try await events(fixture, "?initiator=u-other").first?["id"]?.string)
    #expect(try await events(fixture, "?request=\(one)").count == 1)
    for bad in ["outcome=maybe", "kind=rumour", "since=yesterday", "marker=x", "limit=-1", "colour=red"] {
      #expect(await fixture.get("/audit?" + bad).status == 400, "\(bad)")
    }
  }

  @Test func pagesGoOnWhereTheLastOneEnded() async throws {
    let fixture = try await Fixture()
    let records = (0..<7).map { Self.record($0, kind: .change, user: "u") }
    try await fixture.store.write { try RequestTable.append($0, records) }
    var found: [String] = []
    var path: String? = "/audit?limit=3&initiator=u"
    while let asked = path {
      let answer = await fixture.get(asked)
      found += answer.json["events"]?.array?.compactMap { $0["requestPath"]?.string } ?? []
      let next = answer.json["events_links"]?.array?.first?["href"]?.string
      path = next.map { $0.replacing("http://cloud/haneul/v1", with: "") }
      #expect(next?.contains("initiator=u") != false)
    }
    #expect(found == (0..<7).reversed().map { "/x/\($0)" })
    let text = await fixture.text("/audit?limit=2")
    #expect(text.contains("REFUSED 401") && text.contains("/x/6") && text.contains("There is more"))
  }
}
