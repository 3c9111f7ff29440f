import Kit

/// Addresses and blocks as merged, sorted ranges: nftables refuses elements that overlap.
struct AddressRanges: Sendable, Hashable {
  struct Range: Sendable, Hashable {
    var first: IPAddress
    var last: IPAddress
  }
  private(set) var four: [Range]
  private(set) var six: [Range]

  /// The blocks as they were given.
  private(set) var blocks: [CIDR]

  init(_ blocks: some Sequence<CIDR>) {
    self.blocks = Array(blocks)
    let all = blocks.map { Range(first: $0.network, last: $0.last) }
    four = Self.merge(all.filter { $0.first.version == 4 })
    six = Self.merge(all.filter { $0.first.version == 6 })
  }

  init(addresses: some Sequence<IPAddress>) {
    self.init(addresses.map { CIDR(containing: $0, prefix: $0.width) })
  }

  private static func merge(_ ranges: [Range]) -> [Range] {
    var merged: [Range] = []
    for range in ranges.sorted(by: { $0.first < $1.first }) {
      if let previous = merged.last, range.first <= (previous.last.advanced(by: 1) ?? previous.last) {
        merged[merged.count - 1].last = max(previous.last, range.last)
      } else {
        merged.append(range)
      }
    }
    return merged
  }

  func ranges(version: Int) -> [Range] { version == 4 ? four : six }

  func contains(_ address: IPAddress) -> Bool {
    ranges(version: address.version).contains { $0.first <= address && address <= $0.last }
  }

  /// The blocks that are one address.
  var singles: [IPAddress] { blocks.filter { $0.prefix == $0.network.width }.map(\.network) }

  /// Elements of an nftables set of addresses; empty where there are none.
  func elements(version: Int) -> String {
    ranges(version: version)
      .map { $0.first == $0.last ? "\($0.first)" : "\($0.first)-\($0.last)" }
      .joined(separator: ", ")
  }

  /// IPv6 ranges as 128-bit numbers, for matching inside neighbour discovery messages.
  var sixNumbers: String {
    six.map { $0.first == $0.last ? Self.hex($0.first) : "\(Self.hex($0.first))-\(Self.hex($0.last))" }
      .joined(separator: ", ")
  }

  private static func hex(_ address: IPAddress) -> String { "0x" + String(address.bits, radix: 16) }
}

extension AddressRanges {
  /// All addresses of several.
  static func union(_ parts: [AddressRanges]) -> AddressRanges {
    var all = AddressRanges([])
    all.blocks = parts.flatMap(\.blocks)
    all.four = merge(parts.flatMap(\.four))
    all.six = merge(parts.flatMap(\.six))
    return all
  }
}
