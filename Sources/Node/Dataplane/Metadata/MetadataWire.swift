import CLinux
import Foundation
import Kit
import Synchronization

/// One line from the node to the child that talks to guests.
struct MetadataOrder: Sendable, Codable {
  enum Kind: String, Sendable, Codable {
    /// A listening socket comes with this line: requests on it are of `network`.
    case listen
    case close
    case reply
  }
  var kind: Kind
  var network: String?
  var id: UInt64?
  var status: Int?
  var contentType: String?
  var body: Data?
}

/// One line from the child to the node.
struct MetadataQuestion: Sendable, Codable {
  var id: UInt64
  var networkID: String
  var sourceAddress: String
  var path: String
}

/// Lines of JSON over a Unix socket, with file descriptors beside them. Reading is for one thread; sending for any.
final class MetadataSocket: Sendable {
  /// Longest line in bytes; a longer one ends the connection.
  static let lineBytesMax = 4 << 20
  /// At most this many received descriptors wait for their lines.
  static let descriptorsMax = 4096
  static let sendTimeoutSeconds = 5

  let descriptor: Int32
  private let sending = Mutex(())

  /// Takes over `descriptor` and closes it in the end.
  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    var limit = timeval(tv_sec: Self.sendTimeoutSeconds, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { Foundation.close(descriptor) }

  /// Ends the connection: the reader on either side sees its end.
  func shut() { shutdown(descriptor, Int32(SHUT_RDWR)) }

  /// Sends one line, with `attached` beside its first byte. Whether all of it went; if not, the connection is over.
  @discardableResult
  func send(_ message: some Encodable, attached: Int32? = nil) -> Bool {
    guard var line = try? JSONEncoder().encode(message) else { return false }
    line.append(UInt8(ascii: "\n"))
    let bytes = [UInt8](line)
    return sending.withLock { _ in
      var sent = 0
      while sent < bytes.count {
        let count = bytes[sent...].withUnsafeBytes { part in
          if sent == 0, let attached {
            return clinux_send_descriptor(descriptor, part.baseAddress, part.count, attached)
          }
          return Foundation.send(descriptor, part.baseAddress, part.count, Int32(MSG_NOSIGNAL))
        }
        guard count > 0 else {
          shut()
          return false
        }
        sent += count
      }
      return true
    }
  }

  /// Reads lines until the other side ends or sends what is none; `body` gets each line and can take the oldest
  /// descriptor that came.
  func read(_ body: (Data, _ takeDescriptor: () -> Int32?) -> Void) {
    var pending = Data()
    var descriptors: [Int32] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    defer { for descriptor in descriptors { Foundation.close(descriptor) } }
    while true {
      var received = [Int32](repeating: -1, count: 16)
      var count: Int32 = 0
      let length = clinux_receive_descriptors(descriptor, &buffer, buffer.count, &received, 16, &count)
      if length == -Int(EINTR) { continue }
      descriptors += received.prefix(Int(count))
      guard length > 0, descriptors.count <= Self.descriptorsMax else { return }
      pending.append(contentsOf: buffer[..<length])
      while let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
        body(Data(pending[..<end])) { descriptors.isEmpty ? nil : descriptors.removeFirst() }
        pending = Data(pending[(end + 1)...])
      }
      guard pending.count <= Self.lineBytesMax else { return }
    }
  }
}
