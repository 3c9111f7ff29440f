import CLinux
import Foundation
import Kit
import Logging
import NodeLink

/// One router: its namespace with devices, routes, address translation and router advertisements.
struct RouterService: Sendable {
  let router: CheckedRouter
  let namespace: String
  let directory: String

  init(router: CheckedRouter, names: Names, directory: String) {
    self.router = router
    namespace = names.tag.routerNamespace(router.id)
    self.directory = Self.directory(router.id, in: directory)
  }

  static func directory(_ routerID: String, in directory: String) -> String { "\(directory)/routers/\(routerID)" }

  static func daemon(namespace: String, directory: String) -> Daemon {
    Daemon(
      program: "radvd",
      arguments: [
        "-C", "\(directory)/radvd.conf", "-p", "\(directory)/radvd.pid", "-m", "logfile",
        "-l", "\(directory)/radvd.log",
      ],
      pidFile: "\(directory)/radvd.pid", namespace: namespace)
  }

  private var owner: ObjectKey { ObjectKey(.router, router.id) }

  var pairs: [VethPair] {
    router.devices.map { device in
      VethPair(
        hostEnd: device.hostEnd, inside: device.name, namespace: namespace, bridge: device.bridge, mac: device.mac,
        mtu: device.mtu, owner: owner)
    }
  }

  /// Makes the namespace's inside as it should be. Throws `Refusal` where something is refused.
  func apply(thread: NamespaceThread, logger: Logger) async throws {
    try StateFile.directory(directory)
    let old = FloatingRecord.load(directory)
    try await translate(thread)
    let plan = try await wire(thread, logger)
    try await announce(plan, thread)
    for address in old.changed(to: router) { try await Conntrack.cut(floating: address, in: namespace) }
    try FloatingRecord(router).save(directory)
    try await advertise()
  }

  /// Rules come before addresses: a floating IP never answers for the router itself.
  private func translate(_ thread: NamespaceThread) async throws {
    let text = RouterTable(router: router).render()
    let record = "\(directory)/nft"
    try await thread.run(in: namespace) {
      let nftables = try Nftables()
      let now = nftables.table("ip", RouterTable.name)
      if let now, (try? String(contentsOfFile: record, encoding: .utf8)) == text + now { return }
      _ = try nftables.run(text)
      _ = try StateFile.write(text + (nftables.table("ip", RouterTable.name) ?? ""), to: record)
    }
  }

  private func wire(_ thread: NamespaceThread, _ logger: Logger) async throws -> InsidePlan {
    let devices = router.devices
    let view = try await thread.run(in: namespace) {
      Sysctl.set("ipv4/ip_forward", "1")
      Sysctl.set("ipv4/conf/all/arp_ignore", "1")
      Sysctl.set("ipv4/conf/all/arp_announce", "2")
      Sysctl.set("ipv6/conf/all/forwarding", "1")
      for device in devices { Sysctl.set("ipv6/conf/\(device.name)/accept_dad", "0") }
      return NamespaceView.read()
    }
    var plan = InsidePlan(view: view)
    plan.loopback()
    let wanted = Set(devices.map(\.name))
    for name in view.devices.keys where (name.hasPrefix("qr-") || name.hasPrefix("qg-")) && !wanted.contains(name) {
      plan.remove(name)
    }
    for device in devices {
      var addresses = Set(device.addresses)
      if device == router.gateway?.device { addresses.formUnion(floatingAddresses) }
      plan.device(
        device.name, mac: device.mac, mtu: device.mtu, addresses: addresses, up: router.adminStateUp, owner: owner)
    }
    if router.adminStateUp {
      let defaults = (router.gateway?.nexthops ?? []).map(Route.defaultRoute)
      plan.routes(Set(router.routes + defaults), owner: owner)
    }
    if let refusal = await plan.batch.run(in: namespace, logger: logger)[owner] { throw refusal }
    return plan
  }

  private var floatingAddresses: [InterfaceAddress] { router.floating.keys.map { InterfaceAddress($0, prefix: 32) } }

  /// Neighbours may still hold an address for another MAC: one gratuitous ARP each.
  private func announce(_ plan: InsidePlan, _ thread: NamespaceThread) async throws {
    let announced = plan.announced
    guard router.adminStateUp, !announced.isEmpty else { return }
    try await thread.run(in: namespace) {
      for entry in announced {
        let mac = stride(from: 40, through: 0, by: -8).map { UInt8(truncatingIfNeeded: entry.mac.bits >> UInt64($0)) }
        _ = clinux_announce_ipv4(entry.device, mac, entry.address.bytes)
      }
    }
  }

  private func advertise() async throws {
    let text = RadvdConfig(router: router).text
    let daemon = Self.daemon(namespace: namespace, directory: directory)
    let changed = try StateFile.write(text, to: "\(directory)/radvd.conf")
    StateFile.bound("\(directory)/radvd.log")
    if text.isEmpty {
      await daemon.stop()
    } else if daemon.running == nil {
      try await daemon.start()
    } else if changed {
      daemon.reload()
    }
  }
}

/// Which floating IP led where, as last applied: so that its flows end when it moves.
struct FloatingRecord: Sendable {
  private var pairs: [String: String]

  init(_ router: CheckedRouter) {
    pairs = Dictionary(
      router.floating.map { ($0.key.description, $0.value.description) }, uniquingKeysWith: { first, _ in first })
  }

  static func load(_ directory: String) -> FloatingRecord {
    var record = FloatingRecord()
    let bytes = FileManager.default.contents(atPath: "\(directory)/floating.json") ?? Data()
    record.pairs = (try? JSONDecoder().decode([String: String].self, from: bytes)) ?? [:]
    return record
  }

  private init() { pairs = [:] }

  func changed(to router: CheckedRouter) -> [IPAddress] {
    let now = FloatingRecord(router).pairs
    return pairs.filter { now[$0.key] != $0.value }.compactMap { IPAddress($0.key) }
  }

  func save(_ directory: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let text = String(decoding: (try? encoder.encode(pairs)) ?? Data("{}".utf8), as: UTF8.self)
    _ = try StateFile.write(text, to: "\(directory)/floating.json")
  }
}
