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

  var owner: ObjectKey { ObjectKey(.router, router.id) }

  var pairs: [VethPair] {
    router.devices.map { device in
      VethPair(
        hostEnd: device.hostEnd, inside: device.name, namespace: namespace, bridge: device.bridge, mac: device.mac,
        mtu: device.mtu, owner: owner, field: .routerDevices)
    }
  }

  var configPath: String { "\(directory)/radvd.conf" }

  /// Makes the namespace's inside as it should be. Throws `Refusal` where something is refused. `fresh`: the namespace
  /// was made by this look.
  func apply(fresh: Bool, thread: NamespaceThread, logger: Logger) async throws -> Look {
    var look = Look()
    try StateFile.directory(directory)
    let old = FloatingRecord.load(directory)
    if let found = try await translate(thread), !fresh {
      look.note(
        owner, .routerRules, asked: "table ip \(RouterTable.name) as loaded", found: found, done: "loaded again")
    }
    let plan = try await wire(thread, fresh, logger)
    look.merge(plan.look)
    try await announce(plan, thread)
    for address in old.changed(to: router) { try await Conntrack.cut(floating: address, in: namespace) }
    try FloatingRecord(router).save(directory)
    try await advertise(fresh, &look)
    return look
  }

  /// Rules come before addresses: a floating IP never answers for the router itself. What somebody did to them, if so.
  private func translate(_ thread: NamespaceThread) async throws -> String? {
    let text = RouterTable(router: router).render()
    let path = "\(directory)/rules.json"
    return try await thread.run(in: namespace) {
      var tables = KernelTables(path: path, tables: [KernelTables.Table(family: "ip", name: RouterTable.name)])
      let looked = try tables.compare(text)
      if !looked.same {
        CrashPoint.pass(.loadRules, .before, owner.description)
        try tables.load(text)
        CrashPoint.pass(.loadRules, .after, owner.description)
      }
      return looked.found
    }
  }

  private func wire(_ thread: NamespaceThread, _ fresh: Bool, _ logger: Logger) async throws -> InsidePlan {
    let devices = router.devices
    let (view, switches) = try await thread.run(in: namespace) {
      var changed = [
        Sysctl.set("ipv4/ip_forward", "1"), Sysctl.set("ipv4/conf/all/arp_ignore", "1"),
        Sysctl.set("ipv4/conf/all/arp_announce", "2"), Sysctl.set("ipv6/conf/all/forwarding", "1"),
      ]
      for device in devices { changed.append(Sysctl.set("ipv6/conf/\(device.name)/accept_dad", "0")) }
      return (NamespaceView.read(), changed.compactMap { $0 })
    }
    let made = fresh || devices.allSatisfy { view.devices[$0.name]?.addresses.isEmpty ?? true }
    var plan = InsidePlan(view: view, owner: owner, field: .routerDevices, fresh: made)
    for found in switches { plan.note(asked: "the router's switches", found: found) }
    plan.loopback()
    let wanted = Set(devices.map(\.name))
    for name in view.devices.keys where (name.hasPrefix("qr-") || name.hasPrefix("qg-")) && !wanted.contains(name) {
      plan.remove(name)
    }
    for device in devices {
      var addresses = Set(device.addresses)
      if device == router.gateway?.device { addresses.formUnion(floatingAddresses) }
      plan.device(device.name, mac: device.mac, mtu: device.mtu, addresses: addresses, up: router.adminStateUp)
    }
    if router.adminStateUp {
      let defaults = (router.gateway?.nexthops ?? []).map(Route.defaultRoute)
      plan.routes(Set(router.routes + defaults))
    }
    guard !plan.batch.isEmpty else { return plan }
    CrashPoint.pass(.makeDevices, .before, owner.description)
    if let refusal = await plan.batch.run(in: namespace, logger: logger)[owner] { throw refusal }
    CrashPoint.pass(.makeDevices, .after, owner.description)
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

  /// Whether the router announces itself.
  var advertises: Bool { !RadvdConfig(router: router).text.isEmpty }

  private func advertise(_ fresh: Bool, _ look: inout Look) async throws {
    let text = RadvdConfig(router: router).text
    let daemon = Self.daemon(namespace: namespace, directory: directory)
    let hasRun = daemon.leftPIDFile
    guard !text.isEmpty else {
      if hasRun { await daemon.stop(everywhere: true) }
      return
    }
    StateFile.bound("\(directory)/radvd.log")
    let before = try StateFile.writeSealed(text, to: configPath)
    if case .meddled(let how) = before, hasRun {
      look.note(owner, .routerDaemon, asked: "radvd.conf as written", found: how, done: "written anew and read again")
    }
    if let missing = daemon.missing {
      if !fresh {
        look.note(owner, .routerDaemon, asked: "radvd in \(namespace)", found: missing, done: "started")
      }
      try await daemon.start()
    } else if before != .same {
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
    try StateFile.write(text, to: "\(directory)/floating.json")
  }
}
