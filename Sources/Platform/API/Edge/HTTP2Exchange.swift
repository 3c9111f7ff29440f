import Kit
import NIOCore
import NIOHTTP1

/// One request and its answer on a stream of HTTP/2.
final class HTTP2Exchange: ChannelDuplexHandler, AnswerTaker {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  private let connection: HTTP2Connection
  private let peer: PeerFacts
  private var context: ChannelHandlerContext?
  private var head: RequestHead?
  private var collected: ByteBuffer?
  private var body: IncomingBody?
  private var bytes = 0
  private var isComplete = false
  private var isAnswered = false
  private var isBodyFull = false
  private var isHeld = false
  private var inPace: Pace?
  private var outPace: Pace?
  private var charged = 0
  private var taken = 0

  private var core: EdgeCore { connection.core }
  /// Whether a piece of the answer waits for the client to take it.
  private(set) var isWriting = false

  init(_ connection: HTTP2Connection, _ peer: PeerFacts) {
    self.connection = connection
    self.peer = peer
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    connection.opened(self)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    ended()
    self.context = nil
  }

  func channelInactive(context: ChannelHandlerContext) {
    ended()
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { close() }

  private func ended() {
    if !isComplete { body?.fail(IncomingBody.Ended()) }
    core.answers.give(charged)
    charged = 0
    connection.ended(self)
  }

  private func close() { context?.close(promise: nil) }

  // MARK: - Reading

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): begin(head)
    case .body(let piece): take(piece)
    case .end: complete()
    }
  }

  func read(context: ChannelHandlerContext) {
    if isBodyFull { isHeld = true } else { context.read() }
  }

  private func begin(_ message: HTTPRequestHead) {
    do throws(MalformedRequest) {
      let head = try RequestHead(message, core.limits)
      self.head = head
      inPace = Pace(since: .now())
      if head.expectsContinue { start(head) }
    } catch {
      isAnswered = true
      send(
        core.gateway.refuse(
          error.fault, method: message.method.rawValue, target: error.target, remoteAddress: peer.address))
    }
  }

  private func take(_ piece: ByteBuffer) {
    guard let head, !isAnswered else { return }
    var piece = piece
    bytes += piece.readableBytes
    if let body {
      isBodyFull = body.append(piece)
    } else if collected == nil {
      collected = piece
    } else {
      collected?.writeBuffer(&piece)
    }
    if body == nil, bytes >= HTTPConnection.windowBytes { start(head) }
  }

  private func complete() {
    isComplete = true
    inPace = nil
    guard let head, !isAnswered else { return }
    if let body { body.finish() } else { start(head) }
  }

  private func start(_ head: RequestHead) {
    guard let context else { return }
    let loop = context.eventLoop
    let bound = NIOLoopBound(self, eventLoop: loop)
    var source = BodyStream.Source.none
    if isComplete {
      source = collected.map { .whole($0) } ?? .none
    } else {
      let body = IncomingBody { loop.execute { bound.value.readOn() } }
      if let collected { isBodyFull = body.append(collected) }
      self.body = body
      source = .live(body)
    }
    collected = nil
    let request = core.request(head, BodyStream(source), peer)
    core.serve(request, Delivery(bound: bound, loop: loop, number: 0), on: connection.keeper.executor)
  }

  private func readOn() {
    isBodyFull = false
    guard isHeld else { return }
    isHeld = false
    context?.read()
  }

  // MARK: - Writing

  func answer(_ reply: Reply, to number: Int) {
    guard !isAnswered else { return }
    isAnswered = true
    send(reply)
  }

  private func send(_ reply: Reply) {
    guard let context else { return }
    if case .bytes(let bytes, _) = reply.body, bytes.count >= HTTPConnection.largeBytes {
      guard core.answers.take(bytes.count) else {
        return send(core.gateway.refuse(.overloaded(), method: "", target: "/", remoteAddress: peer.address))
      }
      charged = bytes.count
    }
    context.write(wrapOutboundOut(.head(Self.head(of: reply))), promise: nil)
    switch reply.body {
    case .none: end()
    case .bytes(let bytes, _): send(ByteBuffer(bytes: bytes))
    case .stream: context.flush()
    }
  }

  /// Piece by piece, so that it can be seen how far the client has come.
  private func send(_ rest: ByteBuffer) {
    var rest = rest
    guard let piece = rest.readSlice(length: min(rest.readableBytes, IncomingBody.bytesMax)), piece.readableBytes > 0
    else { return end() }
    let bound = NIOLoopBound(self, eventLoop: connection.keeper.loop)
    write(piece)?.whenSuccess { [rest] in bound.value.send(rest) }
  }

  private func write(_ piece: ByteBuffer) -> EventLoopFuture<Void>? {
    guard let context else { return nil }
    isWriting = true
    let count = piece.readableBytes
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    return context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(piece)))).map {
      bound.value.isWriting = false
      bound.value.taken += count
    }
  }

  func write(_ bytes: [UInt8], of number: Int) -> EventLoopFuture<Void>? {
    guard !bytes.isEmpty else { return context?.eventLoop.makeSucceededVoidFuture() }
    guard connection.keeper.charge(bytes.count, to: core.answers) else { return nil }
    let count = bytes.count
    guard let written = write(ByteBuffer(bytes: bytes)) else {
      core.answers.give(count)
      return nil
    }
    written.whenComplete { [answers = core.answers] _ in answers.give(count) }
    return written
  }

  func endStream(of number: Int, length: Int?, isWhole: Bool) {
    guard isWhole, length == nil || length == taken else { return close() }
    end()
  }

  private func end() {
    guard let context else { return }
    core.answers.give(charged)
    charged = 0
    let isComplete = isComplete
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
      // The client still sends what nobody reads any more.
      if !isComplete { bound.value.close() }
    }
  }

  private static func head(of reply: Reply) -> HTTPResponseHead {
    var headers = HTTPHeaders()
    headers.reserveCapacity(reply.headers.count + 3)
    headers.add(name: "date", value: ReplyEncoder.date(Timestamp.now().microseconds / 1_000_000))
    switch reply.body {
    case .none: break
    case .bytes(let bytes, let type):
      headers.add(name: "content-type", value: type)
      headers.add(name: "content-length", value: String(bytes.count))
    case .stream(let type, let length, _):
      headers.add(name: "content-type", value: type)
      if let length { headers.add(name: "content-length", value: String(length)) }
    }
    for (name, value) in reply.headers { headers.add(name: name.lowercased(), value: ReplyEncoder.clean(value)) }
    return HTTPResponseHead(version: .http2, status: .init(statusCode: reply.status), headers: headers)
  }

  // MARK: - Time

  func sweep(_ now: NIODeadline) {
    if isWriting {
      var pace = outPace ?? Pace(since: now, bytes: taken)
      let isTooSlow = pace.isTooSlow(now, taken, core.limits)
      outPace = pace
      if isTooSlow { return close() }
    } else {
      outPace = nil
    }
    guard let head, var pace = inPace, !isAnswered else { return }
    if isBodyFull { pace = Pace(since: now, bytes: bytes) }
    let isTooSlow = pace.isTooSlow(now, bytes, core.limits)
    inPace = pace
    guard isTooSlow else { return }
    inPace = nil
    let fault = Fault(408, "The request's body came too slowly.")
    if let body { return body.fail(fault) }
    isAnswered = true
    send(core.gateway.refuse(fault, method: head.method, target: head.target, remoteAddress: peer.address))
  }
}

