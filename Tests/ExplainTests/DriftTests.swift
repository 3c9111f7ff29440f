import Foundation
import Kit
import NodeLink
import Store
import Testing

@testable import Explain

struct DriftTests {
  @Test func findingsAreListedFilteredAndPaged() async throws {
    let fixture = try await Fixture()
    let second = "0e000000-0000-4000-8000-000000000002"
    try await fixture.report(drift: [
      Fixture.finding("domain a", .foreignDomain), Fixture.finding("bridge b", .foreignBridge),
      Fixture.finding("server/x", .power, settled: fixture.now.adding(seconds: 2)),
    ])
    try await fixture.report(drift: [Fixture.finding("domain a", .foreignDomain)], node: second)
    func subjects(_ query: String) async -> [String] {
      await fixture.get("/drift\(query)").json["drift"]?.array?.compactMap { $0["subject"]?.string } ?? ["?"]
    }
    #expect(await subjects("") == ["domain a", "server/x", "bridge b", "domain a"])
    #expect(await subjects("?open=true") == ["domain a", "bridge b", "domain a"])
    #expect(await subjects("?open=false") == ["server/x"])
    #expect(await subjects("?node=\(second)") == ["domain a"])
    #expect(await subjects("?field=host.foreign_bridge") == ["bridge b"])
    #expect(await subjects("?subject=server%2Fx&open=false") == ["server/x"])
    #expect(await subjects("?subject=nothing").isEmpty)
    let entry = try #require(await fixture.get("/drift?open=false").json["drift"]?.array?.first)
    #expect(entry["policy"] == "enforce" && entry["asked"] == "running" && entry["found"] == "off")
    #expect(
      entry["done"] == "booted again" && entry["settled"]?.string != nil && entry["node"] == .string(Fixture.node))
    for query in ["?field=nope", "?open=perhaps", "?marker=x", "?limit=-1", "?what=x"] {
      #expect(await fixture.get("/drift\(query)").status == 400, "\(query)")
    }
  }

  @Test func pagesFollowEachOther() async throws {
    let fixture = try await Fixture()
    try await fixture.report(drift: (0..<7).map { Fixture.finding("domain \($0)", .foreignDomain) })
    var next: String? = "/haneul/v1/drift?limit=3&open=true"
    var seen: [String] = []
    while let target = next, seen.count < 20 {
      let json = await fixture.send("GET", target).json
      seen += json["drift"]?.array?.compactMap { $0["subject"]?.string } ?? []
      next = json["drift_links"]?.array?.first?["href"]?.string?.replacing("http://cloud", with: "")
    }
    #expect(seen == (0..<7).reversed().map { "domain \($0)" })
  }

  @Test func everyFieldHasItsPolicyAndMeaning() async throws {
    let fixture = try await Fixture()
    let policies = try #require(await fixture.get("/drift/policies", as: "demo").json["policies"]?.array)
    #expect(policies.compactMap { $0["field"]?.string } == DriftField.allCases.map(\.rawValue))
    #expect(policies.allSatisfy { $0["meaning"]?.string?.isEmpty == false && $0["policy"]?.string != nil })
    let offline = try JSONValue(parsing: ExplainService.driftPoliciesJSON)
    #expect(offline["policies"]?.array == policies)
    for field in DriftField.allCases { #expect(ExplainService.driftPolicies.contains(field.rawValue)) }
  }

  // MARK: Quarantine

  private static let stranger = ObjectKey(.server, "5e000000-0000-4000-8000-000000000001")

  private func quarantined() async throws -> Fixture {
    let fixture = try await Fixture()
    try await fixture.report(drift: [
      Fixture.finding(
        Self.stranger.description, .unknownObject, key: Self.stranger, asked: "nothing", found: "a running guest",
        done: "left alone"),
      Fixture.finding("domain a", .foreignDomain),
    ])
    return fixture
  }

  private func decide(
    _ fixture: Fixture, _ body: String = #"{"action": "remove"}"#, node: String = Fixture.node,
    path: String = "server/\(stranger.id)"
  ) async -> Int {
    await fixture.send("POST", "/haneul/v1/quarantine/\(node)/\(path)", body: body).status
  }

  @Test func whatIsUnknownStandsInQuarantineUntilTold() async throws {
    let fixture = try await quarantined()
    let listed = try #require(await fixture.get("/quarantine").json["quarantine"]?.array)
    #expect(listed.map { $0["subject"]?.string } == [Self.stranger.description])
    #expect(await fixture.get("/quarantine?node=nobody").status == 404)
    #expect(await fixture.get("/quarantine?node=host-one").json["quarantine"]?.array?.count == 1)
    let text = await fixture.text("/quarantine")
    #expect(text.contains("haneul quarantine --remove \(Self.stranger) --node host-one\n"))
    let key = Self.stranger
    #expect(try await fixture.store.read { try ManifestTable.find($0, node: Fixture.node, key) } == nil)
    #expect(await decide(fixture) == 202)
    let row = try await fixture.store.read { try ManifestTable.find($0, node: Fixture.node, key)?.tombstone }
    #expect(row == true)
    // Twice is once; and it goes from the list when the node has said that it is gone.
    #expect(await decide(fixture, node: "host-one") == 202)
    try await fixture.report(drift: [
      Fixture.finding(
        Self.stranger.description, .unknownObject, key: Self.stranger, done: "removed",
        settled: fixture.now.adding(seconds: 1))
    ])
    #expect(await fixture.get("/quarantine").json["quarantine"] == .array([]))
    #expect(await decide(fixture) == 404)
  }

  /// The operator's word is for what is in quarantine and for nothing else.
  @Test func nothingElseCanBeCondemned() async throws {
    let fixture = try await quarantined()
    let known = Identifier.uuid()
    try await fixture.hold(.server, known)
    #expect(await decide(fixture, path: "server/\(known)") == 404)
    #expect(await decide(fixture, path: "port/\(Self.stranger.id)") == 404)
    #expect(await decide(fixture, path: "bicycle/\(Self.stranger.id)") == 404)
    #expect(await decide(fixture, node: "nobody") == 404)
    for body in ["", "{}", #"{"action": "keep"}"#, #"{"action": "remove", "force": true}"#, #"{"action": 7}"#] {
      #expect(await decide(fixture, body) == 400, "\(body)")
    }
    // A restored store knows it again: its service deletes it.
    try await fixture.hold(.server, Self.stranger.id)
    #expect(await decide(fixture) == 409)
    let holders = try await fixture.store.read { try ManifestTable.holders($0, Self.stranger) }
    #expect(holders == [Fixture.node])
  }

  // MARK: Metrics

  @Test func metricsCountWhatThereIs() async throws {
    let fixture = try await quarantined()
    fixture.shelf.put("server", "a")
    fixture.shelf.put("server", "b", status: "ERROR")
    let router = ObjectKey(.router, Identifier.uuid())
    let generation = try await fixture.hold(.router, router.id)
    let steps = [nil, "no"].map {
      StepEvent(
        key: router, requestID: nil, step: "load_rules", began: fixture.now, ended: fixture.now.adding(seconds: 0.25),
        error: $0)
    }
    let stranger = StepEvent(
      key: router, requestID: nil, step: "of_a_later_release", began: fixture.now, ended: fixture.now, error: nil)
    try await fixture.report(
      [Observation(key: router, generation: generation, ready: false)], events: steps + [stranger])
    try await fixture.report(events: steps)
    let answer = await fixture.get("/metrics")
    #expect(answer.type.hasPrefix("text/plain; version=0.0.4"))
    let lines = Set(answer.text.split(separator: "\n").map(String.init))
    for line in [
      #"haneul_node_up{node="\#(Fixture.node)",hostname="host-one"} 1"#,
      #"haneul_drift_open{field="host.unknown_object",policy="report"} 1"#,
      #"haneul_drift_open{field="server.power",policy="enforce"} 0"#, "haneul_drift_findings_total 2",
      #"haneul_resources{kind="server",status="ERROR"} 1"#, #"haneul_steps_total{step="load_rules"} 4"#,
      #"haneul_steps_failed_total{step="load_rules"} 2"#, #"haneul_steps_seconds_total{step="load_rules"} 1.0"#,
      #"haneul_steps_total{step="of_a_later_release"} 1"#, #"haneul_objects_ready{kind="router"} 0"#,
      #"haneul_objects{kind="router"} 1"#, #"haneul_request_log_dropped_total{place="store"} 0"#,
    ] { #expect(lines.contains(line), "\(line)\n\(answer.text)") }
    // Every sample stands under its own type, and none is there twice.
    let samples = answer.text.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { line in
      line.lastIndex(of: " ").map { line[..<$0] }
    }
    #expect(Set(samples).count == samples.count)
  }

  /// A node that names its steps at random fills nothing.
  @Test func stepsAreToldApartWithinABound() async throws {
    let fixture = try await Fixture()
    let key = ObjectKey(.router, Identifier.uuid())
    let events = (0..<150).map {
      StepEvent(key: key, requestID: nil, step: "step_\($0)", began: fixture.now, ended: fixture.now, error: nil)
    }
    for _ in 0..<2 { try await fixture.report(events: events) }
    let counts = try await fixture.store.read { try StepCountTable.all($0) }
    #expect(counts.count == StepCountTable.stepsMax + 1)
    #expect(counts.first { $0.step == "other" }?.taken == 100)
    #expect(counts.map(\.taken).reduce(0, +) == 300)
  }

  @Test func namesInMetricsAreEscaped() {
    var page = MetricsPage()
    page.family("x", "gauge", "x") { $0.sample([("name", "a\"b\\c\nd")], 1) }
    #expect(page.text.hasSuffix("x{name=\"a\\\"b\\\\c\\nd\"} 1\n"))
  }
}
