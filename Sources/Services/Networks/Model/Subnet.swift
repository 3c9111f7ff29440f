import Kit

/// A block of addresses on a network.
struct Subnet: Sendable {
  /// Addresses handed out: first to last, both included.
  struct Pool: Sendable, Hashable {
    var start: IPAddress
    var end: IPAddress
  }
  struct Route: Sendable, Hashable {
    var destination: String
    var nexthop: String
  }
  /// Bounds of one subnet's lists.
  static let poolsMax = 32
  static let nameserversMax = 5
  static let hostRoutesMax = 20

  var standard: StandardAttributes
  var networkID: String
  var cidr: CIDR
  var gateway: IPAddress?
  var enableDHCP = true
  var ipv6RAMode: String?
  var ipv6AddressMode: String?
  var pools: [Pool] = []
  var dnsNameservers: [String] = []
  var hostRoutes: [Route] = []

  var ipVersion: Int { cidr.version }

  /// Whether a host makes its own address from its MAC here.
  var isSLAAC: Bool { ipv6AddressMode == "slaac" || ipv6AddressMode == "dhcpv6-stateless" }

  /// The address a MAC gives on a SLAAC subnet.
  func slaacAddress(_ mac: MACAddress) -> IPAddress {
    IPAddress(version: 6, bits: cidr.network.bits | mac.eui64)
  }

  /// `address/prefix` of an address of this subnet.
  func withPrefix(_ address: String) -> String { "\(address)/\(cidr.prefix)" }
}