extension RequestHead {
  /// Of a message of HTTP/2, whose framing is checked already. Throws `MalformedRequest`.
  init(_ message: HTTPRequestHead, _ limits: EdgeLimits) throws(MalformedRequest) {
    guard Self.isMethod(message.method.rawValue) else {
      throw MalformedRequest(400, "The request's method has characters that are not allowed.")
    }
    guard message.uri.utf8.count <= limits.targetBytesMax else {
      throw MalformedRequest(414, "The request's target is longer than \(limits.targetBytesMax) bytes.")
    }
    guard message.headers.count <= limits.headersMax else {
      throw MalformedRequest(431, "The request has more than \(limits.headersMax) header fields.")
    }
    let isPath = message.uri.utf8.first == UInt8(ascii: "/") || message.uri == "*" && message.method == .OPTIONS
    guard isPath, message.uri.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != 0x23 }) else {
      throw MalformedRequest(400, "The request's target is not a path.")
    }
    let host = message.headers.first(name: "host")
    if let host, !Self.isAuthority(host) {
      throw MalformedRequest(400, "The request's Host is not a name or an address.")
    }
    self.init(
      method: message.method.rawValue, target: message.uri,
      headers: RequestHeaders(message.headers.map { ($0.name, $0.value) }), framing: .none, keepsAlive: true,
      expectsContinue: message.headers.contains(name: "expect"), host: host)
  }
}
