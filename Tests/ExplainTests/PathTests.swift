import Contracts
import Kit
import NodeLink
import Store
import Testing

@testable import Explain

/// The way of a port's packets, asked of its node.
struct PathTests {
  private static let open = PacketPath(hops: [
    .init(kind: "tap", name: "habcdt1a2b3c4d5", state: "up", passes: true, packets: 12, bytes: 3456),
    .init(kind: "bridge", name: "habcdb1a2b3c4d5", state: "up", passes: true),
  ])
  private static let dropping = PacketPath(
    hops: open.hops + [
      .init(
        kind: "anti-spoofing", name: "port_1a2b", state: "rules loaded", passes: true, packets: 3, bytes: 180,
        drops: ["source MAC: 12"])
    ])
  private static let broken = PacketPath(
    hops: dropping.hops + [.init(kind: "router", name: "haneul-abcd-router-x", state: "no namespace", passes: false)])

  private func port(_ fixture: Fixture) async throws -> String {
    let id = fixture.shelf.put("port", "eth") { $0.rules = ["in IPv4 tcp 22 (default)"] }
    let generation = try await fixture.hold(.port, id)
    try await fixture.report([Observation(key: ObjectKey(.port, id), generation: generation, ready: true)])
    return id
  }

  @Test func everyHopIsToldWithItsCounters() async throws {
    let fixture = try await Fixture()
    let id = try await port(fixture)
    fixture.paths.set(.path(Self.open))
    let story = try await fixture.explain(id)
    let path = try #require(story["packet_path"])
    #expect(path["hops"]?.array?.count == 2)
    let tap = try #require(path["hops"]?.array?.first)
    #expect(tap["kind"] == "tap" && tap["name"] == "habcdt1a2b3c4d5" && tap["packets"] == 12 && tap["bytes"] == 3456)
    #expect(path["blocked_at"] == .null && path["problem"] == .null)
    #expect(fixture.paths.questions == ["\(Fixture.node) \(id)"])
    #expect(story["rules"] == .array(["in IPv4 tcp 22 (default)"]))
    #expect(await fixture.text("/explain/\(id)").contains("pass every hop"))
  }

  @Test func wherePacketsAreDroppedIsSaid() async throws {
    let fixture = try await Fixture()
    let id = try await port(fixture)
    fixture.paths.set(.path(Self.dropping))
    #expect(try await fixture.explain(id)["packet_path"]?["blocked_at"] == "anti-spoofing")
    #expect(await fixture.text("/explain/\(id)").contains("dropped: source MAC: 12"))
    // Where nothing can pass at all comes before where some are dropped.
    fixture.paths.set(.path(Self.broken))
    #expect(try await fixture.explain(id)["packet_path"]?["blocked_at"] == "router")
    #expect(await fixture.text("/explain/\(id)").contains("cannot pass at: router haneul-abcd-router-x"))
  }

  @Test func aMemberSeesNoNamesOfTheHost() async throws {
    let fixture = try await Fixture()
    let id = try await port(fixture)
    fixture.paths.set(.path(Self.broken))
    let hops = try #require(try await fixture.explain(id, as: "demo")["packet_path"]?["hops"]?.array)
    #expect(hops.count == 4)
    #expect(hops.allSatisfy { $0["name"] == nil && $0["state"] == nil && $0["passes"] != nil })
    let text = await fixture.text("/explain/\(id)", as: "demo")
    #expect(!text.contains("habcdt") && !text.contains("no namespace") && text.contains("source MAC: 12"))
  }

  @Test func aHostThatDoesNotAnswerIsSaidAndTheRestIsTold() async throws {
    let fixture = try await Fixture()
    let id = try await port(fixture)
    for (reply, words) in [
      (Paths.Reply.failure(.notConnected(node: Fixture.node)), "not connected"),
      (.failure(.failed("secret of the inside")), "could not look"), (.failure(.timedOut), "in time"),
      (.bytes(nil), "nothing to tell"), (.bytes(Array("{".utf8)), "could not be read"),
      (.silence, "within 3 seconds"),
    ] {
      fixture.paths.set(reply)
      let story = try await fixture.explain(id)
      let problem = try #require(story["packet_path"]?["problem"]?.string)
      #expect(problem.contains(words) && !problem.contains("secret"), "\(problem)")
      #expect(story["name"] == "eth")
    }
  }

  @Test func aHostThatIsAwayIsNotAsked() async throws {
    let fixture = try await Fixture()
    let id = try await port(fixture)
    try await fixture.store.write { try $0.execute("UPDATE node SET up = 0") }
    #expect(try await fixture.explain(id)["packet_path"]?["problem"]?.string?.contains("away") == true)
    #expect(fixture.paths.questions.isEmpty)
  }

  @Test func aPortOnNoHostHasNoWay() async throws {
    let fixture = try await Fixture()
    let id = fixture.shelf.put("port", "eth")
    #expect(try await fixture.explain(id)["packet_path"] == nil)
  }
}
