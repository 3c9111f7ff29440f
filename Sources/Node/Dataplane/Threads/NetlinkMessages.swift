import Foundation

/// The messages that one read from a netlink socket brought.
struct NetlinkMessages: Sequence {
  struct Message {
    var type: UInt16
    /// The fixed part behind `nlmsghdr`.
    var head: UnsafeRawBufferPointer
    /// Attributes' bytes by type; of several of one type the last.
    var attributes: [UInt16: UnsafeRawBufferPointer]

    func text(_ attribute: UInt16) -> String? {
      attributes[attribute].map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// What a link is, `bridge`: nested in its IFLA_LINKINFO (18) as IFLA_INFO_KIND (1).
    var linkKind: String? {
      attributes[18].flatMap { info in
        NetlinkMessages.attributes(info).first { $0.type == 1 }
          .map { String(decoding: $0.bytes.prefix { $0 != 0 }, as: UTF8.self) }
      }
    }

    /// A number in the machine's byte order.
    func number(_ attribute: UInt16) -> Int? {
      attributes[attribute].flatMap { $0.count >= 4 ? Int($0.loadUnaligned(as: UInt32.self)) : nil }
    }
  }

  let bytes: UnsafeRawBufferPointer
  /// Size of the fixed part for a type of message.
  let headSize: (UInt16) -> Int

  func makeIterator() -> AnyIterator<Message> {
    var offset = 0
    return AnyIterator {
      guard offset + 16 <= bytes.count else { return nil }
      let length = Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
      let type = bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt16.self)
      guard length >= 16, offset + length <= bytes.count else { return nil }
      let (start, end) = (offset + 16, offset + length)
      offset += (length + 3) & ~3
      let size = Swift.min(headSize(type), end - start)
      return Message(
        type: type, head: UnsafeRawBufferPointer(rebasing: bytes[start..<(start + size)]),
        attributes: attributes(from: start + (size + 3) & ~3, to: end))
    }
  }

  private func attributes(from start: Int, to end: Int) -> [UInt16: UnsafeRawBufferPointer] {
    guard start <= end else { return [:] }
    let list = Self.attributes(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
    return Dictionary(list.map { ($0.type, $0.bytes) }, uniquingKeysWith: { $1 })
  }

  /// The attributes that stand in `bytes`, in order; also of one attribute that holds others.
  static func attributes(_ bytes: UnsafeRawBufferPointer) -> [(type: UInt16, bytes: UnsafeRawBufferPointer)] {
    var found: [(type: UInt16, bytes: UnsafeRawBufferPointer)] = []
    var offset = 0
    while offset + 4 <= bytes.count {
      let length = Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
      let type = bytes.loadUnaligned(fromByteOffset: offset + 2, as: UInt16.self) & 0x3fff
      guard length >= 4, offset + length <= bytes.count else { break }
      found.append((type, UnsafeRawBufferPointer(rebasing: bytes[(offset + 4)..<(offset + length)])))
      offset += (length + 3) & ~3
    }
    return found
  }
}
