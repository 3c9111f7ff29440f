import Foundation
import Kit
import NIOCore
import Synchronization
import Testing

@testable import API

/// Bounds that an attacker looks for where they are easily forgotten.
struct ListenerDefenceTests {
  /// A body in chunks of a byte must not become a list of as many pieces, which is dear to go through.
  @Test func smallPiecesAreJoined() async throws {
    let body = IncomingBody {}
    let letters = (0..<60_000).map { UInt8(0x61 + $0 % 26) }
    for letter in letters { _ = body.append(ByteBuffer(bytes: [letter])) }
    body.finish()
    var (text, pieces): ([UInt8], Int) = ([], 0)
    while let piece = try await body.next() {
      text += piece.readableBytesView
      pieces += 1
    }
    #expect(text == letters)
    #expect(pieces <= 8)
    let large = IncomingBody {}
    for _ in 0..<4 { _ = large.append(ByteBuffer(repeating: 0x61, count: 2000)) }
    #expect(try await large.next()?.readableBytes == 2000)
  }

  @Test func chunksOfAByteAreABody() async throws {
    let fixture = try await ListenerFixture()
    let text = "[" + Array(repeating: "1", count: 10_000).joined(separator: ",") + "]"
    let chunks = text.map { "1\r\n\($0)\r\n" }.joined() + "0\r\n\r\n"
    let head = "POST /compute/echo HTTP/1.1\r\nHost: c\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    #expect(try await fixture.say(head + chunks).hasSuffix(text))
  }

  /// A body of exactly as many bytes as may wait stops the reading. Where its handler does not want it, the reading
  /// must go on with the next request.
  @Test func aBodyThatNobodyReadStopsNothing() async throws {
    for pause in [100, 1000, 5000] {
      let fixture = try await ListenerFixture()
      let wire = try fixture.connect()
      let size = IncomingBody.bytesMax
      try wire.send(
        "PUT /compute/late HTTP/1.1\r\nHost: c\r\nContent-Type: application/octet-stream\r\n"
          + "Content-Length: \(size)\r\n\r\n" + String(repeating: "x", count: size))
      await eventually("the handler has the request") { fixture.gate.arrived == 1 }
      try await Task.sleep(for: .milliseconds(pause))
      fixture.gate.open()
      // Before all of the body is there the answer ends the connection, and shows nothing.
      if await wire.until("I do not listen.").contains("Connection: close") { continue }
      try wire.send("GET /compute/things/next HTTP/1.1\r\nHost: c\r\n\r\n")
      #expect(await wire.until("\"next\"").contains("\"next\""))
      return
    }
    Issue.record("The body was never there in time.")
  }

  /// Two readers could see two sizes.
  @Test(arguments: [
    ("1 1", false), ("1\t1", false), ("1 x;a", false), (" 1", false), ("0x1", false), ("1", true), ("1 ", true),
    ("1;a=b", true), ("1 \t;a=b", true), ("01", true),
  ])
  func aChunkHasOneSize(size: String, isGood: Bool) async throws {
    let answer = try await ListenerFixture().say(
      "POST /compute/echo HTTP/1.1\r\nHost: c\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "\(size)\r\n7\r\n0\r\n\r\n")
    #expect(answer.hasPrefix(isGood ? "HTTP/1.1 200 " : "HTTP/1.1 400 "), "\(answer)")
  }

  /// HTTP/1.0 would take the chunks' sizes for a part of the body.
  @Test func http10GetsNoChunks() async throws {
    let wire = try await ListenerFixture().say("GET /compute/stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    #expect(!wire.lowercased().contains("chunked"))
    #expect(wire.contains("Connection: close\r\n"))
    #expect(wire.hasSuffix("\r\n\r\npiece 0\npiece 1\npiece 2\n"))
  }

  /// Connections that take their time to close let no unbounded number in.
  @Test func thoseBeingClosedCount() {
    var limits = EdgeLimits()
    limits.connectionsMax = 2
    let ledger = ConnectionLedger(limits)
    for _ in 0..<2 { #expect(ledger.enter(nil) == .taken) }
    #expect(ledger.enter(nil) == .full)
    let replacing = (0..<1000).count { _ in ledger.enter(nil, replacing: true) == .taken }
    #expect(replacing > 0)
    #expect(ledger.total < 100)
  }

  /// A crash between writing the key and writing its certificate must not keep the listener down for ever.
  @Test func aKeyOfAnotherCertificateIsMadeAnew() throws {
    let folder = FileManager.default.temporaryDirectory.path() + "/ca-" + Identifier.uuid()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let authority = CertificateAuthority(directory: folder)
    #expect(try authority.prepare(names: ["localhost"]))
    let root = try String(contentsOfFile: authority.certificate, encoding: .utf8)
    try String(contentsOfFile: authority.key, encoding: .utf8)
      .write(toFile: authority.serverKey, atomically: true, encoding: .utf8)
    try ListenerTLS.authority(authority, names: ["localhost"]).check()
    #expect(try !authority.prepare(names: ["localhost"]))
    #expect(try String(contentsOfFile: authority.certificate, encoding: .utf8) == root)
  }

  /// What is streamed counts in the memory for answers, too, and is given back.
  @Test func streamedAnswersAreBoundedTogether() async throws {
    let fixture = try await ListenerFixture { $0.answerBytesMax = 20 }
    let wire = try fixture.connect()
    try wire.send("GET /compute/endless HTTP/1.1\r\nHost: c\r\n\r\n")
    await eventually("there is no room for it") { fixture.endless.hasEnded.load(ordering: .relaxed) }
    #expect(fixture.endless.bytes.load(ordering: .relaxed) == 0)
    let request = "GET /compute/stream HTTP/1.1\r\nHost: c\r\nConnection: close\r\n\r\n"
    for _ in 0..<10 { #expect(try await fixture.say(request).hasSuffix("piece 2\n\r\n0\r\n\r\n")) }
  }
}
