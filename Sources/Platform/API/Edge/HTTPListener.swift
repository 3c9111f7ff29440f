public import Logging
import NIOCore
import NIOPosix
import NIOSSL

/// Serves a `Gateway` over HTTP on a TCP port.
public struct HTTPListener: Sendable {
  /// Connections that the system holds until they are taken.
  private static let backlog: Int32 = 512

  private let core: EdgeCore
  private let host: String
  private let port: Int
  private let threads: Int
  private let tls: ListenerTLS?
  private let logger: Logger

  /// - Parameters:
  ///   - proxies: whose word is taken on where requests come from.
  ///   - tls: nil serves without TLS.
  ///   - threads: that serve connections; nil is one a core.
  public init(
    gateway: Gateway, host: String, port: Int, proxies: ProxyTrust = ProxyTrust(), tls: ListenerTLS? = nil,
    threads: Int? = nil, logger: Logger
  ) {
    let name = host.contains(":") ? "[\(host)]" : host
    core = EdgeCore(gateway, proxies: proxies, isTLS: tls != nil, fallbackHost: "\(name):\(port)")
    self.host = host
    self.port = port
    self.tls = tls
    self.threads = threads ?? System.coreCount
    self.logger = logger
  }

  /// Connections that are open.
  var connections: Int { core.ledger.total }

  /// Listens until the task is cancelled; then takes no further request, and returns when those that were begun are
  /// answered, or after `EdgeLimits.drainSeconds`. `ready` gets the port once it is open. Throws where it cannot be.
  public func run(ready: @escaping @Sendable (Int) async -> Void = { _ in }) async throws {
    let identity = try tls.map { try TLSIdentity($0, logger: logger) }
    let renewal = identity.map { identity in Task.detached { await identity.run() } }
    defer { renewal?.cancel() }
    let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
    let keepers = try await Self.keepers(group)
    do {
      let channel = try await bootstrap(group, keepers, identity).bind(host: host, port: port).get()
      await ready(channel.localAddress?.port ?? port)
      await Self.untilCancelled(channel)
      try? await channel.close()
      // Threads that a request may still come back to are left to the end of the process.
      guard await drain(keepers) else { return }
    } catch {
      try? await group.shutdownGracefully()
      throw error
    }
    try await group.shutdownGracefully()
  }

  private static func keepers(_ group: MultiThreadedEventLoopGroup) async throws -> [NIOLoopBound<LoopKeeper>] {
    var keepers: [NIOLoopBound<LoopKeeper>] = []
    for loop in group.makeIterator() {
      keepers.append(
        try await loop.submit {
          let keeper = LoopKeeper(loop)
          keeper.start()
          return NIOLoopBound(keeper, eventLoop: loop)
        }.get())
    }
    return keepers
  }

  private func bootstrap(
    _ group: MultiThreadedEventLoopGroup, _ keepers: [NIOLoopBound<LoopKeeper>], _ identity: TLSIdentity?
  ) -> ServerBootstrap {
    let core = core
    let places = Dictionary(
      keepers.map { (ObjectIdentifier($0.eventLoop as AnyObject), $0) }, uniquingKeysWith: { first, _ in first })
    return ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: Self.backlog)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          guard let keeper = places[ObjectIdentifier(channel.eventLoop as AnyObject)]?.value else {
            throw ChannelError.ioOnClosedChannel
          }
          try Self.open(channel, core, keeper, identity)
        }
      }
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelOption(.maxMessagesPerRead, value: 1)
  }

  /// Takes a new connection, where there is room for one.
  private static func open(
    _ channel: any Channel, _ core: EdgeCore, _ keeper: LoopKeeper, _ identity: TLSIdentity?
  ) throws {
    let peer = PeerFacts(channel.remoteAddress?.ipAddress, core.proxies)
    let party = peer.party
    var entry = core.ledger.enter(party)
    if entry == .full, keeper.makeRoom() { entry = core.ledger.enter(party, replacing: true) }
    guard entry == .taken else { throw ChannelError.ioOnClosedChannel }
    channel.closeFuture.whenComplete { _ in core.ledger.leave(party) }
    let pipeline = channel.pipeline.syncOperations
    guard let identity else { return try pipeline.addHandler(HTTPConnection(core, keeper, peer)) }
    try pipeline.addHandler(NIOSSLServerHandler(context: identity.context))
    try pipeline.addHandler(TLSGate(core, keeper, peer))
  }

  private static func untilCancelled(_ channel: any Channel) async {
    let (stream, end) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingOldest(1))
    channel.closeFuture.whenComplete { _ in end.finish() }
    for await _ in stream {}
  }

  /// False where something did not end in time.
  private func drain(_ keepers: [NIOLoopBound<LoopKeeper>]) async -> Bool {
    for keeper in keepers { keeper.eventLoop.execute { keeper.value.drain() } }
    let deadline = NIODeadline.now() + .seconds(Int64(core.limits.drainSeconds))
    // The task is cancelled already: its own sleep would return at once.
    let core = core
    await Task.detached {
      while core.isBusy, NIODeadline.now() < deadline { try? await Task.sleep(for: .milliseconds(20)) }
    }.value
    let isDone = !core.isBusy
    if !isDone {
      logger.warning("requests are cut, for they did not end in time", metadata: ["count": "\(core.exchanges.inUse)"])
    }
    for keeper in keepers {
      keeper.eventLoop.execute {
        keeper.value.closeAll()
        keeper.value.stop()
      }
    }
    return isDone
  }
}
