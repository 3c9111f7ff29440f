import Kit

/// An address on a device, with the length of its prefix: `10.0.0.2/24`.
struct InterfaceAddress: Sendable, Hashable, CustomStringConvertible {
  var address: IPAddress
  var prefix: Int

  init(_ address: IPAddress, prefix: Int) {
    self.address = address
    self.prefix = prefix
  }

  /// Reads `address/prefix`; an address alone is a host. Throws `Refusal`.
  init(_ text: String) throws {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first, let block = CIDR(text) else {
      throw Refusal("InvalidSpec", "An interface address cannot be read.")
    }
    address = try Check.address(String(first))
    prefix = block.prefix
  }

  var block: CIDR { CIDR(containing: address, prefix: prefix) }
  var description: String { "\(address)/\(prefix)" }
}

/// A route through a gateway.
struct Route: Sendable, Hashable {
  var destination: CIDR
  var nexthop: IPAddress

  static func defaultRoute(via nexthop: IPAddress) -> Route {
    Route(destination: CIDR(containing: IPAddress(version: nexthop.version, bits: 0), prefix: 0), nexthop: nexthop)
  }
}
