import Auth
import Kit
import Synchronization
import Testing

@testable import API

/// What strangers try on the listener, over real sockets.
struct ListenerAttackTests {
  private func get(_ path: String, _ more: String = "") -> String {
    "GET \(path) HTTP/1.1\r\nHost: cloud:1\r\n\(more)Connection: close\r\n\r\n"
  }

  /// What two servers could understand differently is refused, and the connection ends: nothing can hide behind it.
  @Test(arguments: [
    ("POST / HTTP/1.1\r\nHost: c\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: c\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
    ("POST / HTTP/1.1\r\nHost: c\r\nContent-Length: 3, 3\r\n\r\nabc", 400),
    ("POST / HTTP/1.1\r\nHost: c\r\nContent-Length: +3\r\n\r\nabc", 400),
    ("POST / HTTP/1.1\r\nHost: c\r\nContent-Length: -1\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: c\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    ("POST / HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
    ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
    ("POST /compute/echo HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400),
    ("POST /compute/echo HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", 400),
    ("POST /compute/echo HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", 400),
    ("POST /compute/echo HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", 400),
    ("POST /compute/echo HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\n1\na\n0\n\n", 400),
    ("GET / HTTP/1.1\r\nHost : c\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: c\r\n folded\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: c\r\nA: b\nC: d\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: c\r\nA: b\rc\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: c\r\nA: \u{0}\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: c\r\n: x\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: evil/path\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a:123456\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: \"><script>\r\n\r\n", 400),
    ("GET http://a/b@c:x HTTP/2.0\r\nHost: c\r\n\r\n", 505), ("GET / HTTP/1.1 \r\nHost: c\r\n\r\n", 400),
    ("GET  / HTTP/1.1\r\nHost: c\r\n\r\n", 400), ("GET /\u{e9} HTTP/1.1\r\nHost: c\r\n\r\n", 400),
    ("G\u{0}T / HTTP/1.1\r\nHost: c\r\n\r\n", 400), ("GET x HTTP/1.1\r\nHost: c\r\n\r\n", 400),
    ("\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: c\r\n\r\n", 400), ("GET /#x HTTP/1.1\r\nHost: c\r\n\r\n", 400),
    ("CONNECT c:443 HTTP/1.1\r\nHost: c\r\n\r\n", 400), ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    ("POST / HTTP/1.1\r\nHost: c\r\nExpect: magic\r\nContent-Length: 1\r\n\r\nx", 417),
  ])
  func whatIsMalformedIsRefused(request: String, status: Int) async throws {
    let hidden = "GET /compute/things/smuggled HTTP/1.1\r\nHost: c\r\n\r\n"
    let answer = try await ListenerFixture().say(request + hidden)
    #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer)")
    #expect(answer.contains("Connection: close"))
    #expect(!answer.contains("smuggled"))
  }

  @Test func everySizeIsBoundedInTheServicesShape() async throws {
    let fixture = try await ListenerFixture { $0.headersMax = 20 }
    let long = String(repeating: "a", count: 9000)
    let target = try await fixture.say(get("/compute/things/\(long)"))
    #expect(target.hasPrefix("HTTP/1.1 414 "))
    #expect(target.contains(#"{"requestURITooLong":{"code":414,"#))
    let endless = try await fixture.say("GET /" + String(repeating: "a", count: 70_000))
    #expect(endless.hasPrefix("HTTP/1.1 414 "))
    let many = try await fixture.say(get("/compute/where", String(repeating: "A: b\r\n", count: 20)))
    #expect(many.hasPrefix("HTTP/1.1 431 "))
    #expect(many.contains(#"{"requestHeaderFieldsTooLarge":{"code":431,"#))
    let large = try await fixture.say(get("/compute/where", "A: " + String(repeating: long, count: 8) + "\r\n"))
    #expect(large.hasPrefix("HTTP/1.1 431 "))
    let body = "POST /compute/echo HTTP/1.1\r\nHost: c\r\nContent-Length: 300000\r\n\r\n"
    let tooLarge = try await fixture.say(body)
    #expect(tooLarge.hasPrefix("HTTP/1.1 413 "))
    #expect(tooLarge.contains(#"{"overLimit":{"code":413,"#))
  }

  @Test func aHeadThatTakesTooLongEndsTheConnection() async throws {
    let fixture = try await ListenerFixture { $0.headSeconds = 1 }
    let silent = try fixture.connect()
    let slow = try fixture.connect()
    try slow.send("GET /compute/where HTTP/1.1\r\nHost: ")
    #expect(await slow.rest().hasPrefix("HTTP/1.1 408 "))
    #expect(await silent.rest() == "")
  }

  @Test func aBodyThatDoesNotMoveIsGivenUp() async throws {
    let fixture = try await ListenerFixture { $0.paceSeconds = 1 }
    for (method, path) in [("POST", "echo"), ("PUT", "count")] {
      let answer = try await fixture.say(
        "\(method) /compute/\(path) HTTP/1.1\r\nHost: c\r\nContent-Length: 100000\r\n\r\nfew")
      #expect(answer.hasPrefix("HTTP/1.1 408 "), "\(path)")
      #expect(answer.contains(#"{"requestTimeout":{"code":408,"#))
    }
    let small = try await fixture.say("POST /compute/echo HTTP/1.1\r\nHost: c\r\nContent-Length: 10\r\n\r\nfew")
    #expect(small.hasPrefix("HTTP/1.1 408 "))
  }

  /// A client that reads nothing costs little memory, and not for long.
  @Test func aReaderThatDoesNotReadIsCut() async throws {
    let fixture = try await ListenerFixture { $0.paceSeconds = 1 }
    let wire = try Wire(port: fixture.port, receiveBuffer: 4096)
    try wire.send(get("/compute/endless"))
    await eventually("the answer is given up") { fixture.endless.hasEnded.load(ordering: .relaxed) }
    // What the system's own buffers took, and a piece.
    #expect(fixture.endless.bytes.load(ordering: .relaxed) < 32 * 1024 * 1024)
    await eventually("the connection ends") { fixture.listener.connections == 0 }
  }

  /// Answers that wait for their readers have a bound together.
  @Test func memoryForAnswersIsBounded() async throws {
    let fixture = try await ListenerFixture { $0.answerBytesMax = 7_000_000 }
    let wires = try (0..<8).map { _ in try Wire(port: fixture.port, receiveBuffer: 4096) }
    for wire in wires { try wire.send(get("/compute/large")) }
    await eventually("all are answered or refused") { fixture.watch.seen.count >= 8 }
    #expect(try await fixture.say(get("/compute/where")).hasPrefix("HTTP/1.1 200 "))
    withExtendedLifetime(wires) {}
  }

  @Test func connectionsAreBoundedAndIdleOnesMakeRoom() async throws {
    let fixture = try await ListenerFixture { $0.connectionsMax = 3 }
    let idle = try fixture.connect()
    try idle.send("GET /compute/things/1 HTTP/1.1\r\nHost: c\r\n\r\n")
    _ = await idle.until("\"}")
    let busy = try (0..<2).map { _ in try fixture.connect() }
    for wire in busy { try wire.send(get("/compute/gate")) }
    await eventually("both are worked on") { fixture.gate.arrived == 2 }
    let third = try fixture.connect()
    try third.send(get("/compute/gate"))
    await eventually("the idle one made room") { fixture.gate.arrived == 3 }
    #expect(await idle.rest().hasSuffix("\"}"))
    let refused = try fixture.connect()
    #expect(await refused.rest() == "")
    fixture.gate.open()
    for wire in busy + [third] { #expect(await wire.rest().contains("passed")) }
  }

  @Test func anAddressHasItsShareOfConnections() {
    var limits = EdgeLimits()
    limits.connectionsPerAddressMax = 2
    let ledger = ConnectionLedger(limits)
    #expect(ledger.enter("192.0.2.1") == .taken)
    #expect(ledger.enter("192.0.2.1") == .taken)
    #expect(ledger.enter("192.0.2.1") == .addressFull)
    #expect(ledger.enter("192.0.2.2") == .taken)
    #expect(ledger.enter(nil) == .taken)
    ledger.leave("192.0.2.1")
    #expect(ledger.enter("192.0.2.1") == .taken)
    #expect(ConnectionLedger(limits, descriptors: 300).maximum == 44)
    #expect(Guards.party("2001:db8::1") == Guards.party("2001:db8::2"))
    #expect(Guards.party("2001:db8::1") != Guards.party("2001:db8:0:1::1"))
  }

  @Test func whoAsksTooOftenIsToldWhenToComeBack() async throws {
    let fixture = try await ListenerFixture(
      { $0.addressRate = Rate(perSecond: 0.01, burst: 2) }, proxies: ["127.0.0.0/8"])
    func ask(_ address: String) async throws -> String {
      try await fixture.say(get("/compute/where", "X-Forwarded-For: \(address)\r\n"))
    }
    for _ in 0..<2 { #expect(try await ask("192.0.2.1").hasPrefix("HTTP/1.1 200 ")) }
    let refused = try await ask("192.0.2.1")
    #expect(refused.hasPrefix("HTTP/1.1 429 "))
    #expect(refused.contains("Retry-After: "))
    #expect(refused.contains(#"{"overLimit":{"code":429,"#))
    #expect(try await ask("192.0.2.2").hasPrefix("HTTP/1.1 200 "))
    for _ in 0..<5 { #expect(try await fixture.say(get("/compute/where")).hasPrefix("HTTP/1.1 200 ")) }
  }

  @Test func aProjectHasItsShareOfRequests() async throws {
    let fixture = try await ListenerFixture(
      { $0.projectRate = Rate(perSecond: 0.01, burst: 1) }, proxies: ["127.0.0.1"])
    func ask(_ address: String) async throws -> String {
      try await fixture.say(get("/compute/mine", "X-Auth-Token: good\r\nX-Forwarded-For: \(address)\r\n"))
    }
    #expect(try await ask("192.0.2.1").hasPrefix("HTTP/1.1 204 "))
    #expect(try await ask("192.0.2.2").hasPrefix("HTTP/1.1 429 "))
    #expect(try await ask("127.0.0.9").hasPrefix("HTTP/1.1 204 "))
  }

  /// More work than can be done: what waits is bounded in number and in time, and says so early.
  @Test func theQueueHasADeadline() async throws {
    let fixture = try await ListenerFixture {
      $0.requestsMax = 1
      $0.waitingMax = 1
      $0.waitMilliseconds = 300
    }
    let working = try fixture.connect()
    try working.send(get("/compute/gate"))
    await eventually("the first is worked on") { fixture.gate.arrived == 1 }
    let waiting = try fixture.connect()
    try waiting.send(get("/compute/things/late"))
    await eventually("the second waits") { fixture.gateway.guards.admission.load.waiting == 1 }
    let refused = try await fixture.say(get("/compute/things/x"))
    #expect(refused.hasPrefix("HTTP/1.1 503 "))
    #expect(refused.contains("Retry-After: "))
    #expect(await waiting.rest().hasPrefix("HTTP/1.1 503 "))
    fixture.gate.open()
    #expect(await working.rest().contains("passed"))
    #expect(try await fixture.say(get("/compute/things/x")).hasPrefix("HTTP/1.1 200 "))
    #expect(fixture.gateway.guards.admission.load == (0, 0))
  }

  /// SIGTERM: what was begun is answered, nothing else is taken.
  @Test func endingFinishesWhatWasBegun() async throws {
    let fixture = try await ListenerFixture()
    let idle = try fixture.connect()
    try idle.send("GET /compute/things/1 HTTP/1.1\r\nHost: c\r\n\r\n")
    _ = await idle.until("\"}")
    let busy = try fixture.connect()
    try busy.send("GET /compute/gate HTTP/1.1\r\nHost: c\r\n\r\n")
    await eventually("it is worked on") { fixture.gate.arrived == 1 }
    fixture.stop()
    #expect(await idle.rest().hasSuffix("\"}"))
    await eventually("nobody else is let in") { (try? fixture.connect()) == nil }
    fixture.gate.open()
    let answer = await busy.rest()
    #expect(answer.contains("Connection: close"))
    #expect(answer.hasSuffix(#"{"passed":true}"#))
    await fixture.stopped()
  }

  /// What never ends is cut after a bounded time.
  @Test func endingDoesNotWaitForever() async throws {
    let fixture = try await ListenerFixture { $0.drainSeconds = 1 }
    let busy = try fixture.connect()
    try busy.send(get("/compute/gate"))
    await eventually("it is worked on") { fixture.gate.arrived == 1 }
    fixture.stop()
    await fixture.stopped()
    #expect(await busy.rest() == "")
    fixture.gate.open()
  }
}
