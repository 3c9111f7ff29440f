import Kit
import NodeLink

/// A network of the intent, read and named.
struct CheckedNetwork: Sendable, Hashable {
  struct Subnet: Sendable, Hashable {
    var id: String
    var cidr: CIDR
    var gateway: IPAddress?
    var enableDHCP: Bool
    var nameservers: [IPAddress]
    var routes: [Route]
    var addressMode: IPv6Mode?
    var raMode: IPv6Mode?

    /// Whether dnsmasq answers for it: DHCPv4, or DHCPv6 in the modes that use it.
    var servedByDHCP: Bool { enableDHCP && (cidr.version == 4 || (addressMode ?? .stateful) != .slaac) }
  }
  enum IPv6Mode: String, Sendable {
    case slaac
    case stateful = "dhcpv6-stateful"
    case stateless = "dhcpv6-stateless"
  }
  struct Service: Sendable, Hashable {
    var mac: MACAddress
    var addresses: [InterfaceAddress]
  }

  var id: String
  var external: Bool
  /// The bridge its ports are on.
  var bridge: String
  var mtu: Int
  var subnets: [Subnet]
  /// Where DHCP and metadata answer; nil where the network has neither.
  var service: Service?

  init(_ spec: NetworkSpec, names: Names) throws {
    id = try Check.id(spec.id)
    external = spec.external
    bridge = spec.external ? names.externalBridge : names.tag.interface(.bridge, id)
    mtu = try Check.mtu(spec.mtu)
    subnets = try spec.subnets.map(Subnet.init)
    let wanted = !spec.external || subnets.contains(where: \.servedByDHCP)
    if wanted, let port = spec.dhcpPort {
      service = try Service(mac: Check.mac(port.mac), addresses: port.addresses.map(InterfaceAddress.init))
    }
  }

  func subnet(_ id: String) -> Subnet? { subnets.first { $0.id == id } }
}

extension CheckedNetwork.Subnet {
  init(_ spec: NetworkSpec.Subnet) throws {
    id = try Check.id(spec.id)
    cidr = try Check.cidr(spec.cidr)
    gateway = try spec.gateway.map(Check.address)
    enableDHCP = spec.enableDHCP
    nameservers = try spec.dnsNameservers.map(Check.address).filter { $0.bits != 0 }
    routes = try spec.hostRoutes.map {
      try Route(destination: Check.cidr($0.destination), nexthop: Check.address($0.nexthop))
    }
    addressMode = try Self.mode(spec.ipv6AddressMode)
    raMode = try Self.mode(spec.ipv6RAMode)
  }

  private static func mode(_ text: String?) throws -> CheckedNetwork.IPv6Mode? {
    guard let text else { return nil }
    guard let mode = CheckedNetwork.IPv6Mode(rawValue: text) else {
      throw Refusal("InvalidSpec", "An IPv6 mode is not one of slaac, dhcpv6-stateful and dhcpv6-stateless.")
    }
    return mode
  }
}
