import NIOCore

extension HTTPConnection {
  /// Answers of this size are written from memory of their own, and count in the budget of answers.
  static let largeBytes = 16 * 1024

  // MARK: - Writing

  /// Writes an answer, or the head of one that is streamed. `number` says of which exchange it is.
  func answer(_ reply: Reply, to number: Int) {
    guard let exchange, phase == .exchange, number == self.number else { return }
    if !exchange.isComplete || exchange.owesContinue || isInputClosed || keeper.isDraining { isLast = true }
    if !exchange.head.keepsAlive { isLast = true }
    if case .stream(_, nil, _) = reply.body, exchange.head.isHTTP10 { isLast = true }
    guard case .bytes(let bytes, _) = reply.body, bytes.count >= Self.largeBytes else {
      writeHead(reply, exchange.head)
      if case .bytes(let bytes, _) = reply.body { outbound?.writeBytes(bytes) }
      if case .stream = reply.body {
        exchange.isChunked = isChunked
        return flush()
      }
      return finished()
    }
    guard core.answers.take(bytes.count) else {
      keeper.cutStalled()
      return answer(refusal(.overloaded(), exchange.head), to: number)
    }
    charged = bytes.count
    writeHead(reply, exchange.head)
    flush(then: ByteBuffer(bytes: bytes)) { connection in
      connection.uncharge()
      if connection.number == number { connection.finished() }
    }
  }

  private func writeHead(_ reply: Reply, _ head: RequestHead) {
    guard let context else { return }
    if outbound == nil { outbound = context.channel.allocator.buffer(capacity: Self.firstBytes) }
    let ending: ReplyEncoder.Ending = isLast ? .close : head.isHTTP10 ? .keepAliveSaid : .keepAlive
    if var buffer = outbound.take() {
      isChunked = keeper.encoder.head(reply, ending, isHTTP10: head.isHTTP10, into: &buffer)
      outbound = buffer
    }
    if outbound.map({ $0.readableBytes >= Self.gatherBytes }) ?? false { flush() }
  }

  /// Hands on what has been gathered, and `more` behind it.
  func flush(then more: ByteBuffer? = nil, _ done: (@Sendable (HTTPConnection) -> Void)? = nil) {
    guard let context else { return }
    let small = outbound.take()
    guard small != nil || more != nil || done != nil else { return }
    guard let done else {
      if let small { context.write(wrapOutboundOut(small), promise: nil) }
      if let more { context.write(wrapOutboundOut(more), promise: nil) }
      return context.flush()
    }
    let promise = context.eventLoop.makePromise(of: Void.self)
    let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
    promise.futureResult.whenComplete { _ in done(bound.value) }
    if let small { context.write(wrapOutboundOut(small), promise: more == nil ? promise : nil) }
    if let more { context.write(wrapOutboundOut(more), promise: promise) }
    if small == nil, more == nil { promise.succeed() }
    context.flush()
  }

  /// A piece of a streamed answer; done when the socket has taken it.
  func write(_ bytes: [UInt8], of number: Int) -> EventLoopFuture<Void>? {
    guard let context, let exchange, phase == .exchange, number == self.number else { return nil }
    guard !bytes.isEmpty else { return context.eventLoop.makeSucceededVoidFuture() }
    guard keeper.charge(bytes.count, to: core.answers) else { return nil }
    guard phase == .exchange else {
      // It was this connection that was cut to make room.
      core.answers.give(bytes.count)
      return nil
    }
    exchange.streamed += bytes.count
    var buffer = context.channel.allocator.buffer(capacity: bytes.count + 20)
    if exchange.isChunked { buffer.writeString(String(bytes.count, radix: 16) + "\r\n") }
    buffer.writeBytes(bytes)
    if exchange.isChunked { buffer.writeStaticString("\r\n") }
    let written = context.writeAndFlush(wrapOutboundOut(buffer))
    let count = bytes.count
    written.whenComplete { [answers = core.answers] _ in answers.give(count) }
    return written
  }

  /// A streamed answer is over. Where it is not what its head said, the client must see it broken.
  func endStream(of number: Int, length: Int?, isWhole: Bool) {
    guard let context, let exchange, phase == .exchange, number == self.number else { return }
    guard isWhole, length == nil || length == exchange.streamed else { return close() }
    if exchange.isChunked {
      var buffer = outbound.take() ?? context.channel.allocator.buffer(capacity: 8)
      buffer.writeStaticString("0\r\n\r\n")
      outbound = buffer
    }
    finished()
  }

