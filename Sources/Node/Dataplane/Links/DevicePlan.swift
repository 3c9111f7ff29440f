import Kit
import NodeLink

/// A pair of devices: one end on a bridge of the host, the other in a namespace.
struct VethPair: Sendable, Hashable {
  var hostEnd: String
  var inside: String
  var namespace: String
  var bridge: String
  var mac: MACAddress
  var mtu: Int
  var owner: ObjectKey
}

/// Compares the host's devices with what the intent needs and writes the commands for what differs.
struct DevicePlan {
  let names: Names
  let host: HostLinks
  let views: [String: NamespaceView]
  private(set) var batch = IPBatch()
  /// Bridges made by this plan: the host's IPv6 must be turned off on them.
  private(set) var newBridges: [String] = []

  init(names: Names, host: HostLinks, views: [String: NamespaceView]) {
    self.names = names
    self.host = host
    self.views = views
  }

  /// A bridge of ours: no spanning tree, no snooping, its packets shown to the `inet` table.
  mutating func bridge(_ name: String, mtu: Int?, owner: ObjectKey?) {
    let options = "mcast_snooping 0 forward_delay 0 stp_state 0 nf_call_iptables 1 nf_call_ip6tables 1"
    var link = host[name]
    if let existing = link, existing.kind != "bridge" {
      batch.add("link del \(name)")
      link = nil
    }
    guard let link else {
      batch.add("link add \(name) address \(Self.mac(name)) type bridge \(options)", for: owner)
      batch.add("link set \(name) \(mtu.map { "mtu \($0) " } ?? "")addrgenmode none up", for: owner)
      newBridges.append(name)
      return
    }
    let details = link.linkinfo?.info_data
    if details?.nf_call_iptables != 1 || details?.nf_call_ip6tables != 1 || details?.mcast_snooping != 0
      || details?.stp_state != 0 || details?.forward_delay != 0
    {
      batch.add("link set \(name) type bridge \(options)", for: owner)
    }
    if let mtu, link.mtu != mtu { batch.add("link set \(name) mtu \(mtu)", for: owner) }
    if !link.up { batch.add("link set \(name) up", for: owner) }
  }

  /// An operator's bridge with servers on it shows its packets to the `inet` table: without that no group is kept.
  mutating func showPackets(of bridge: String) {
    guard let link = host[bridge], link.kind == "bridge" else { return }
    let details = link.linkinfo?.info_data
    guard details?.nf_call_iptables != 1 || details?.nf_call_ip6tables != 1 else { return }
    batch.add("link set \(bridge) type bridge nf_call_iptables 1 nf_call_ip6tables 1")
  }

  mutating func namespace(_ name: String, owner: ObjectKey) {
    if !host.namespaces.contains(name) { batch.add("netns add \(name)", for: owner) }
  }

  mutating func pair(_ pair: VethPair) {
    let inside = views[pair.namespace]?.devices[pair.inside]
    let link = host[pair.hostEnd]
    if let link, inside != nil {
      if link.master != pair.bridge || !link.up || link.mtu != pair.mtu {
        batch.add("link set \(pair.hostEnd) mtu \(pair.mtu) master \(pair.bridge) up", for: pair.owner)
      }
      return
    }
    if link != nil { batch.add("link del \(pair.hostEnd)") }
    batch.add(
      "link add \(pair.hostEnd) address \(Self.mac(pair.hostEnd)) mtu \(pair.mtu) type veth "
        + "peer name \(pair.inside) address \(pair.mac) mtu \(pair.mtu) netns \(pair.namespace)", for: pair.owner)
    batch.add("link set \(pair.hostEnd) addrgenmode none master \(pair.bridge) up", for: pair.owner)
  }

  /// A tap, made down: it comes up only behind its rules. Its own MAC begins with `fe`, so no bridge takes it.
  mutating func tap(_ port: CheckedPort, network: CheckedNetwork) {
    let owner = ObjectKey(.port, port.id)
    let settings = "mtu \(network.mtu) master \(network.bridge)"
    if let link = host[port.tap] {
      guard link.kind != "tun" else {
        if link.master != network.bridge || link.mtu != network.mtu {
          batch.add("link set \(port.tap) \(settings)", for: owner)
        }
        return
      }
      batch.add("link del \(port.tap)")
    }
    let mac = MACAddress(bits: 0xfe << 40 | port.mac.bits & 0xff_ffff_ffff)
    batch.add("tuntap add dev \(port.tap) mode tap vnet_hdr", for: owner)
    batch.add("link set \(port.tap) address \(mac) addrgenmode none \(settings)", for: owner)
  }

  /// A MAC for a device of ours, always the same for the same name.
  private static func mac(_ name: String) -> MACAddress {
    let hash = name.utf8.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    return MACAddress(bits: 0xfe << 40 | hash & 0xff_ffff_ffff)
  }
}

/// Compares the devices inside one namespace with what they should be.
struct InsidePlan {
  let view: NamespaceView
  private(set) var batch = IPBatch()
  /// IPv4 addresses put on a device that the neighbours should hear of.
  private(set) var announced: [(device: String, mac: MACAddress, address: IPAddress)] = []
  /// Addresses that were there and are no longer wanted.
  private(set) var withdrawn: Set<IPAddress> = []

  init(view: NamespaceView) { self.view = view }

  mutating func loopback() {
    if view.devices["lo"]?.up != true { batch.add("link set lo up") }
  }

  mutating func device(
    _ name: String, mac: MACAddress, mtu: Int, addresses: Set<InterfaceAddress>, up: Bool, owner: ObjectKey
  ) {
    let now = view.devices[name]
    if now?.mac != mac || now?.mtu != mtu { batch.add("link set \(name) address \(mac) mtu \(mtu)", for: owner) }
    if now?.up != up { batch.add("link set \(name) \(up ? "up" : "down")", for: owner) }
    let kept = (now?.addresses ?? []).filter { !Self.isLinkLocal($0.address) || addresses.contains($0) }
    for address in kept.subtracting(addresses) {
      batch.add("addr del \(address) dev \(name)", for: owner)
      withdrawn.insert(address.address)
    }
    for address in addresses.subtracting(kept).sorted(by: { $0.prefix < $1.prefix }) {
      batch.add("addr add \(address) dev \(name)\(address.address.version == 6 ? " nodad" : "")", for: owner)
      if address.address.version == 4 { announced.append((name, mac, address.address)) }
    }
  }

  mutating func routes(_ wanted: Set<Route>, owner: ObjectKey) {
    for route in view.routes.subtracting(wanted) where !Self.isLinkLocal(route.destination.network) {
      // A route goes by itself with the address it stood on; what did not is for the next pass.
      if withdrawn.contains(where: { $0.version == route.nexthop.version }) { continue }
      batch.add("route del \(route.destination) via \(route.nexthop)", for: owner)
    }
    for route in wanted.subtracting(view.routes).sorted(by: { $0.destination.prefix > $1.destination.prefix }) {
      batch.add("route replace \(route.destination) via \(route.nexthop)", for: owner)
    }
  }

  mutating func remove(_ device: String) { batch.add("link del \(device)") }

  private static func isLinkLocal(_ address: IPAddress) -> Bool {
    address.version == 6 && address.bits >> 118 == 0xfe80 >> 6
  }
}
