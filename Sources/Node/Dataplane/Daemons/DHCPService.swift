import Foundation
import Kit
import Logging
import NodeLink

/// DHCP and metadata of one network: what its namespace holds, and the dnsmasq in it.
struct DHCPService: Sendable {
  let network: CheckedNetwork
  let service: CheckedNetwork.Service
  let namespace: String
  let device: String
  let hostEnd: String
  /// Where dnsmasq's files are.
  let directory: String

  /// nil where the network has neither DHCP nor metadata.
  init?(network: CheckedNetwork, names: Names, directory: String) {
    guard let service = network.service else { return nil }
    self.init(network: network, service: service, names: names, directory: directory)
  }

  private init(network: CheckedNetwork, service: CheckedNetwork.Service, names: Names, directory: String) {
    self.network = network
    self.service = service
    namespace = names.tag.dhcpNamespace(network.id)
    device = Names.inside("ns", network.id)
    hostEnd = names.tag.interface(.dhcp, network.id)
    self.directory = Self.directory(network.id, in: directory)
  }

  static func directory(_ networkID: String, in directory: String) -> String { "\(directory)/networks/\(networkID)" }

  var owner: ObjectKey { ObjectKey(.network, network.id) }

  var pair: VethPair {
    VethPair(
      hostEnd: hostEnd, inside: device, namespace: namespace, bridge: network.bridge, mac: service.mac,
      mtu: network.mtu, owner: owner, field: .dhcpNamespace)
  }

  /// Whether the network has a dnsmasq.
  var serves: Bool { network.subnets.contains(where: \.servedByDHCP) }

  var leasesPath: String { "\(directory)/leases" }
  /// Files that nobody else writes.
  var sealedFiles: [String] { ["\(directory)/hosts", "\(directory)/opts"] }

  /// The daemon of a network, also where only its files are left.
  static func daemon(arguments: [String] = [], namespace: String, directory: String) -> Daemon {
    Daemon(program: "dnsmasq", arguments: arguments, pidFile: "\(directory)/pid", namespace: namespace)
  }

  /// Makes the namespace's inside and the daemon as they should be; refuses ports with a refused option. `fresh`: the
  /// namespace was made by this look.
  func apply(ports: [CheckedPort], fresh: Bool, thread: NamespaceThread, logger: Logger) async throws -> Look {
    var look = try await wire(thread, fresh, logger)
    try StateFile.directory(directory)
    StateFile.bound("\(directory)/log")
    let config = DnsmasqConfig(network: network, ports: ports, device: device, directory: directory)
    let daemon = Self.daemon(arguments: config.arguments, namespace: namespace, directory: directory)
    for (id, refusal) in config.refused { look.refuse(ObjectKey(.port, id), refusal) }
    let hasRun = daemon.leftPIDFile
    var reload = false
    for (path, lines) in zip(sealedFiles, [config.hosts, config.options]) {
      let before = try StateFile.writeSealed(lines.map { $0 + "\n" }.joined(), to: path)
      reload = reload || before != .same
      guard case .meddled(let how) = before, hasRun else { continue }
      look.note(
        owner, .dhcpDaemon, asked: "dnsmasq's \(path.split(separator: "/").last ?? "") as written", found: how,
        done: "written anew and read again")
    }
    try await run(daemon, held: Set(ports.flatMap { $0.fixedIPs.map(\.address) }), fresh, reload, &look)
    return look
  }

  private func run(
    _ daemon: Daemon, held: Set<IPAddress>, _ fresh: Bool, _ reload: Bool, _ look: inout Look
  ) async throws {
    guard serves else {
      if daemon.leftPIDFile { await daemon.stop(everywhere: true) }
      return
    }
    let missing = daemon.missing
    if let missing, !fresh {
      look.note(owner, .dhcpDaemon, asked: "dnsmasq in \(namespace)", found: missing, done: "started")
    }
    let rewritten = try await keepLeases(daemon, held, &look)
    if missing != nil || rewritten {
      try await daemon.start()
    } else if reload {
      daemon.reload()
    }
  }

  /// Brings a lost file of leases back, and drops the leases of addresses that nobody holds. Whether the daemon was
  /// stopped for it.
  private func keepLeases(_ daemon: Daemon, _ held: Set<IPAddress>, _ look: inout Look) async throws -> Bool {
    let leases = Leases(path: leasesPath)
    if daemon.leftPIDFile, !FileManager.default.fileExists(atPath: leasesPath) {
      // A running dnsmasq still has the file it lost open: nothing of it needs to be forgotten.
      let saved = daemon.contents(ofOpenFile: leasesPath)
      await daemon.stop()
      try StateFile.write(saved ?? "", to: leasesPath)
      let done = saved == nil ? "made anew, empty; guests renew" : "written anew from what dnsmasq had open"
      look.note(owner, .leases, asked: "dnsmasq's file of leases", found: "missing", done: done)
      if leases.hasStrangers(held) { try leases.keep(held) }
      return true
    }
    guard leases.hasStrangers(held) else { return false }
    // dnsmasq keeps a lease to its end and gives the address to nobody else: a server that is gone gives it back.
    await daemon.stop()
    try leases.keep(held)
    return true
  }

  private func wire(_ thread: NamespaceThread, _ fresh: Bool, _ logger: Logger) async throws -> Look {
    let device = device
    let (view, switches) = try await thread.run(in: namespace) {
      let changed = [
        Sysctl.set("ipv4/ip_forward", "0"), Sysctl.set("ipv6/conf/\(device)/accept_dad", "0"),
        Sysctl.set("ipv6/conf/\(device)/accept_ra", "0"),
      ]
      return (NamespaceView.read(), changed.compactMap { $0 })
    }
    let now = view.devices[device]
    // A device made by this look is set up for the first time.
    let made = fresh || now?.up != true && now?.addresses.isEmpty ?? true
    var plan = InsidePlan(view: view, owner: owner, field: .dhcpNamespace, fresh: made)
    let metadata = InterfaceAddress(IPAddress(version: 4, bits: 0xa9fe_a9fe), prefix: 32)
    for found in switches { plan.note(asked: "the namespace's own switches", found: found) }
    plan.loopback()
    plan.device(
      device, mac: service.mac, mtu: network.mtu, addresses: Set(service.addresses + [metadata]), up: true)
    if let refusal = await plan.batch.run(in: namespace, logger: logger)[owner] { throw refusal }
    return plan.look
  }
}
