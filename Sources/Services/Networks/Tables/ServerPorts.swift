import Contracts
import Kit
import Store

/// The ports of servers as the compute service needs them, many at once.
enum ServerPorts {
  static func load(_ tx: Transaction, servers: [String]) throws -> [String: [ServerPort]] {
    guard !servers.isEmpty else { return [:] }
    var ports = try tx.rows(
      Port.self, ["server_id IN (\(list: servers))"], order: "ORDER BY server_id, card_position, id")
    guard !ports.isEmpty else { return [:] }
    try Port.fill(tx, &ports)
    let networks = Dictionary(
      try tx.rows(Network.self, ["id IN (\(list: Set(ports.map(\.networkID)).sorted()))"]).map { ($0.id, $0) },
      uniquingKeysWith: { $1 })
    let subnetIDs = Set(ports.flatMap { $0.fixedIPs.map(\.subnetID) })
    let subnets = Dictionary(
      try tx.rows(Subnet.self, ["id IN (\(list: subnetIDs.sorted()))"]).map { ($0.id, $0) }, uniquingKeysWith: { $1 })
    let floating = Dictionary(
      grouping: try tx.rows(FloatingIP.self, ["port_id IN (\(list: ports.map(\.id)))"], order: "ORDER BY address"),
      by: { $0.portID ?? "" })
    let groupNames = Dictionary(
      try tx.query(
        "SELECT id, name FROM security_group WHERE id IN (\(list: Set(ports.flatMap(\.securityGroupIDs)).sorted()))"
      ) { ($0.text(0), $0.text(1)) }, uniquingKeysWith: { $1 })
    var answer: [String: [ServerPort]] = [:]
    for port in ports {
      guard let serverID = port.serverID, let network = networks[port.networkID] else { continue }
      let groups = port.securityGroupIDs.compactMap { id in groupNames[id].map { (id: id, name: $0) } }
        .sorted { $0.name < $1.name }
      answer[serverID, default: []].append(
        ServerPort(
          id: port.id, serverID: serverID, networkID: network.id, networkName: network.standard.name,
          mac: port.mac.description, mtu: network.mtu, status: port.status,
          addresses: addresses(port, floating[port.id] ?? []),
          subnets: port.fixedIPs.compactMap { subnets[$0.subnetID]?.forServer }, tag: port.cardTag,
          securityGroupNames: groups.map(\.name), securityGroupIDs: groups.map(\.id)))
    }
    return answer
  }

  /// Each fixed address followed by the floating ones that point at it.
  private static func addresses(_ port: Port, _ floating: [FloatingIP]) -> [ServerPort.Address] {
    port.fixedIPs.flatMap { fixed in
      let version = fixed.address.contains(":") ? 6 : 4
      let own = ServerPort.Address(address: fixed.address, version: version, type: "fixed", subnetID: fixed.subnetID)
      let pointing = floating.filter { $0.fixedAddress == fixed.address }.map {
        ServerPort.Address(address: $0.address, version: 4, type: "floating", subnetID: fixed.subnetID)
      }
      return [own] + pointing
    }
  }
}

extension Subnet {
  fileprivate var forServer: ServerPort.Subnet {
    ServerPort.Subnet(
      id: id, cidr: cidr.description, version: ipVersion, gateway: gateway?.description,
      dnsNameservers: dnsNameservers, enableDHCP: enableDHCP, ipv6AddressMode: ipv6AddressMode)
  }
}
