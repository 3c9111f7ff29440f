import Foundation
import Kit
import NIOCore
import NIOPosix
import NIOSSL
import Testing

@testable import API

/// What strangers try by HTTP/2, frame by frame.
struct HTTP2AttackTests {
  private func fixture(_ change: (inout EdgeLimits) -> Void = { _ in }) async throws -> (ListenerFixture, String) {
    let folder = FileManager.default.temporaryDirectory.path() + "/h2-" + Identifier.uuid()
    let authority = CertificateAuthority(directory: folder)
    return (try await ListenerFixture(change, tls: .authority(authority, names: ["localhost"])), folder)
  }

  /// A client that takes nothing keeps no connection, though it lets everything be sent: when its streams are given
  /// up, what was written for them still waits.
  @Test func whoTakesNoAnswersIsCut() async throws {
    let (fixture, folder) = try await fixture { $0.paceSeconds = 1 }
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let client = try await FrameClient(port: fixture.port)
    await client.stopReading()
    // More than the system's buffers take. All at once: no more is read from who does not read himself.
    try await client.send([1, 3, 5, 7].flatMap { FrameClient.headers("/compute/large", stream: $0) })
    await eventually("they are answered") { fixture.watch.seen.count == 4 }
    await eventually("the connection ends") { fixture.listener.connections == 0 }
    await client.close()
  }

  /// Each of these ends the connection: nothing of it is kept.
  @Test(arguments: ["reset", "continuation", "bomb", "settings", "ping"])
  func floodsEndTheConnection(kind: String) async throws {
    let (fixture, folder) = try await fixture()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let client = try await FrameClient(port: fixture.port)
    #expect(fixture.listener.connections == 1)
    // What is sent behind the end fails, which is the point.
    for frame in FrameClient.flood(kind) { try? await client.send(frame) }
    await eventually("the connection ends") { fixture.listener.connections == 0 }
    await client.close()
    fixture.gate.open()
    await eventually("nothing of it is left") { fixture.gateway.guards.admission.load == (0, 0) }
  }

  @Test func aMethodIsAShortWord() async throws {
    let (fixture, folder) = try await fixture()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let client = try await FrameClient(port: fixture.port)
    let long = String(repeating: "A", count: 100)
    try await client.send(FrameClient.headers("/compute/where", method: long, stream: 1))
    try await client.send(FrameClient.headers("/compute/where", method: "GET", stream: 3))
    await eventually("both are answered") { fixture.watch.seen.count == 2 }
    #expect(fixture.watch.seen.map(\.status) == [400, 200])
    await client.close()
  }
}

/// Speaks frames of HTTP/2 over TLS, good ones and others.
private final class FrameClient: Sendable {
  private let channel: any Channel
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

  /// Returns when the server has spoken.
  init(port: Int) async throws {
    var settings = TLSConfiguration.makeClientConfiguration()
    settings.certificateVerification = .none
    settings.applicationProtocols = ["h2"]
    let context = try NIOSSLContext(configuration: settings)
    let (spoken, speak) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    channel = try await ClientBootstrap(group: group)
      .channelOption(.socketOption(.so_rcvbuf), value: 4096)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: context, serverHostname: nil))
          try channel.pipeline.syncOperations.addHandler(Listener(speak))
        }
      }.connect(host: "127.0.0.1", port: port).get()
    // Windows as large as they can be: flow control holds nothing back.
    let windows = Self.frame(4, 0, 0, [0, 4, 0x7f, 0xff, 0xff, 0xff]) + Self.frame(8, 0, 0, [0x7f, 0xff, 0, 0])
    try await send(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + windows)
    for await _ in spoken { break }
    try await send(Self.frame(4, 1, 0, []))
  }

  private final class Listener: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let speak: AsyncStream<Void>.Continuation

    init(_ speak: AsyncStream<Void>.Continuation) { self.speak = speak }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { speak.yield() }
    func channelInactive(context: ChannelHandlerContext) { speak.finish() }
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
  }

  func stopReading() async { try? await channel.setOption(.autoRead, value: false).get() }

  func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }

  func close() async {
    try? await channel.close()
    try? await group.shutdownGracefully()
  }

  // MARK: - Frames

  static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
    let count = payload.count
    let head = [UInt8(count >> 16 & 0xff), UInt8(count >> 8 & 0xff), UInt8(count & 0xff), type, flags]
    return head + (0..<4).map { UInt8(stream >> (24 - $0 * 8) & 0xff) } + payload
  }

  /// A whole request without a body.
  static func headers(_ path: String, method: String = "GET", stream: UInt32) -> [UInt8] {
    frame(1, 0x5, stream, fields(path, method))
  }

  /// HPACK: names by their number, values as they are.
  private static func fields(_ path: String, _ method: String = "GET") -> [UInt8] {
    func literal(_ name: UInt8, _ text: String) -> [UInt8] { [name, UInt8(text.utf8.count)] + text.utf8 }
    return [0x87] + literal(0x02, method) + literal(0x04, path) + literal(0x01, "c")
  }

  static func flood(_ kind: String) -> [[UInt8]] {
    switch kind {
    case "reset":
      // The client's interest ends as soon as it has asked.
      return (0..<1000).map { number in
        let stream = UInt32(number * 2 + 1)
        return headers("/compute/gate", stream: stream) + frame(3, 0, stream, [0, 0, 0, 8])
      }
    case "continuation":
      // A head that never ends.
      let more = (0..<1000).map { _ in frame(9, 0, 1, [0x00, 1, 0x61, 1, 0x62]) }
      return [frame(1, 0x1, 1, fields("/compute/where"))] + more
    case "bomb":
      // One long field, kept in the table of both sides and then said thousands of times by its number.
      let long: [UInt8] = [0x40, 1, 0x61, 0x7f, 0xa1, 0x1e] + [UInt8](repeating: 0x62, count: 4000)
      return [frame(1, 0x5, 1, fields("/compute/where") + long + [UInt8](repeating: 0xbe, count: 10_000))]
    case "settings": return (0..<1000).map { _ in frame(4, 0, 0, []) }
    default: return (0..<1000).map { _ in frame(6, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0]) }
    }
  }
}
