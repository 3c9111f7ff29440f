import Kit
import NodeLink

/// A router of the intent, read and named.
struct CheckedRouter: Sendable, Hashable {
  struct Device: Sendable, Hashable {
    /// The end on the host, on `bridge`.
    var hostEnd: String
    /// The end in the router's namespace.
    var name: String
    var bridge: String
    var mac: MACAddress
    var addresses: [InterfaceAddress]
    var mtu: Int
  }
  struct Interface: Sendable, Hashable {
    var device: Device
    var advertised: [CheckedNetwork.Subnet]
  }
  struct Gateway: Sendable, Hashable {
    var device: Device
    var nexthops: [IPAddress]
    var enableSNAT: Bool
  }

  var id: String
  var adminStateUp: Bool
  var interfaces: [Interface]
  var gateway: Gateway?
  /// Fixed IPv4 address by floating one.
  var floating: [IPAddress: IPAddress]
  var routes: [Route]

  init(_ spec: RouterSpec, names: Names) throws {
    id = try Check.id(spec.id)
    adminStateUp = spec.adminStateUp
    interfaces = try spec.interfaces.map { try Interface($0, names: names) }
    gateway = try spec.gateway.map { try Gateway($0, names: names) }
    floating = [:]
    for pair in spec.floatingIPs {
      let outside = try Check.address(pair.floating)
      let inside = try Check.address(pair.fixed)
      guard outside.version == 4, inside.version == 4 else {
        throw Refusal("InvalidSpec", "A floating IP is not IPv4.")
      }
      floating[outside] = inside
    }
    routes = try spec.routes.map {
      try Route(destination: Check.cidr($0.destination), nexthop: Check.address($0.nexthop))
    }
  }

  /// Its devices: interfaces, then the gateway.
  var devices: [Device] { interfaces.map(\.device) + (gateway.map { [$0.device] } ?? []) }
}

extension CheckedRouter.Interface {
  init(_ spec: RouterSpec.Interface, names: Names) throws {
    let portID = try Check.id(spec.portID)
    let networkID = try Check.id(spec.networkID)
    device = try CheckedRouter.Device(
      hostEnd: names.tag.interface(.routerPort, portID), name: Names.inside("qr", portID),
      bridge: names.tag.interface(.bridge, networkID), mac: Check.mac(spec.mac),
      addresses: spec.addresses.map(InterfaceAddress.init), mtu: Check.mtu(spec.mtu))
    advertised = try spec.advertised.map(CheckedNetwork.Subnet.init).filter { $0.cidr.version == 6 }
  }
}

extension CheckedRouter.Gateway {
  init(_ spec: RouterSpec.Gateway, names: Names) throws {
    let portID = try Check.id(spec.portID)
    device = try CheckedRouter.Device(
      hostEnd: names.tag.interface(.gateway, portID), name: Names.inside("qg", portID),
      bridge: names.externalBridge, mac: Check.mac(spec.mac), addresses: spec.addresses.map(InterfaceAddress.init),
      mtu: Check.mtu(spec.mtu))
    nexthops = try spec.nexthops.map(Check.address)
    enableSNAT = spec.enableSNAT
  }

  /// What SNAT puts as the source.
  var sourceAddress: IPAddress? { device.addresses.first { $0.address.version == 4 }?.address }
}
