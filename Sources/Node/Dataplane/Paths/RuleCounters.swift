import CLinux
import Foundation
import Kit

/// What nftables counted in some chains and sets, by their names.
struct RuleCounters: Sendable {
  struct Count: Sendable {
    var packets: Int64 = 0
    var bytes: Int64 = 0
    /// The rule's comment; an element's address.
    var label: String
    var drops: Bool
  }
  /// A chain of a table of ours.
  struct Chain: Sendable {
    /// nf's number: 7 for `bridge`, 1 for `inet`.
    var family: Int32
    var name: String

    static func bridge(_ name: String) -> Chain { Chain(family: 7, name: name) }
    static func inet(_ name: String) -> Chain { Chain(family: 1, name: name) }
  }
  private(set) var chains: [String: [Count]] = [:]
  private(set) var sets: [String: [Count]] = [:]

  /// At most this much is read of one chain, in bytes.
  private static let chainBytesMax = 1 << 20

  /// Reads chains of one table, those that are there, straight from the kernel: libnftables would read every rule and
  /// set of the host first. On the namespace thread.
  static func read(_ wanted: [Chain], of table: String) -> RuleCounters {
    var counters = RuleCounters()
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: chainBytesMax, alignment: 8)
    defer { buffer.deallocate() }
    for chain in wanted {
      let length = clinux_nft_rules(chain.family, table, chain.name, buffer.baseAddress, buffer.count)
      guard length > 0 else { continue }
      let messages = NetlinkMessages(bytes: UnsafeRawBufferPointer(rebasing: buffer[..<length]), headSize: { _ in 4 })
      for message in messages where message.type == RuleMessage.type {
        counters.chains[chain.name, default: []] += RuleMessage(message).count.map { [$0] } ?? []
      }
    }
    return counters
  }

  /// Reads sets whose elements count, of a small table. On the namespace thread.
  static func read(sets names: [String], of table: String) -> RuleCounters {
    var counters = RuleCounters()
    guard let nftables = try? Nftables(counters: true) else { return counters }
    // One command at a time: libnftables reads only the elements of the last set it is asked for.
    for name in names {
      guard let output = try? nftables.run("list set \(table) \(name)"),
        let document = try? JSONDecoder().decode(Document.self, from: Data(output.utf8))
      else { continue }
      for set in document.nftables.compactMap(\.set) { counters.sets[set.name] = (set.elem ?? []).compactMap(\.count) }
    }
    return counters
  }

  /// Whether the chain is there.
  func has(_ chain: String) -> Bool { chains[chain] != nil }

  /// The count of the rule with this comment.
  func count(_ chain: String, _ label: String) -> Count? { chains[chain]?.first { $0.label == label } }

  /// What was dropped in these chains, `source MAC: 12`; reasons that never came are left out.
  func drops(_ names: [String]) -> [String] {
    var reasons: [(label: String, packets: Int64)] = []
    for count in names.flatMap({ chains[$0] ?? [] }) where count.drops && count.packets > 0 {
      if let index = reasons.firstIndex(where: { $0.label == count.label }) {
        reasons[index].packets += count.packets
      } else {
        reasons.append((count.label, count.packets))
      }
    }
    return reasons.map { "\($0.label): \($0.packets)" }
  }

  // MARK: nft's JSON

  private struct Document: Decodable {
    var nftables: [Item]
  }
  private struct Item: Decodable {
    var set: NamedSet?
  }
  private struct Counter: Decodable {
    var packets: Int64
    var bytes: Int64
  }
  private struct NamedSet: Decodable {
    var name: String
    var elem: [Element]?
  }
  private struct Element: Decodable {
    struct Inner: Decodable {
      var val: String
      var counter: Counter?
    }
    var elem: Inner?

    init(from decoder: any Decoder) throws {
      elem = (try? decoder.container(keyedBy: Key.self)).flatMap { try? $0.decode(Inner.self, forKey: .elem) }
    }
    private enum Key: String, CodingKey { case elem }

    var count: Count? {
      elem.flatMap { inner in
        inner.counter.map { Count(packets: $0.packets, bytes: $0.bytes, label: inner.val, drops: false) }
      }
    }
  }
}

/// One rule as the kernel tells it.
private struct RuleMessage {
  /// NFT_MSG_NEWRULE of nf_tables.
  static let type: UInt16 = 10 << 8 | 6

  private var counter: (packets: Int64, bytes: Int64)?
  private var drops = false
  private var comment = ""

  init(_ message: NetlinkMessages.Message) {
    let (expressions, userData): (UInt16, UInt16) = (4, 7)
    for element in message.attributes[expressions].map(NetlinkMessages.attributes) ?? [] { take(element.bytes) }
    // Beside the rule stand fields of a byte for the kind, one for the length, and the field; kind 0 is the comment.
    if let data = message.attributes[userData], data.count > 2, data[0] == 0 {
      comment = String(decoding: data.dropFirst(2).prefix(Int(data[1])).prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  var count: RuleCounters.Count? {
    counter.map { RuleCounters.Count(packets: $0.packets, bytes: $0.bytes, label: comment, drops: drops) }
  }

  /// An expression: its name (1) and its data (2).
  private mutating func take(_ bytes: UnsafeRawBufferPointer) {
    let parts = Dictionary(NetlinkMessages.attributes(bytes).map { ($0.type, $0.bytes) }, uniquingKeysWith: { $1 })
    guard let name = parts[1], let data = parts[2] else { return }
    let values = Dictionary(NetlinkMessages.attributes(data).map { ($0.type, $0.bytes) }, uniquingKeysWith: { $1 })
    switch String(decoding: name.prefix { $0 != 0 }, as: UTF8.self) {
    case "counter": counter = (Self.long(values[2]), Self.long(values[1]))
    case "immediate": drops = Self.isDrop(values[2])
    default: break
    }
  }

  private static func long(_ bytes: UnsafeRawBufferPointer?) -> Int64 {
    guard let bytes, bytes.count >= 8 else { return 0 }
    return Int64(truncatingIfNeeded: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)))
  }

  /// Data that is a verdict (2) whose code (1) is 0, NF_DROP.
  private static func isDrop(_ data: UnsafeRawBufferPointer?) -> Bool {
    guard let verdict = data.map(NetlinkMessages.attributes)?.first(where: { $0.type == 2 })?.bytes,
      let code = NetlinkMessages.attributes(verdict).first(where: { $0.type == 1 })?.bytes, code.count >= 4
    else { return false }
    return code.loadUnaligned(as: UInt32.self) == 0
  }
}
