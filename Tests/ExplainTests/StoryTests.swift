import API
import Contracts
import Kit
import NodeLink
import Store
import Testing

@testable import Explain

struct StoryTests {
  private static let request = "req-11111111-1111-4111-8111-111111111111"

  /// A server with an action, held by the node.
  private func server(_ fixture: Fixture, _ change: (inout Story) -> Void = { _ in }) -> String {
    fixture.shelf.put("server", "web") { story in
      story.asked = [.init("power", "running")]
      story.asker = .init(userID: "u-demo", requestID: nil, at: fixture.now)
      story.actions = [
        .init(
          name: "create", requestID: Self.request, userID: "u-demo", began: fixture.now,
          ended: fixture.now.adding(seconds: 4), message: nil, failed: false)
      ]
      change(&story)
    }
  }

  private static func facts(_ story: JSONValue, _ part: String) -> [String: String] {
    let facts = story[part]?["facts"]?.array ?? []
    return Dictionary(
      facts.map { ($0["name"]?.string ?? "", $0["value"]?.string ?? "") }, uniquingKeysWith: { $1 })
  }

  @Test func aServerAsAskedTellsWhoAskedWhatWasDoneAndWhatIsSeen() async throws {
    let fixture = try await Fixture()
    let id = server(fixture)
    let key = ObjectKey(.server, id)
    let generation = try await fixture.hold(.server, id, requestID: Self.request)
    try await fixture.report(
      [Observation(key: key, generation: generation, ready: true)],
      events: [
        StepEvent(
          key: key, requestID: Self.request, step: "define_domain", began: fixture.now.adding(seconds: 1),
          ended: fixture.now.adding(seconds: 1.5), error: nil)
      ])
    let story = try await fixture.explain("web")
    #expect(story["id"] == .string(id) && story["kind"] == "server" && story["status"] == "ACTIVE")
    #expect(story["summary"] == "It is as asked.")
    #expect(Self.facts(story, "asked") == ["power": "running"])
    #expect(story["asked"]?["by"]?["user_name"] == "demo")
    #expect(story["asked"]?["by"]?["user_id"] == "u-demo")
    #expect(story["asked"]?["request_id"] == .string(Self.request))
    #expect(story["history"]?.array?.first?["what"] == "create")
    let step = try #require(story["steps"]?.array?.first)
    #expect(step["step"] == "define_domain" && step["where"] == "node" && step["duration_ms"] == .int(500))
    #expect(step["node"] == .string(Fixture.node))
    let host = try #require(story["observed"]?["hosts"]?.array?.first)
    #expect(host["hostname"] == "host-one" && host["up"] == true && host["ready"] == true && host["behind"] == false)
    #expect(host["last_heard"]?.string != nil)
    #expect(story["missing"] == .array([]))
    #expect(story["related"]?.array?.contains { $0["kind"] == "host" && $0["name"] == "host-one" } == true)
    #expect(story["packet_path"] == nil)
  }

