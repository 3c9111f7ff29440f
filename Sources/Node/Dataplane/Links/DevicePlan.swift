import Drivers
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
  /// What a difference of it is called.
  var field: DriftField
}

/// Compares the host's devices with what the intent needs and writes the commands for what differs.
struct DevicePlan {
  let names: Names
  let host: HostLinks
  let views: [String: NamespaceView]
  /// Namespaces made by this look, or by somebody else: what is put into them is no repair of its own.
  let fresh: Set<String>
  private(set) var batch = IPBatch()
  private(set) var look = Look()
  /// Taps that were made or found anew, and are still down: to raise them is no repair of its own.
  private(set) var newTaps: Set<String> = []
  /// Names that are given back, by the names that devices have now.
  private var givenBack: [String: String] = [:]

  init(names: Names, host: HostLinks, views: [String: NamespaceView], fresh: Set<String>) {
    self.names = names
    self.host = host
    self.views = views
    self.fresh = fresh
  }

  private static let bridgeOptions =
    "mcast_snooping 0 forward_delay 0 stp_state 0 nf_call_iptables 1 nf_call_ip6tables 1"

  /// A bridge of ours: no spanning tree, no snooping, its packets shown to the `inet` table.
  mutating func bridge(_ name: String, mtu: Int?, owner: ObjectKey?) {
    let field: DriftField = owner == nil ? .externalBridge : .bridge
    let asked = "bridge \(name), up" + (mtu.map { ", MTU \($0)" } ?? "")
    var found: [String] = []
    let mac = Self.mac(name)
    guard let link = present(name, kind: "bridge", mac: mac, master: nil, owner: owner, &found) else {
      batch.add("link add \(name) address \(mac) type bridge \(Self.bridgeOptions)", for: owner)
      batch.add("link set \(name) \(mtu.map { "mtu \($0) " } ?? "")addrgenmode none up", for: owner)
      look.note(owner, field, asked: asked, found: found.first ?? "missing", done: "made again")
      return
    }
    let details = link.linkinfo?.info_data
    if details?.nf_call_iptables != 1 || details?.nf_call_ip6tables != 1 || details?.mcast_snooping != 0
      || details?.stp_state != 0 || details?.forward_delay != 0
    {
      batch.add("link set \(name) type bridge \(Self.bridgeOptions)", for: owner)
      found.append("other bridge options")
    }
    if let mtu, link.mtu != mtu {
      batch.add("link set \(name) mtu \(mtu)", for: owner)
      found.append("MTU \(link.mtu)")
    }
    if link.addressesItself {
      batch.add("link set \(name) addrgenmode none", for: owner)
      found.append("IPv6 addresses of its own")
    }
    if !link.up {
      batch.add("link set \(name) up", for: owner)
      if found.isEmpty { found.append("down") }
    }
    if !found.isEmpty {
      look.note(owner, field, asked: asked, found: found.joined(separator: ", "), done: "set right")
    }
  }

  /// An operator's bridge with servers on it shows its packets to the `inet` table: without that no group is kept.
  mutating func showPackets(of bridge: String) {
    guard let link = host[bridge], link.kind == "bridge" else { return }
    let details = link.linkinfo?.info_data
    guard details?.nf_call_iptables != 1 || details?.nf_call_ip6tables != 1 else { return }
    batch.add("link set \(bridge) type bridge nf_call_iptables 1 nf_call_ip6tables 1")
    look.note(
      nil, .externalBridge, asked: "bridge \(bridge) shows its packets to nftables", found: "it does not",
      done: "set right")
  }

  mutating func namespace(_ name: String, owner: ObjectKey, field: DriftField) {
    guard !host.namespaces.contains(name) else { return }
    batch.add("netns add \(name)", for: owner)
    look.note(owner, field, asked: "namespace \(name)", found: "missing", done: "made again, with all that is in it")
  }

