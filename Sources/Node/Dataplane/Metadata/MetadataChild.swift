import Foundation
import Kit
import NIOCore
import NIOPosix
import Synchronization

/// The process that reads what guests send: no privileges, one socket to the node, listening sockets handed over it.
public enum MetadataChild {
  /// Serves until the node closes `controlFD`, the Unix socket it was started with. Throws where it is root, which may
  /// not read what guests send, or where the node does not speak as expected.
  public static func run(controlFD: Int32) async throws {
    guard geteuid() != 0 else { throw Refusal("MetadataFailed", "root does not read what guests send.") }
    try await serve(controlFD: controlFD)
  }

  static func serve(controlFD: Int32) async throws {
    let socket = MetadataSocket(controlFD)
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
      let thread = Thread { continuation.resume(with: Result { try serve(socket) }) }
      thread.name = "haneul-metadata-child"
      thread.start()
    }
  }

  private static func serve(_ socket: MetadataSocket) throws {
    let desk = MetadataDesk(node: socket)
    defer { desk.end() }
    var failure: (any Error)?
    socket.read { line, takeDescriptor in
      do {
        try desk.carryOut(try JSONDecoder().decode(MetadataOrder.self, from: line), takeDescriptor)
      } catch {
        failure = error
        socket.shut()
      }
    }
    if let failure { throw failure }
  }
}

/// Where requests wait for the node's answers.
final class MetadataDesk: Sendable {
  /// Connections at a time, in all and from one address of one network; more are closed at once.
  static let connectionsMax = 512
  static let connectionsPerSourceMax = 16

  struct Source: Sendable, Hashable {
    var networkID: String
    var address: String
  }

  private struct State {
    var nextID: UInt64 = 0
    var waiting: [UInt64: @Sendable (MetadataOrder) -> Void] = [:]
    var connections: [Source: Int] = [:]
    var total = 0
    var servers: [String: any Channel] = [:]
  }
  private let state = Mutex(State())
  private let node: MetadataSocket
  private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

  init(node: MetadataSocket) { self.node = node }

  func end() {
    for server in state.withLock({ Array($0.servers.values) }) { server.close(promise: nil) }
    group.shutdownGracefully { _ in }
  }

  /// Does what the node says. Throws where a socket that was promised is missing or no socket.
  func carryOut(_ order: MetadataOrder, _ takeDescriptor: () -> Int32?) throws {
    switch order.kind {
    case .listen:
      guard let network = order.network, let descriptor = takeDescriptor() else {
        throw Refusal("MetadataFailed", "A listening socket is missing.")
      }
      try listen(network, descriptor)
    case .close:
      let server = order.network.flatMap { network in state.withLock { $0.servers.removeValue(forKey: network) } }
      server?.close(promise: nil)
    case .reply:
      let waiting = order.id.flatMap { id in state.withLock { $0.waiting.removeValue(forKey: id) } }
      waiting?(order)
    }
  }

  private func listen(_ network: String, _ descriptor: Int32) throws {
    let server = try ServerBootstrap(group: group)
      .serverChannelOption(ChannelOptions.backlog, value: 128)
      .childChannelOption(ChannelOptions.maxMessagesPerRead, value: 1)
      .childChannelOption(ChannelOptions.allowRemoteHalfClosure, value: true)
      .childChannelInitializer { [self] channel in
        channel.eventLoop.makeCompletedFuture {
          guard let address = channel.remoteAddress?.ipAddress else {
            throw ChannelError.inappropriateOperationForState
          }
          let source = Source(networkID: network, address: address)
          try channel.pipeline.syncOperations.addHandler(MetadataConnection(desk: self, source: source))
        }
      }
      .withBoundSocket(descriptor).wait()
    let old = state.withLock { $0.servers.updateValue(server, forKey: network) }
    old?.close(promise: nil)
  }

  /// Whether there is room for one more connection from `source`; if so it counts until `leave`.
  func enter(_ source: Source) -> Bool {
    state.withLock { state in
      guard state.total < Self.connectionsMax, state.connections[source, default: 0] < Self.connectionsPerSourceMax
      else { return false }
      state.total += 1
      state.connections[source, default: 0] += 1
      return true
    }
  }

  func leave(_ source: Source, waitingID: UInt64?) {
    state.withLock { state in
      state.total -= 1
      state.connections[source, default: 1] -= 1
      if state.connections[source] == 0 { state.connections[source] = nil }
      if let waitingID { state.waiting[waitingID] = nil }
    }
  }

  /// Asks the node; `reply` is called once, or never where the node does not answer. The id of the question.
  func ask(_ source: Source, path: String, reply: @escaping @Sendable (MetadataOrder) -> Void) -> UInt64 {
    let id = state.withLock { state in
      state.nextID += 1
      state.waiting[state.nextID] = reply
      return state.nextID
    }
    node.send(MetadataQuestion(id: id, networkID: source.networkID, sourceAddress: source.address, path: path))
    return id
  }
}