  @Test func requestsAndActionsAreOneHistory() async throws {
    let fixture = try await Fixture()
    let made = await fixture.send("POST", "/network/v2.0/ports", as: "demo", body: #"{"port": {"name": "eth"}}"#)
    let port = try #require(made.json["port"]?["id"]?.string)
    _ = await fixture.send("PUT", "/network/v2.0/ports/\(port)", as: "admin", body: #"{"port": {}}"#)
    let story = try await fixture.explain(port)
    let history = try #require(story["history"]?.array)
    #expect(history.map { $0["what"]?.string } == ["POST /network/v2.0/ports", "PUT /network/v2.0/ports/\(port)"])
    #expect(history.map { $0["status"]?.int } == [201, 409])
    #expect(history.map { $0["failed"] } == [false, true])
    // What was refused is not what is asked.
    #expect(story["asked"]?["request"] == "POST /network/v2.0/ports")
    #expect(story["asked"]?["by"]?["user_name"] == "demo" && story["asked"]?["by"]?["project_name"] == "demo project")
    #expect(story["steps"]?.array?.map { $0["where"] } == ["control", "control"])
  }

  @Test func aLookAtAConsoleIsNoHistory() async throws {
    let fixture = try await Fixture()
    let id = server(fixture)
    _ = await fixture.send("POST", "/network/v2.0/servers/\(id)/action", as: "demo", body: "{}")
    let story = try await fixture.explain(id)
    #expect(story["history"]?.array?.count == 1)
  }

  @Test func aConditionTellsWhySinceWhenAndWhatNext() async throws {
    let fixture = try await Fixture()
    let id = fixture.shelf.put("router", "edge")
    let generation = try await fixture.hold(.router, id)
    let condition = Condition(type: "RulesRejected", message: "nft said no", since: fixture.now, attempts: 7)
    try await fixture.report(
      [Observation(key: ObjectKey(.router, id), generation: generation, ready: false, condition: condition)])
    let missing = try #require(try await fixture.explain(id)["missing"]?.array?.first)
    #expect(missing["what"] == "RulesRejected" && missing["why"] == "nft said no" && missing["attempts"] == 7)
    #expect(missing["since"] == .string(fixture.now.iso8601Microseconds))
    #expect(missing["next"]?.string?.contains("never gives up") == true)
    // Once it is over nothing of it stays.
    try await fixture.report([Observation(key: ObjectKey(.router, id), generation: generation, ready: true)])
    #expect(try await fixture.explain(id)["missing"] == .array([]))
  }

  @Test func lostDataSaysWhatAPersonCanDo() async throws {
    let fixture = try await Fixture()
    let id = server(fixture) { story in
      story.missing = [.init(what: "DataMissing", why: "The root disk is gone.", since: fixture.now)]
      story.fault = .init(code: 500, message: "The root disk is gone.", details: "host-one", at: fixture.now)
    }
    let story = try await fixture.explain(id)
    #expect(story["missing"]?.array?.first?["next"]?.string?.contains("Nothing is made in its place") == true)
    #expect(story["fault"]?["code"] == 500 && story["fault"]?["details"] == "host-one")
    let own = try await fixture.explain(id, as: "demo")
    #expect(own["fault"]?["message"] == "The root disk is gone." && own["fault"]?["details"] == nil)
  }

  @Test func whatTheHostHasNotTakenInYetIsSaid() async throws {
    let fixture = try await Fixture()
    let id = server(fixture)
    let generation = try await fixture.hold(.server, id)
    try await fixture.report([Observation(key: ObjectKey(.server, id), generation: generation, ready: true)])
    try await fixture.hold(.server, id)
    let story = try await fixture.explain(id)
    #expect(story["missing"]?.array?.map { $0["what"] } == ["NotTakenIn"])
    #expect(story["observed"]?["hosts"]?.array?.first?["behind"] == true)
  }

  @Test func aHostThatIsAwayIsSaid() async throws {
    let fixture = try await Fixture()
    let id = server(fixture)
    let generation = try await fixture.hold(.server, id)
    try await fixture.report([Observation(key: ObjectKey(.server, id), generation: generation, ready: true)])
    try await fixture.store.write { try $0.execute("UPDATE node SET up = 0") }
    let story = try await fixture.explain(id)
    #expect(story["missing"]?.array?.map { $0["what"] } == ["HostAway"])
    #expect(story["missing"]?.array?.first?["why"]?.string?.contains("host-one") == true)
    let own = try await fixture.explain(id, as: "demo")
    #expect(own["missing"]?.array?.first?["why"]?.string?.contains("host-one") == false)
  }

  @Test func openDriftIsMissingAndSettledDriftIsTold() async throws {
    let fixture = try await Fixture()
    let id = server(fixture)
    let key = ObjectKey(.server, id)
    let generation = try await fixture.hold(.server, id)
    try await fixture.report(
      [Observation(key: key, generation: generation, ready: true)],
      drift: [
        Fixture.finding(key.description, .power, key: key),
        Fixture.finding(
          key.description, .cards, key: key, found: "no card", settled: fixture.now.adding(seconds: 1)),
      ])
    let story = try await fixture.explain(id)
    #expect(story["missing"]?.array?.map { $0["what"] } == ["server.power"])
    #expect(story["missing"]?.array?.first?["next"]?.string?.contains("never gives up") == true)
    #expect(story["drift"]?.array?.count == 2)
    #expect(story["drift"]?.array?.contains { $0["settled"]?.string != nil && $0["found"] == "no card" } == true)
    let own = try await fixture.explain(id, as: "demo")
    #expect(own["drift"]?.array?.allSatisfy { $0["found"] == nil && $0["meaning"]?.string != nil } == true)
    #expect(own["missing"]?.array?.first?["why"] == "The host found it other than asked.")
  }

  @Test func aFloatingIPHasOnlyItsOwnStepsOfTheRouter() async throws {
    let fixture = try await Fixture()
    let router = fixture.shelf.put("router", "edge")
    let id = fixture.shelf.put("floating_ip", "203.0.113.9", addresses: ["203.0.113.9"]) { story in
      story.objects = [.init("router", router)]
    }
    let answer = await fixture.send(
      "PUT", "/network/v2.0/floatingips/\(id)", as: "demo",
      body: #"{"floatingip": {"port_id": "\#(Identifier.uuid())"}}"#)
    let request = try #require(answer.headers.first { $0.name == "X-Openstack-Request-Id" }?.value)
    let key = ObjectKey(.router, router)
    let steps = [request, Identifier.request()].map {
      StepEvent(key: key, requestID: $0, step: "load_rules", began: fixture.now, ended: fixture.now, error: nil)
    }
    try await fixture.report(events: steps)
    let story = try await fixture.explain("203.0.113.9")
    #expect(story["id"] == .string(id))
    #expect(story["steps"]?.array?.filter { $0["where"] == "node" }.map { $0["request_id"] } == [.string(request)])
    #expect(try await fixture.explain(router)["steps"]?.array?.count == 2)
  }

  @Test func relatedResourcesComeFromEveryServiceWithTheirNames() async throws {
    let fixture = try await Fixture()
    let image = fixture.shelf.put("image", "tiny")
    let id = server(fixture) { $0.related = [.init("made from", .init("image", image))] }
    let related = try #require(try await fixture.explain(id)["related"]?.array)
    #expect(related.count == 1)
    #expect(related.first?["name"] == "tiny")
    #expect(related.first?["explain"] == .string("/haneul/v1/explain/\(image)?kind=image"))
    let link = try #require(related.first?["explain"]?.string)
    #expect(await fixture.send("GET", link).status == 200)
  }

  @Test func aHostTellsWhatIsWrongOnIt() async throws {
    let fixture = try await Fixture()
    let id = fixture.shelf.put("router", "edge")
    let generation = try await fixture.hold(.router, id)
    let condition = Condition(type: "RulesRejected", message: "nft said no", since: fixture.now, attempts: 7)
    try await fixture.report(
      [Observation(key: ObjectKey(.router, id), generation: generation, ready: false, condition: condition)],
      drift: [Fixture.finding("domain web1", .foreignDomain)])
    for subject in ["host-one", Fixture.node, String(Fixture.node.prefix(8))] {
      let story = try await fixture.explain(subject)
      #expect(story["kind"] == "host" && story["status"] == "up")
      #expect(
        story["missing"]?.array?.map { $0["what"]?.string } == ["RulesRejected of router/\(id)", "host.foreign_domain"])
    }
    for token in ["demo", "reader"] { #expect(await fixture.get("/explain/host-one", as: token).status == 404) }
    #expect(await fixture.get("/explain/host-one?kind=node").status == 200)
  }
}
