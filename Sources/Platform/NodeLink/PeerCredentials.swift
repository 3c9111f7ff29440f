import Foundation
import NIOCore

/// Who is at the other end of a Unix socket, as the kernel says: `struct ucred`.
struct PeerCredentials: Sendable {
  var pid: Int32 = 0
  var uid: UInt32 = 0
  var gid: UInt32 = 0

  /// Reads `SO_PEERCRED` of a connected channel. Fails where the channel is no socket.
  static func of(_ channel: any Channel) -> EventLoopFuture<PeerCredentials> {
    guard let provider = channel as? any SocketOptionProvider else {
      return channel.eventLoop.makeFailedFuture(LinkError.wrongPeer(uid: .max))
    }
    return provider.unsafeGetSocketOption(
      level: .init(rawValue: SOL_SOCKET), name: .init(rawValue: SO_PEERCRED))
  }
}

/// Closes a connection whose other end runs as a user that is not expected, before anything of it is read.
final class PeerGate: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = NIOAny

  private let allowed: Set<UInt32>
  private let refused: @Sendable (UInt32) -> Void

  init(allowed: Set<UInt32>, refused: @escaping @Sendable (UInt32) -> Void) {
    self.allowed = allowed
    self.refused = refused
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let channel = context.channel
    // On the channel's own event loop the option is read at once, so this runs before the first read.
    PeerCredentials.of(channel).whenComplete { [allowed, refused] result in
      let uid = (try? result.get())?.uid ?? .max
      if allowed.contains(uid) { return }
      refused(uid)
      channel.close(promise: nil)
    }
  }
}
