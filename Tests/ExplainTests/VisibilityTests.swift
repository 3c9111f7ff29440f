import Contracts
import Kit
import NodeLink
import Store
import Testing

@testable import Explain

/// Who sees what.
struct VisibilityTests {
  @Test func anotherProjectsResourceIsNotThere() async throws {
    let fixture = try await Fixture()
    let id = fixture.shelf.put("server", "web")
    for text in [id, "web", String(id.prefix(9))] {
      #expect(await fixture.get("/explain/\(text)", as: "demo").status == 200)
      #expect(await fixture.get("/explain/\(text)", as: "other").status == 404)
      #expect(await fixture.get("/whatis/\(text)", as: "other").status == 404)
    }
  }

  @Test func everyRouteAsksForItsPermission() async throws {
    let fixture = try await Fixture()
    let read = ["/drift", "/quarantine", "/metrics"]
    for path in read {
      #expect(await fixture.get(path, as: nil).status == 401)
      for token in ["demo", "reader"] { #expect(await fixture.get(path, as: token).status == 403, "\(path)") }
      for token in ["admin", "system"] { #expect(await fixture.get(path, as: token).status == 200, "\(path)") }
    }
    for path in ["/explain/x", "/whatis/x"] {
      #expect(await fixture.get(path, as: nil).status == 401)
      #expect(await fixture.get(path, as: "reader").status == 404)
      #expect(await fixture.get(path, as: "system").status == 403)
    }
    #expect(await fixture.get("/drift/policies", as: nil).status == 401)
    #expect(await fixture.get("/drift/policies", as: "reader").status == 200)
    for token in ["demo", "reader", "system"] {
      let path = "/haneul/v1/quarantine/n/server/x"
      #expect(await fixture.send("POST", path, as: token, body: #"{"action": "remove"}"#).status == 403)
    }
    #expect(await fixture.get("", as: nil).status == 200)
    #expect(await fixture.send("GET", "/haneul", as: nil).json["versions"]?.array?.count == 1)
  }

  @Test func aMemberDoesNotSeeTheHostPart() async throws {
    let fixture = try await Fixture()
    let id = fixture.shelf.put("server", "web")
    let key = ObjectKey(.server, id)
    let generation = try await fixture.hold(.server, id)
    try await fixture.report(
      [Observation(key: key, generation: generation, ready: false)],
      events: [
        StepEvent(
          key: key, requestID: nil, step: "make_disk", began: fixture.now, ended: fixture.now,
          error: "qemu-img: /var/lib/haneul/x")
      ])
    let answer = await fixture.get("/explain/\(id)", as: "demo").text
    for hidden in ["host-one", Fixture.node, "qemu-img"] { #expect(!answer.contains(hidden), "\(hidden)") }
    #expect(answer.contains("make_disk"))
    let text = await fixture.text("/explain/\(id)", as: "demo")
    for hidden in ["host-one", Fixture.node, "qemu-img"] { #expect(!text.contains(hidden), "\(hidden)") }
    let admin = await fixture.text("/explain/\(id)")
    for shown in ["host-one", "qemu-img: /var/lib/haneul/x"] { #expect(admin.contains(shown), "\(shown)") }
  }

  @Test func whatIsSharedShowsNoHistoryToOthers() async throws {
    let fixture = try await Fixture()
    let id = fixture.shelf.put("network", "public", isShared: true)
    try await fixture.hold(.network, id)
    try await fixture.report(events: [
      StepEvent(
        key: ObjectKey(.network, id), requestID: nil, step: "make_devices", began: fixture.now, ended: fixture.now,
        error: nil)
    ])
    let own = try await fixture.explain(id, as: "demo")
    #expect(own["steps"]?.array?.count == 1)
    let others = try await fixture.explain(id, as: "other")
    #expect(others["steps"] == .array([]) && others["history"] == .array([]) && others["drift"] == .array([]))
    #expect(others["observed"]?["hosts"] == .array([]))
  }

  // MARK: What is gone

  /// Makes a port by a request, has the node take a step for it, and deletes it.
  private func gone(_ fixture: Fixture, madeBy token: String) async throws -> String {
    let made = await fixture.send("POST", "/network/v2.0/ports", as: token, body: #"{"port": {"name": "eth"}}"#)
    let id = try #require(made.json["port"]?["id"]?.string)
    try await fixture.report(events: [
      StepEvent(
        key: ObjectKey(.port, id), requestID: nil, step: "take_down", began: fixture.now, ended: fixture.now,
        error: nil)
    ])
    #expect(await fixture.send("DELETE", "/network/v2.0/ports/\(id)", as: token).status == 204)
    return id
  }

  @Test func whatIsGoneIsToldToTheProjectThatMadeIt() async throws {
    let fixture = try await Fixture()
    let id = try await gone(fixture, madeBy: "demo")
    for token in ["demo", "admin"] {
      let story = try await fixture.explain(id, as: token)
      #expect(story["gone"] == true && story["kind"] == "port")
      #expect(story["history"]?.array?.count == 2)
      #expect(story["steps"]?.array?.contains { $0["step"] == "take_down" } == true)
    }
    #expect(await fixture.get("/explain/\(id)", as: "other").status == 404)
    #expect(await fixture.get("/explain/\(id)?kind=server").status == 404)
  }

  /// A request that was refused, or one of another's, tells nothing of whose a thing was.
  @Test func askingForItDoesNotMakeItYours() async throws {
    let fixture = try await Fixture()
    let id = try await gone(fixture, madeBy: "demo")
    _ = await fixture.send("PUT", "/network/v2.0/ports/\(id)", as: "other", body: #"{"port": {}}"#)
    _ = await fixture.send("DELETE", "/network/v2.0/ports/\(id)", as: "other")
    _ = await fixture.send(
      "PUT", "/network/v2.0/floatingips/\(Identifier.uuid())", as: "other",
      body: #"{"floatingip": {"port_id": "\#(id)"}}"#)
    #expect(await fixture.get("/explain/\(id)", as: "other").status == 404)
    #expect(await fixture.get("/explain/\(id)", as: "demo").status == 200)
  }

  /// An administrator may have made it for another project: the members of his own do not see it.
  @Test func whatAnAdministratorMadeIsToldToAdministrators() async throws {
    let fixture = try await Fixture()
    let id = try await gone(fixture, madeBy: "admin")
    #expect(await fixture.get("/explain/\(id)").status == 200)
    #expect(await fixture.get("/explain/\(id)", as: "demo").status == 404)
  }

  @Test func aServiceTellsOfItsOwnPast() async throws {
    let fixture = try await Fixture()
    let id = fixture.shelf.put("server", "", status: "DELETED", isGone: true) { story in
      story.actions = [
        .init(
          name: "delete", requestID: Identifier.request(), userID: "u-demo", began: fixture.now, ended: fixture.now,
          message: nil, failed: false)
      ]
    }
    #expect(try await fixture.explain(id, as: "demo")["history"]?.array?.first?["what"] == "delete")
    #expect(await fixture.get("/explain/\(id)", as: "other").status == 404)
  }

  @Test func anIdThatNeverWasIsNotThere() async throws {
    let fixture = try await Fixture()
    let id = Identifier.uuid()
    _ = await fixture.send("PUT", "/network/v2.0/ports/\(id)", as: "demo", body: #"{"port": {}}"#)
    for token in ["admin", "demo"] { #expect(await fixture.get("/explain/\(id)", as: token).status == 404) }
  }
}