  mutating func pair(_ pair: VethPair) {
    let (name, asked) = (pair.hostEnd, "\(pair.hostEnd) on bridge \(pair.bridge), MTU \(pair.mtu), up")
    let inside = views[pair.namespace]?.devices[pair.inside]
    let link = host[name]
    guard let link, inside != nil else {
      if link != nil { batch.add("link del \(name)") }
      batch.add(
        "link add \(name) address \(Self.mac(name)) mtu \(pair.mtu) type veth "
          + "peer name \(pair.inside) address \(pair.mac) mtu \(pair.mtu) netns \(pair.namespace)", for: pair.owner)
      batch.add("link set \(name) addrgenmode none master \(pair.bridge) up", for: pair.owner)
      guard !fresh.contains(pair.namespace) else { return }
      let found = link == nil ? "missing" : "without its other end, \(pair.inside)"
      look.note(pair.owner, pair.field, asked: asked, found: found, done: "made again")
      return
    }
    var found: [String] = []
    if let place = place(of: link, unless: pair.bridge) { found.append(place) }
    if !link.up { found.append("down") }
    if link.mtu != pair.mtu { found.append("MTU \(link.mtu)") }
    if link.addressesItself { found.append("IPv6 addresses of its own") }
    guard !found.isEmpty else { return }
    batch.add("link set \(name) mtu \(pair.mtu) addrgenmode none master \(pair.bridge) up", for: pair.owner)
    look.note(pair.owner, pair.field, asked: asked, found: found.joined(separator: ", "), done: "set right")
  }

  /// A tap, made down: it comes up only behind its rules. Its own MAC begins with `fe`, so no bridge takes it.
  mutating func tap(_ port: CheckedPort, network: CheckedNetwork) {
    let (owner, name) = (ObjectKey(.port, port.id), port.tap)
    let mac = MACAddress(bits: 0xfe << 40 | port.mac.bits & 0xff_ffff_ffff)
    let settings = "address \(mac) addrgenmode none mtu \(network.mtu) master \(network.bridge)"
    let asked = "tap \(name) on bridge \(network.bridge), MTU \(network.mtu)"
    var found: [String] = []
    let bridgeNow = givenBack.first { $0.value == network.bridge }?.key ?? network.bridge
    guard let link = present(name, kind: "tun", mac: mac, master: bridgeNow, owner: owner, &found) else {
      batch.add("tuntap add dev \(name) mode tap vnet_hdr", for: owner)
      batch.add("link set \(name) \(settings)", for: owner)
      look.note(owner, .tap, asked: asked, found: found.first ?? "missing", done: "made again")
      newTaps.insert(name)
      return
    }
    if link.ifname != name { newTaps.insert(name) }
    if let place = place(of: link, unless: network.bridge) { found.append(place) }
    if link.mtu != network.mtu { found.append("MTU \(link.mtu)") }
    if link.address != mac.description { found.append("MAC \(link.address ?? "none")") }
    if link.addressesItself { found.append("IPv6 addresses of its own") }
    guard !found.isEmpty else { return }
    batch.add("link set \(name) \(settings)", for: owner)
    look.note(owner, .tap, asked: asked, found: found.joined(separator: ", "), done: "set right")
  }

  /// Where a device is, in words, unless it is on `bridge`.
  private func place(of link: HostLinks.Link, unless bridge: String) -> String? {
    guard let master = link.master else { return "on no bridge" }
    return (givenBack[master] ?? master) == bridge ? nil : "on \(master)"
  }

  /// The device of that name. One of another kind goes; one that somebody renamed gets its name back, and is down.
  private mutating func present(
    _ name: String, kind: String, mac: MACAddress, master: String?, owner: ObjectKey?, _ found: inout [String]
  ) -> HostLinks.Link? {
    if let link = host[name] {
      if link.kind == kind { return link }
      batch.add("link del \(name)")
      found.append("a device of another kind")
      return nil
    }
    guard var link = host.renamed(kind: kind, mac: mac, master: master) else { return nil }
    batch.add("link set dev \(link.ifname) down", for: owner)
    batch.add("link set dev \(link.ifname) name \(name)", for: owner)
    found.append("renamed to \(link.ifname)")
    givenBack[link.ifname] = name
    link.flags = []
    return link
  }

  /// A MAC for a device of ours, always the same for the same name.
  private static func mac(_ name: String) -> MACAddress {
    let hash = name.utf8.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    return MACAddress(bits: 0xfe << 40 | hash & 0xff_ffff_ffff)
  }
}
