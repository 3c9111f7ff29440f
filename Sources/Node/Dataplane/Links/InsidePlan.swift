import Drivers
import Kit
import NodeLink

/// Compares what is inside one namespace with what it should be.
struct InsidePlan {
  let view: NamespaceView
  let owner: ObjectKey
  /// What a difference is called.
  let field: DriftField
  /// Whether the namespace was made by this look: what is put into it then is no repair of its own.
  let fresh: Bool
  private(set) var batch = IPBatch()
  private(set) var look = Look()
  /// IPv4 addresses put on a device that the neighbours should hear of.
  private(set) var announced: [(device: String, mac: MACAddress, address: IPAddress)] = []
  /// Addresses that were there and are no longer wanted.
  private(set) var withdrawn: Set<IPAddress> = []

  init(view: NamespaceView, owner: ObjectKey, field: DriftField, fresh: Bool) {
    self.view = view
    self.owner = owner
    self.field = field
    self.fresh = fresh
  }

  /// A difference that was found, or put right already.
  mutating func note(asked: String, found: String, done: String = "set right") {
    if !fresh { look.note(owner, field, asked: asked, found: found, done: done) }
  }

  mutating func loopback() {
    guard view.devices["lo"]?.up != true else { return }
    batch.add("link set lo up")
    note(asked: "lo up", found: "down")
  }

  mutating func device(_ name: String, mac: MACAddress, mtu: Int, addresses: Set<InterfaceAddress>, up: Bool) {
    let now = view.devices[name]
    if now?.mac != mac || now?.mtu != mtu {
      batch.add("link set \(name) address \(mac) mtu \(mtu)", for: owner)
      if let now {
        note(
          asked: "\(name) MAC \(mac), MTU \(mtu)", found: "MAC \(now.mac?.description ?? "none"), MTU \(now.mtu)")
      }
    }
    if now?.up != up {
      batch.add("link set \(name) \(up ? "up" : "down")", for: owner)
      if now != nil { note(asked: "\(name) \(up ? "up" : "down")", found: up ? "down" : "up") }
    }
    setAddresses(name, mac, now?.addresses ?? [], addresses)
  }

  private mutating func setAddresses(
    _ name: String, _ mac: MACAddress, _ now: Set<InterfaceAddress>, _ wanted: Set<InterfaceAddress>
  ) {
    let kept = now.filter { !Self.isLinkLocal($0.address) || wanted.contains($0) }
    for address in kept.subtracting(wanted) {
      batch.add("addr del \(address) dev \(name)", for: owner)
      withdrawn.insert(address.address)
      note(asked: "no \(address) on \(name)", found: "there", done: "removed")
    }
    for address in wanted.subtracting(kept).sorted(by: { $0.prefix < $1.prefix }) {
      batch.add("addr add \(address) dev \(name)\(address.address.version == 6 ? " nodad" : "")", for: owner)
      if address.address.version == 4 { announced.append((name, mac, address.address)) }
      note(asked: "\(address) on \(name)", found: "missing", done: "added")
    }
  }

  mutating func routes(_ wanted: Set<Route>) {
    for route in view.routes.subtracting(wanted) where !Self.isLinkLocal(route.destination.network) {
      // A route goes by itself with the address it stood on; what did not is for the next pass.
      if withdrawn.contains(where: { $0.version == route.nexthop.version }) { continue }
      batch.add("route del \(route.destination) via \(route.nexthop)", for: owner)
      note(asked: "no route to \(route.destination)", found: "via \(route.nexthop)", done: "removed")
    }
    for route in wanted.subtracting(view.routes).sorted(by: { $0.destination.prefix > $1.destination.prefix }) {
      batch.add("route replace \(route.destination) via \(route.nexthop)", for: owner)
      note(asked: "route to \(route.destination) via \(route.nexthop)", found: "missing", done: "added")
    }
  }

  mutating func remove(_ device: String) {
    batch.add("link del \(device)")
    note(asked: "no device \(device)", found: "there", done: "removed")
  }

  private static func isLinkLocal(_ address: IPAddress) -> Bool {
    address.version == 6 && address.bits >> 118 == 0xfe80 >> 6
  }
}
