import NIOCore

/// One connection that speaks HTTP/1.1: takes requests out of its bytes, has them answered one after the other, and
/// ends when its client is too slow, too greedy or gone.
///
/// A request is answered on the connection's own thread unless it waits for something.
final class HTTPConnection: ChannelDuplexHandler, KeptConnection, AnswerTaker {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// One request and its answer.
  final class Exchange {
    let head: RequestHead
    /// What came before the request was handed on.
    var collected: ByteBuffer?
    /// Set where it was handed on before its body was all there.
    var body: IncomingBody?
    var isStarted = false
    /// Whether the body is all there.
    var isComplete = false
    /// Whether the client waits to be told to send the body.
    var owesContinue: Bool
    /// Bytes of the body, for its pace.
    var bytes = 0
    /// Whether the answer is written in chunks, and bytes of it so far.
    var isChunked = false
    var streamed = 0

    init(_ head: RequestHead) {
      self.head = head
      owesContinue = head.expectsContinue && head.framing != .none
    }
  }

  enum Phase {
    /// Waits for a request; nothing of it has come.
    case idle
    case head
    /// A request is read, worked on or answered.
    case exchange
    /// The last answer is written; what still comes is thrown away until the client has seen it.
    case lingering
    case closed
  }

  /// A body is handed on before it is all there from this size on.
  static let windowBytes = 16 * 1024
  /// Answers gathered before they are written: those of pipelined requests.
  static let gatherBytes = 32 * 1024
  /// Room for a small answer.
  static let firstBytes = 1024
  /// How long, in seconds, and for how many bytes a client may go on sending after its last answer.
  static let lingerSeconds = 2
  static let lingerBytes = 4 * 1024 * 1024

  let core: EdgeCore
  let keeper: LoopKeeper
  let peer: PeerFacts
  var context: ChannelHandlerContext?
  var phase = Phase.head
  var since = NIODeadline.now()
  var exchange: Exchange?
  var outbound: ByteBuffer?
  var isChunked = false
  /// Whether no further request is taken.
  var isLast = false
  var isInputClosed = false
  /// Bytes of an answer that counts in the budget of answers.
  var charged = 0
  var inPace: Pace?
  var outPace: Pace?
  private var decoder: HTTP1Decoder
  private var inbound = ByteBuffer()
  private var isPumping = false
  private var isHeld = false
  private var isBodyFull = false
  private var lingered = 0
  /// Counts exchanges: an answer that comes when its own is over is dropped.
  private(set) var number = 0
  private var served = false

  init(_ core: EdgeCore, _ keeper: LoopKeeper, _ peer: PeerFacts) {
    self.core = core
    self.keeper = keeper
    self.peer = peer
    decoder = HTTP1Decoder(core.limits)
  }

