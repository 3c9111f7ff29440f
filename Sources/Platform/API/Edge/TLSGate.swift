import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOTLS

/// Waits until a client has shaken hands, then lets it speak the protocol that was agreed on.
final class TLSGate: ChannelInboundHandler, RemovableChannelHandler, KeptConnection {
  typealias InboundIn = ByteBuffer

  private let core: EdgeCore
  private let keeper: LoopKeeper
  private let peer: PeerFacts
  private let began = NIODeadline.now()
  private var context: ChannelHandlerContext?

  init(_ core: EdgeCore, _ keeper: LoopKeeper, _ peer: PeerFacts) {
    self.core = core
    self.keeper = keeper
    self.peer = peer
  }

  var idleSince: NIODeadline? { began }
  var isWriting: Bool { false }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    keeper.add(self)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    keeper.remove(self)
    self.context = nil
  }

  func channelInactive(context: ChannelHandlerContext) {
    keeper.remove(self)
    context.fireChannelInactive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case TLSUserEvent.handshakeCompleted(let name) = event else {
      return context.fireUserInboundEventTriggered(event)
    }
    do {
      if name == "h2" {
        try speakHTTP2(context)
      } else {
        try context.pipeline.syncOperations.addHandler(HTTPConnection(core, keeper, peer))
      }
      context.pipeline.syncOperations.removeHandler(self, promise: nil)
    } catch {
      context.close(promise: nil)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

  private func speakHTTP2(_ context: ChannelHandlerContext) throws {
    let limits = core.limits
    var connection = NIOHTTP2Handler.ConnectionConfiguration()
    connection.initialSettings = [
      HTTP2Setting(parameter: .maxConcurrentStreams, value: limits.streamsMax),
      HTTP2Setting(parameter: .maxHeaderListSize, value: limits.headBytesMax),
    ]
    connection.targetWindowSize = IncomingBody.bytesMax * 4
    // Heads of answers know no flow control: from a client that takes none no more requests are read.
    try context.pipeline.syncOperations.addHandler(BackPressureHandler())
    let kept = HTTP2Connection(core, keeper)
    let bound = NIOLoopBound(kept, eventLoop: context.eventLoop)
    let peer = NIOLoopBound(peer, eventLoop: context.eventLoop)
    _ = try context.pipeline.syncOperations.configureHTTP2Pipeline(
      mode: .server, connectionConfiguration: connection, streamConfiguration: .init()
    ) { channel in
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandler(HTTP2FramePayloadToHTTP1ServerCodec())
        try channel.pipeline.syncOperations.addHandler(HTTP2Exchange(bound.value, peer.value))
      }
    }
    try context.pipeline.syncOperations.addHandler(kept)
  }

  func sweep(_ now: NIODeadline) {
    if now - began > .seconds(Int64(core.limits.headSeconds)) { close() }
  }

  func drain() { close() }

  func close() { context?.close(promise: nil) }
}

/// The connection below HTTP/2's streams: ends when none has been open for a time, or when the listener does.
final class HTTP2Connection: ChannelInboundHandler, KeptConnection {
  typealias InboundIn = Never

  let core: EdgeCore
  let keeper: LoopKeeper
  private var streams: [ObjectIdentifier: HTTP2Exchange] = [:]
  private var since = NIODeadline.now()
  private var isDraining = false
  private var context: ChannelHandlerContext?
  private var outPace: Pace?

  init(_ core: EdgeCore, _ keeper: LoopKeeper) {
    self.core = core
    self.keeper = keeper
  }

  var idleSince: NIODeadline? { streams.isEmpty ? since : nil }
  var isWriting: Bool { streams.values.contains { $0.isWriting } || context.map { $0.unwritten > 0 } ?? false }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    keeper.add(self)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    keeper.remove(self)
    self.context = nil
  }

  func channelInactive(context: ChannelHandlerContext) {
    keeper.remove(self)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) { close() }

  func opened(_ stream: HTTP2Exchange) { streams[ObjectIdentifier(stream)] = stream }

  func ended(_ stream: HTTP2Exchange) {
    streams[ObjectIdentifier(stream)] = nil
    since = .now()
    if isDraining, streams.isEmpty { close() }
  }

  func sweep(_ now: NIODeadline) {
    for stream in Array(streams.values) { stream.sweep(now) }
    let unwritten = context?.unwritten ?? 0
    if unwritten == 0 {
      outPace = nil
    } else if Pace.isStalled(&outPace, now, unwritten: unwritten, core.limits) {
      return close()
    }
    if streams.isEmpty, now - since > .seconds(Int64(core.limits.idleSeconds)) { close() }
  }

  func drain() {
    isDraining = true
    if streams.isEmpty { close() }
  }

  func close() { context?.close(promise: nil) }
}
