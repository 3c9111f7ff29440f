import AsyncHTTPClient
import Foundation
public import Logging
import NIOCore
import NIOHTTP1
import Synchronization

/// The node's end of the link: HTTP over control's Unix socket. Where there are several controls it speaks to one of
/// them, and to the next one as soon as that is lost.
///
/// Every connection, new or pooled, has had its other end's user checked by `SO_PEERCRED` before a byte is sent on it:
/// the check runs in the client's hook for fresh connections, which fails the request where the user is another.
public final class NodeLinkClient: ControlLink {
  /// One connection is the stream, one the reports; the rest are blobs.
  static let connectionsMax = 32

  private let socketPaths: [String]
  /// Which of them is spoken to. It only grows: every loss moves it on.
  private let turn: Mutex<Int>
  private let http: HTTPClient
  private let logger: Logger

  /// - Parameters:
  ///   - socketPaths: absolute paths of the controls' sockets, at least one.
  ///   - controlUID: the user that control runs as; anybody else behind the socket is refused.
  public init(socketPaths: [String], controlUID: UInt32, logger: Logger) {
    self.socketPaths = socketPaths
    // Nodes spread over the controls.
    turn = Mutex(Int.random(in: 0..<max(1, socketPaths.count)))
    self.logger = logger
    var configuration = HTTPClient.Configuration(
      redirectConfiguration: .disallow,
      timeout: .init(connect: .seconds(5), read: .seconds(Int64(LinkLimit.silenceSecondsMax))))
    configuration.connectionPool.retryConnectionEstablishment = false
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = Self.connectionsMax
    configuration.http1_1ConnectionDebugInitializer = { channel in
      PeerCredentials.of(channel).flatMap { peer in
        if peer.uid == controlUID { return channel.eventLoop.makeSucceededVoidFuture() }
        channel.close(promise: nil)
        return channel.eventLoop.makeFailedFuture(LinkError.wrongPeer(uid: peer.uid))
      }
    }
    http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }

  /// With one control.
  public convenience init(socketPath: String, controlUID: UInt32, logger: Logger) {
    self.init(socketPaths: [socketPath], controlUID: controlUID, logger: logger)
  }

  /// Closes every connection. Call it once, when nothing is under way any more.
  public func close() async throws { try await http.shutdown() }

  public func messages(hello: Hello) -> AsyncThrowingStream<LinkMessage, any Error> {
    let lines = LinePuller { [self] in LineReader(try await openStream(hello).body) }
    return AsyncThrowingStream { [self] in
      while let line = try await follow(lines) {
        if let message = try? JSONDecoder().decode(LinkMessage.self, from: line) { return message }
        // A newer control may speak of what this node does not know: it is left untouched, and said.
        logger.warning("a message of control is not understood", metadata: ["bytes": "\(line.count)"])
      }
      return nil
    }
  }

  /// The stream of the first control that gives one, beginning with the one whose turn it is. Throws what the last one
  /// tried threw.
  private func openStream(_ hello: Hello) async throws -> HTTPClientResponse {
    let body = try JSONEncoder().encode(hello)
    for _ in 1..<socketPaths.count {
      do { return try await post("stream", body) } catch let error where !(error is CancellationError) {
        logger.info("this control gives no stream", metadata: ["socket": "\(socketPath)", "error": "\(error)"])
        moveOn()
      }
    }
    return try await post("stream", body)
  }

  /// The next line. When the stream is lost it is the next control's turn.
  private func follow(_ lines: LinePuller) async throws -> Data? {
    do {
      if let line = try await lines.next() { return line }
    } catch {
      moveOn()
      throw error
    }
    moveOn()
    return nil
  }

  private func moveOn() { turn.withLock { $0 += 1 } }

  private var socketPath: String { socketPaths[turn.withLock { $0 } % socketPaths.count] }

  /// Asks the control behind the socket about a node that speaks to it.
  func ask(_ query: PeerQuery) async throws -> PeerAnswer {
    let response = try await post("query", JSONEncoder().encode(query))
    let body = try await response.body.collect(upTo: LinkLimit.answerBytesMax * 2)
    return try JSONDecoder().decode(PeerAnswer.self, from: Data(body.readableBytesView))
  }

  public func report(_ report: Report) async throws { try await send("report", JSONEncoder().encode(report)) }

  public func answer(_ answer: NodeAnswer) async throws { try await send("answer", JSONEncoder().encode(answer)) }

  public func blob(digest: String, write: @Sendable ([UInt8]) async throws -> Void) async throws {
    let response = try await http.execute(request("blobs/\(digest)"), timeout: .hours(1), logger: logger)
    if response.status == .notFound { throw LinkError.blobNotFound(digest: digest) }
    try await check(response)
    for try await piece in response.body { try await write(Array(piece.readableBytesView)) }
  }

  private func request(_ path: String) -> HTTPClientRequest {
    let socket = socketPath.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
    return HTTPClientRequest(url: "http+unix://\(socket)/nodelink/v1/\(path)")
  }

  private func send(_ path: String, _ body: Data) async throws {
    // The answer is empty; reading it to its end gives the connection back.
    for try await _ in try await post(path, body).body {}
  }

  private func post(_ path: String, _ body: Data) async throws -> HTTPClientResponse {
    var request = request(path)
    request.method = .POST
    request.headers.add(name: "content-type", value: "application/json")
    request.body = .bytes(ByteBuffer(bytes: body))
    let timeout = TimeAmount.seconds(Int64(LinkLimit.silenceSecondsMax))
    let response = try await http.execute(request, timeout: timeout, logger: logger)
    try await check(response)
    return response
  }

  private func check(_ response: HTTPClientResponse) async throws {
    guard response.status != .ok else { return }
    let body = try? await response.body.collect(upTo: 4096)
    throw LinkError.refused(status: Int(response.status.code), reason: body.map { String(buffer: $0) } ?? "")
  }
}

/// Opens the stream at the first pull, then reads on.
private actor LinePuller {
  private let open: @Sendable () async throws -> LineReader
  private var reader: LineReader?

  init(open: @escaping @Sendable () async throws -> LineReader) { self.open = open }

  func next() async throws -> Data? {
    if let reader { return try await reader.next() }
    let fresh = try await open()
    reader = fresh
    return try await fresh.next()
  }
}