  // MARK: - From the channel

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    keeper.add(self)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    ended()
    self.context = nil
  }

  func channelInactive(context: ChannelHandlerContext) {
    ended()
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    if phase == .lingering {
      lingered += bytes.readableBytes
      if lingered > Self.lingerBytes { close() }
      return
    }
    if inbound.readableBytes == 0 { inbound = bytes } else { inbound.writeBuffer(&bytes) }
    if phase == .idle { enter(.head) }
    pump()
  }

  func read(context: ChannelHandlerContext) {
    if mayRead { context.read() } else { isHeld = true }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { pump() }
    context.fireChannelWritabilityChanged()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case ChannelEvent.inputClosed = event else { return context.fireUserInboundEventTriggered(event) }
    isInputClosed = true
    if let exchange, !exchange.isComplete { exchange.body?.fail(IncomingBody.Ended()) }
    // What came whole is still answered: a client may say that it sends no more.
    if phase != .exchange || exchange.map({ !$0.isStarted }) ?? true { close() }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { close() }

  /// A head that is begun counts, too: one that is not meant to end must not keep others out.
  var idleSince: NIODeadline? { phase == .idle || phase == .head ? since : nil }
  /// Whether something of a request is there.
  var hasBytes: Bool { inbound.readableBytes > 0 }
  /// Whether the body does not come because nobody has asked for it.
  var isWaitingForHandler: Bool { isBodyFull || exchange?.owesContinue == true }

  // MARK: - Reading

  private var mayRead: Bool {
    if phase == .lingering { return true }
    return !isBodyFull && inbound.readableBytes < core.limits.headBytesMax + Self.windowBytes
  }

  func readOn() {
    guard isHeld, mayRead else { return }
    isHeld = false
    context?.read()
  }

  /// The bytes make no sense any more while a handler works: nothing more is read of them.
  func enterBroken() { inPace = nil }

  /// Takes as many requests out of the bytes as can be worked on now.
  func pump() {
    guard !isPumping, let context else { return }
    isPumping = true
    parts: while phase == .head || phase == .exchange {
      if exchange?.isComplete == true { break }
      if exchange == nil, isLast || !context.channel.isWritable { break }
      switch decoder.next(&inbound) {
      case .none: break parts
      case .head(let head): begin(head)
      case .body(let piece): take(piece)
      case .end: complete()
      case .malformed(let problem): refuse(problem)
      }
    }
    isPumping = false
    if inbound.readableBytes == 0 { inbound = ByteBuffer() }
    if phase == .head, decoder.isAtStart, inbound.readableBytes == 0, served { enter(.idle) }
    flush()
    readOn()
  }

  private func begin(_ head: RequestHead) {
    let exchange = Exchange(head)
    self.exchange = exchange
    number += 1
    enter(.exchange)
    if case .none = head.framing { return }
    inPace = Pace(since: since)
    if exchange.owesContinue { return start(exchange) }
    if case .length(let length) = head.framing, length > Self.windowBytes { start(exchange) }
  }

  private func take(_ piece: ByteBuffer) {
    guard let exchange else { return }
    var piece = piece
    exchange.bytes += piece.readableBytes
    if let body = exchange.body {
      isBodyFull = body.append(piece)
    } else if exchange.collected == nil {
      exchange.collected = piece
    } else {
      exchange.collected?.writeBuffer(&piece)
    }
    if !exchange.isStarted, exchange.bytes >= Self.windowBytes { start(exchange) }
  }

  private func complete() {
    guard let exchange else { return }
    exchange.isComplete = true
    inPace = nil
    if exchange.isStarted { exchange.body?.finish() } else { start(exchange) }
  }

  /// Hands the request on.
  private func start(_ exchange: Exchange) {
    guard let context else { return }
    exchange.isStarted = true
    let loop = context.eventLoop
    let bound = NIOLoopBound(self, eventLoop: loop)
    var source = BodyStream.Source.none
    if exchange.isComplete {
      source = exchange.collected.map { .whole($0) } ?? .none
    } else {
      let body = IncomingBody { loop.execute { bound.value.bodyWanted() } }
      if let collected = exchange.collected { isBodyFull = body.append(collected) }
      exchange.body = body
      source = .live(body)
    }
    exchange.collected = nil
    let request = core.request(exchange.head, BodyStream(source), peer)
    core.serve(request, Delivery(bound: bound, loop: loop, number: number), on: keeper.executor)
  }

  /// The handler waits for a piece of the body.
  private func bodyWanted() {
    guard let exchange, let context else { return }
    isBodyFull = false
    if exchange.owesContinue {
      exchange.owesContinue = false
      var line = context.channel.allocator.buffer(capacity: 32)
      line.writeStaticString("HTTP/1.1 100 Continue\r\n\r\n")
      context.writeAndFlush(wrapOutboundOut(line), promise: nil)
      inPace = Pace(since: .now(), bytes: exchange.bytes)
    }
    readOn()
  }

  func enter(_ phase: Phase) {
    self.phase = phase
    since = .now()
  }

  /// An exchange has ended and the connection goes on.
  func next() {
    exchange = nil
    isBodyFull = false
    served = true
    enter(inbound.readableBytes > 0 ? .head : .idle)
    if isPumping { return }
    if phase == .head { return pump() }
    flush()
    // Nothing was read while the last body stood in the way, if its handler did not want it.
    readOn()
  }
}
