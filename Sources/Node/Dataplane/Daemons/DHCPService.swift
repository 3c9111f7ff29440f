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

  var pair: VethPair {
    VethPair(
      hostEnd: hostEnd, inside: device, namespace: namespace, bridge: network.bridge, mac: service.mac,
      mtu: network.mtu, owner: ObjectKey(.network, network.id))
  }

  /// The daemon of a network, also where only its files are left.
  static func daemon(arguments: [String] = [], namespace: String, directory: String) -> Daemon {
    Daemon(program: "dnsmasq", arguments: arguments, pidFile: "\(directory)/pid", namespace: namespace)
  }

  /// Makes the namespace's inside and the daemon as they should be; ports with a refused option come back.
  func apply(
    ports: [CheckedPort], thread: NamespaceThread, logger: Logger
  ) async throws -> [ObjectKey: Refusal] {
    try await wire(thread, logger)
    try StateFile.directory(directory)
    StateFile.bound("\(directory)/log")
    let config = DnsmasqConfig(network: network, ports: ports, device: device, directory: directory)
    let hostsChanged = try StateFile.write(config.hosts.map { $0 + "\n" }.joined(), to: "\(directory)/hosts")
    let optionsChanged = try StateFile.write(config.options.map { $0 + "\n" }.joined(), to: "\(directory)/opts")
    let daemon = Self.daemon(arguments: config.arguments, namespace: namespace, directory: directory)
    let leases = Leases(path: "\(directory)/leases")
    let held = Set(ports.flatMap { $0.fixedIPs.map(\.address) })
    if leases.hasStrangers(held) {
      // dnsmasq keeps a lease to its end and gives the address to nobody else: a server that is gone gives it back.
      await daemon.stop()
      try leases.keep(held)
    }
    if !network.subnets.contains(where: \.servedByDHCP) {
      await daemon.stop()
    } else if daemon.running == nil {
      try await daemon.start()
    } else if hostsChanged || optionsChanged {
      daemon.reload()
    }
    return Dictionary(uniqueKeysWithValues: config.refused.map { (ObjectKey(.port, $0.key), $0.value) })
  }

  private func wire(_ thread: NamespaceThread, _ logger: Logger) async throws {
    let device = device
    let view = try await thread.run(in: namespace) {
      Sysctl.set("ipv4/ip_forward", "0")
      Sysctl.set("ipv6/conf/\(device)/accept_dad", "0")
      Sysctl.set("ipv6/conf/\(device)/accept_ra", "0")
      return NamespaceView.read()
    }
    var plan = InsidePlan(view: view)
    let owner = ObjectKey(.network, network.id)
    let metadata = InterfaceAddress(IPAddress(version: 4, bits: 0xa9fe_a9fe), prefix: 32)
    plan.loopback()
    plan.device(
      device, mac: service.mac, mtu: network.mtu, addresses: Set(service.addresses + [metadata]), up: true, owner: owner
    )
    if let refusal = await plan.batch.run(in: namespace, logger: logger)[owner] { throw refusal }
  }
}
