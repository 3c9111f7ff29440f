import Foundation
import Kit
import Testing

@testable import API

/// The listener over real sockets: what it takes, and in which order it answers.
struct ListenerTests {
  private func get(_ path: String, _ more: String = "", close: Bool = true) -> String {
    "GET \(path) HTTP/1.1\r\nHost: cloud:1\r\n\(more)\(close ? "Connection: close\r\n" : "")\r\n"
  }

  @Test func answersAndCloses() async throws {
    let answer = try await ListenerFixture().say(get("/compute/things/x/"))
    #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(answer.hasSuffix(#"{"id":"x"}"#))
    for field in ["Content-Length: 10", "Connection: close", "X-Openstack-Request-Id: req-", "Date: "] {
      #expect(answer.contains(field))
    }
  }

  @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
    let fixture = try await ListenerFixture()
    let wire = try fixture.connect()
    try wire.send((0..<100).map { get("/compute/things/\($0)", close: $0 == 99) }.joined())
    let answers = await wire.rest().split(separator: "{\"id\":\"").dropFirst().map { $0.prefix { $0 != "\"" } }
    #expect(answers.map { Int($0) } == (0..<100).map { $0 })
  }

  /// A slow answer holds those behind it on its connection back, and nobody else.
  @Test func aSlowAnswerKeepsTheOrder() async throws {
    let fixture = try await ListenerFixture()
    let wire = try fixture.connect()
    try wire.send(get("/compute/gate", close: false) + get("/compute/things/after"))
    await eventually("the first is worked on") { fixture.gate.arrived == 1 }
    #expect(try await fixture.say(get("/compute/things/other")).contains("other"))
    fixture.gate.open()
    let text = await wire.rest()
    let first = try #require(text.range(of: "passed"))
    let second = try #require(text.range(of: "after"))
    #expect(first.lowerBound < second.lowerBound)
  }

  @Test func bodiesComeInAnyPieces() async throws {
    let fixture = try await ListenerFixture()
    let whole = "POST /compute/echo HTTP/1.1\r\nHost: c\r\nConnection: close\r\n"
    let chunked = whole + "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\n{\"a\r\n5\r\n\": 1}\r\n0\r\nTrailer: t\r\n\r\n"
    #expect(try await fixture.say(chunked).hasSuffix(#"{"a":1}"#))
    let wire = try fixture.connect()
    for character in chunked { try wire.send(String(character)) }
    #expect(await wire.rest().hasSuffix(#"{"a":1}"#))
    #expect(try await fixture.say(whole + "Content-Length: 7\r\n\r\n{\"a\":1}").hasSuffix(#"{"a":1}"#))
  }

  @Test func aLongBodyIsStreamedAndALongAnswerIsWhole() async throws {
    let fixture = try await ListenerFixture()
    let body = String(repeating: "x", count: 1_000_000)
    let wire = try fixture.connect()
    let head = "PUT /compute/count HTTP/1.1\r\nHost: c\r\nConnection: close\r\nContent-Length: 1000000\r\n\r\n"
    let sending = Task.detached { try wire.send(head + body) }
    #expect(await wire.rest().hasSuffix(#"{"count":1000000}"#))
    try await sending.value
    let large = try await fixture.say(get("/compute/large"))
    #expect(large.hasSuffix(String(repeating: "a", count: 3_000_000)))
    #expect(large.contains("Content-Length: 3000000\r\n"))
    let streamed = try await fixture.say(get("/compute/stream"))
    #expect(streamed.hasSuffix("\r\n\r\n8\r\npiece 0\n\r\n8\r\npiece 1\n\r\n8\r\npiece 2\n\r\n0\r\n\r\n"))
  }

  /// Fewer bytes than were announced: the client must not take them for all.
  @Test func anAnswerThatBreaksOffIsSeenToBreakOff() async throws {
    let text = try await ListenerFixture().say(get("/compute/short", close: false))
    #expect(text.contains("Content-Length: 100\r\n"))
    #expect(text.hasSuffix("too few"))
  }

  @Test func continueIsSaidWhenTheBodyIsWanted() async throws {
    let fixture = try await ListenerFixture()
    let head = "HTTP/1.1\r\nHost: c\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"
    let wire = try fixture.connect()
    try wire.send("POST /compute/echo " + head)
    #expect(await wire.until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
    try wire.send("{}")
    #expect(await wire.rest().hasSuffix("{}"))
    let refused = try await fixture.say("POST /compute/guarded " + head)
    #expect(refused.hasPrefix("HTTP/1.1 401 "))
  }

  /// The answer to a body that nobody reads reaches a client that goes on sending.
  @Test func anEarlyAnswerIsNotLost() async throws {
    let fixture = try await ListenerFixture()
    let wire = try fixture.connect()
    try wire.send("PUT /compute/deaf HTTP/1.1\r\nHost: c\r\nContent-Length: 400000\r\n\r\n")
    try wire.send(String(repeating: "x", count: 300_000))
    let answer = await wire.rest()
    #expect(answer.hasPrefix("HTTP/1.1 400 "))
    #expect(answer.contains("Connection: close"))
  }

  @Test func whoSendsNoMoreIsStillAnswered() async throws {
    let fixture = try await ListenerFixture()
    let wire = try fixture.connect()
    try wire.send(get("/compute/gate", close: false))
    wire.endSending()
    await eventually("it is worked on") { fixture.gate.arrived == 1 }
    fixture.gate.open()
    #expect(await wire.rest().hasSuffix(#"{"passed":true}"#))
  }

  @Test func headAndOptions() async throws {
    let fixture = try await ListenerFixture()
    let head = try await fixture.say("HEAD /compute/things/x HTTP/1.1\r\nHost: c\r\nConnection: close\r\n\r\n")
    #expect(head.contains("Content-Length: 10\r\n"))
    #expect(head.contains("Content-Type: application/json\r\n"))
    #expect(head.hasSuffix("\r\n\r\n"))
    let options = try await fixture.say("OPTIONS /compute/things/x HTTP/1.0\r\n\r\n")
    #expect(options.hasPrefix("HTTP/1.1 204 "))
    #expect(options.contains("Allow: GET, HEAD, OPTIONS\r\n"))
  }

  @Test func http10ClosesUnlessAsked() async throws {
    let fixture = try await ListenerFixture()
    #expect(try await fixture.say("GET /compute/things/x HTTP/1.0\r\n\r\n").contains("Connection: close"))
    let wire = try fixture.connect()
    try wire.send("GET /compute/things/x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    #expect(await wire.until("\"}").contains("Connection: keep-alive"))
    try wire.send("GET /compute/things/y HTTP/1.0\r\n\r\n")
    #expect(await wire.rest().contains("\"y\""))
  }

  @Test func eachRequestIsToldOnce() async throws {
    let fixture = try await ListenerFixture()
    let id = "req-\(Identifier.uuid())"
    _ = try await fixture.say(get("/compute/things/x?secret=1", "X-OpenStack-Request-ID: \(id)\r\n"))
    _ = try await fixture.say(get("/compute/stream", "X-OpenStack-Request-ID: req-\(id)\r\n"))
    _ = try await fixture.say(get("/compute/nothing"))
    _ = try await fixture.say("nonsense\r\n\r\n")
    await eventually("four are told") { fixture.watch.seen.count == 4 }
    let seen = fixture.watch.seen.sorted { $0.began < $1.began }
    try #require(seen.count == 4)
    #expect(seen.map(\.status) == [200, 200, 404, 400])
    #expect(seen.map(\.globalRequestID) == [id, nil, nil, nil])
    #expect(seen[0].route?.path == "/things/{id}")
    #expect(seen[0].path == "/compute/things/x")
    #expect(seen[0].bytesOut == 10)
    #expect(seen[1].bytesOut == 24)
    #expect(seen[2].refusal == "The resource could not be found.")
    #expect(seen[3].service == nil)
  }
}
