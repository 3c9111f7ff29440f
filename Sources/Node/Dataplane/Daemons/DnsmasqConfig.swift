import Kit
import NodeLink

/// What one network's dnsmasq is told: its command line, its hosts and their options.
struct DnsmasqConfig: Sendable, Hashable {
  static let leasesMax = 65_536
  static let leaseSeconds = 86_400

  /// Changes only by a restart.
  var arguments: [String]
  /// Lines of `--dhcp-hostsfile`; read again on SIGHUP.
  var hosts: [String]
  /// Lines of `--dhcp-optsfile`; read again on SIGHUP.
  var options: [String]
  /// Ports with an option that is not written.
  var refused: [String: Refusal] = [:]

  init(network: CheckedNetwork, ports: [CheckedPort], device: String, directory: String) {
    let served = network.subnets.filter(\.servedByDHCP)
    arguments = Self.arguments(network, served, device: device, directory: directory)
    hosts = []
    options = served.flatMap { Self.options($0, network) }
    for port in ports.sorted(by: { $0.id < $1.id }) {
      hosts += Self.hosts(port, served)
      do {
        options += try port.options.map { try Self.option($0, port) }
      } catch {
        refused[port.id] = error as? Refusal ?? Refusal("DHCPOptionRefused", "A DHCP option is refused.")
      }
    }
  }

  private static func arguments(
    _ network: CheckedNetwork, _ served: [CheckedNetwork.Subnet], device: String, directory: String
  ) -> [String] {
    [
      "--conf-file=/dev/null", "--no-hosts", "--no-resolv", "--no-ping", "--port=0", "--user=root",
      "--bind-interfaces", "--interface=\(device)", "--except-interface=lo", "--pid-file=\(directory)/pid",
      "--dhcp-hostsfile=\(directory)/hosts", "--dhcp-optsfile=\(directory)/opts",
      "--dhcp-leasefile=\(directory)/leases", "--log-facility=\(directory)/log", "--quiet-dhcp", "--quiet-dhcp6",
      "--dhcp-authoritative", "--dhcp-ignore=tag:!known", "--dhcp-lease-max=\(leasesMax)",
      "--dhcp-option-force=option:mtu,\(network.mtu)",
    ] + served.map { "--dhcp-range=\(range($0))" }
  }

  private static func range(_ subnet: CheckedNetwork.Subnet) -> String {
    let mask = subnet.cidr.version == 4 ? subnet.cidr.netmask : "\(max(subnet.cidr.prefix, 64))"
    return "set:\(tag(subnet)),\(subnet.cidr.network),static,\(mask),\(leaseSeconds)"
  }

  private static func tag(_ subnet: CheckedNetwork.Subnet) -> String { "subnet-\(subnet.id)" }

  /// One line for each IPv4 address, the first of them with the IPv6 ones.
  private static func hosts(_ port: CheckedPort, _ served: [CheckedNetwork.Subnet]) -> [String] {
    let addresses = port.fixedIPs.filter { ip in served.contains { $0.id == ip.subnetID } }.map(\.address)
    guard !addresses.isEmpty else { return [] }
    let stateful = port.fixedIPs.filter { ip in
      served.contains { $0.id == ip.subnetID && ($0.addressMode ?? .stateful) == .stateful }
    }.map(\.address)
    var six = stateful.filter { $0.version == 6 }.map { "[\($0)]" }
    let four = addresses.filter { $0.version == 4 }.map(\.description)
    return (four.isEmpty ? [nil] : four.map(Optional.some)).map { address in
      defer { six = [] }
      return
        (["\(port.mac)", "set:port-\(port.id)"] + (port.hostname.map { [$0] } ?? []) + (address.map { [$0] } ?? [])
        + six).joined(separator: ",")
    }
  }

  private static func options(_ subnet: CheckedNetwork.Subnet, _ network: CheckedNetwork) -> [String] {
    let head = "tag:\(tag(subnet)),"
    let nameservers = subnet.nameservers.filter { $0.version == subnet.cidr.version }
    guard subnet.cidr.version == 4 else {
      let list = nameservers.map { ",[\($0)]" }.joined()
      return list.isEmpty ? [] : [head + "option6:dns-server" + list]
    }
    var routes = subnet.routes.filter { $0.destination.version == 4 && $0.nexthop.version == 4 }
      .map { "\($0.destination),\($0.nexthop)" }
    if let own = network.service?.addresses.first(where: { subnet.cidr.contains($0.address) }) {
      routes.insert("169.254.169.254/32,\(own.address)", at: 0)
    }
    if let gateway = subnet.gateway { routes.append("0.0.0.0/0,\(gateway)") }
    var lines = [
      head + "option:dns-server" + nameservers.map { ",\($0)" }.joined(),
      head + "option:router" + (subnet.gateway.map { ",\($0)" } ?? ""),
    ]
    if !routes.isEmpty {
      let list = routes.joined(separator: ",")
      lines += [head + "option:classless-static-route,\(list)", head + "249,\(list)"]
    }
    return lines
  }

  private static func option(_ option: PortSpec.DHCPOption, _ port: CheckedPort) throws -> String {
    let name = try ConfigText.word(option.name)
    let value = try ConfigText.value(option.value)
    let kind = option.ipVersion == 6 ? "option6" : "option"
    return "tag:port-\(port.id),\(kind):\(name)" + (value.isEmpty ? "" : ",\(value)")
  }
}