  private func finished() {
    guard phase == .exchange else { return }
    guard isLast else { return next() }
    let hasRest = exchange.map { !$0.isComplete } ?? false
    exchange = nil
    last(hasRest: hasRest)
  }

  /// Ends the connection once everything is written. While the client still sends, what it was answered would be lost
  /// by closing: the system would reset the connection.
  private func last(hasRest: Bool) {
    isLast = true
    enter(.lingering)
    flush(then: nil) { connection in
      guard connection.phase == .lingering else { return }
      if hasRest, !connection.isInputClosed {
        connection.context?.close(mode: .output, promise: nil)
      } else {
        connection.close()
      }
      connection.readOn()
    }
  }

  // MARK: - Refusing

  private func refusal(_ fault: Fault, _ head: RequestHead?) -> Reply {
    core.gateway.refuse(
      fault, method: head?.method ?? "", target: head?.target ?? "/", remoteAddress: peer.address)
  }

  /// What came is no request: says so, and ends the connection.
  func refuse(_ problem: MalformedRequest) {
    if let exchange, exchange.isStarted {
      // The handler learns it, and its answer is the last.
      isLast = true
      exchange.body?.fail(problem.fault)
      return enterBroken()
    }
    let reply = core.gateway.refuse(
      problem.fault, method: problem.method.isEmpty ? exchange?.head.method ?? "" : problem.method,
      target: problem.target.isEmpty ? exchange?.head.target ?? "/" : problem.target, remoteAddress: peer.address)
    refuse(with: reply)
  }

  private func refuse(with reply: Reply) {
    exchange = nil
    isLast = true
    guard let context else { return }
    var buffer = outbound.take() ?? context.channel.allocator.buffer(capacity: Self.firstBytes)
    _ = keeper.encoder.head(reply, .close, into: &buffer)
    if case .bytes(let bytes, _) = reply.body { buffer.writeBytes(bytes) }
    outbound = buffer
    last(hasRest: true)
  }

  // MARK: - Time

  /// Ends what takes too long. Called every second.
  func sweep(_ now: NIODeadline) {
    let limits = core.limits
    switch phase {
    case .closed: return
    case .idle: if now - since > .seconds(Int64(limits.idleSeconds)) { close() }
    case .head:
      guard now - since > .seconds(Int64(limits.headSeconds)) else { return }
      if hasBytes { refuse(MalformedRequest(408, "The request's head took too long.")) } else { close() }
    case .lingering: if now - since > .seconds(Int64(Self.lingerSeconds)), !isWriting { close() }
    case .exchange: sweepBody(now)
    }
    sweepAnswer(now)
  }

  private func sweepBody(_ now: NIODeadline) {
    guard let exchange, var pace = inPace else { return }
    if isWaitingForHandler { pace = Pace(since: now, bytes: exchange.bytes) }
    let isTooSlow = pace.isTooSlow(now, exchange.bytes, core.limits)
    inPace = pace
    guard isTooSlow else { return }
    inPace = nil
    let fault = Fault(408, "The request's body came too slowly.")
    if exchange.isStarted { exchange.body?.fail(fault) } else { refuse(with: refusal(fault, exchange.head)) }
  }

  /// Cuts a client that does not take its answer.
  private func sweepAnswer(_ now: NIODeadline) {
    guard isWriting else {
      outPace = nil
      return
    }
    if Pace.isStalled(&outPace, now, unwritten: unwritten, core.limits) { close() }
  }

  private var unwritten: Int { context?.unwritten ?? 0 }

  var isWriting: Bool { unwritten > 0 }

  // MARK: - Ending

  /// Takes no further request: ends at once where none is worked on.
  func drain() {
    isLast = true
    if phase == .idle || phase == .head { close() }
  }

  func close() {
    guard phase != .closed else { return }
    let context = context
    ended()
    context?.close(promise: nil)
  }

  func ended() {
    phase = .closed
    exchange?.body?.fail(IncomingBody.Ended())
    exchange = nil
    outbound = nil
    uncharge()
    keeper.remove(self)
  }

  private func uncharge() {
    core.answers.give(charged)
    charged = 0
  }
}
