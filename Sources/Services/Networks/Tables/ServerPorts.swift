import Contracts
import Kit
import Store

/// The ports of servers as the compute service needs them, many at once, by three statements.
enum ServerPorts {
  static func load(_ tx: Transaction, servers: [String]) throws -> [String: [ServerPort]] {
    guard !servers.isEmpty else { return [:] }
    var ports: [ServerPort] = []
    ports.reserveCapacity(servers.count)
    try tx.forEach(
      """
      SELECT p.id, p.server_id, p.network_id, n.name, p.mac_address, n.mtu, p.status, p.card_tag, a.address,
        a.subnet_id, f.address
      FROM port p JOIN network n ON n.id = p.network_id LEFT JOIN port_address a ON a.port_id = p.id
      LEFT JOIN floating_ip f ON f.port_id = p.id AND f.fixed_address = a.address
      WHERE p.server_id IN (\(list: servers)) ORDER BY p.server_id, p.card_position, p.id, a.position
      """
    ) { row in
      let id = row.text(0)
      if ports.last?.id != id { ports.append(port(id, row)) }
      guard let address = row.textOrNil(8) else { return }
      let subnet = row.text(9)
      let version = address.utf8.contains(UInt8(ascii: ":")) ? 6 : 4
      let last = ports.count - 1
      ports[last].addresses.append(.init(address: address, version: version, type: "fixed", subnetID: subnet))
      if let floating = row.textOrNil(10) {
        ports[last].addresses.append(.init(address: floating, version: 4, type: "floating", subnetID: subnet))
      }
    }
    if ports.isEmpty { return [:] }
    let groups = try groups(tx, ports)
    let subnets = try subnets(tx, ports)
    var answer: [String: [ServerPort]] = [:]
    answer.reserveCapacity(servers.count)
    for var port in ports {
      for (id, name) in groups[port.id] ?? [] {
        port.securityGroupIDs.append(id)
        port.securityGroupNames.append(name)
      }
      port.subnets = port.addresses.filter { $0.type == "fixed" }.compactMap { subnets[$0.subnetID] }
      answer[port.serverID, default: []].append(port)
    }
    return answer
  }

  /// A port without what stands in other rows.
  private static func port(_ id: String, _ row: any Row) -> ServerPort {
    ServerPort(
      id: id, serverID: row.text(1), networkID: row.text(2), networkName: row.text(3), mac: row.text(4),
      mtu: row.int(5), status: row.text(6), addresses: [], subnets: [], tag: row.textOrNil(7), securityGroupNames: [])
  }

  /// Each port's groups, by name.
  private static func groups(
    _ tx: Transaction, _ ports: [ServerPort]
  ) throws -> [String: [(id: String, name: String)]] {
    var groups: [String: [(id: String, name: String)]] = [:]
    groups.reserveCapacity(ports.count)
    try tx.forEach(
      """
      SELECT m.port_id, g.id, g.name FROM port_security_group m JOIN security_group g ON g.id = m.group_id
      WHERE m.port_id IN (\(list: ports.map(\.id))) ORDER BY g.name, g.id
      """
    ) { groups[$0.text(0), default: []].append(($0.text(1), $0.text(2))) }
    return groups
  }

  private static func subnets(_ tx: Transaction, _ ports: [ServerPort]) throws -> [String: ServerPort.Subnet] {
    let ids = Set(ports.flatMap { $0.addresses.map(\.subnetID) })
    if ids.isEmpty { return [:] }
    return Dictionary(
      try tx.rows(Subnet.self, ["id IN (\(list: ids.sorted()))"]).map { ($0.id, $0.forServer) },
      uniquingKeysWith: { $1 })
  }
}

extension Subnet {
  fileprivate var forServer: ServerPort.Subnet {
    ServerPort.Subnet(
      id: id, cidr: cidr.description, version: ipVersion, gateway: gateway?.description,
      dnsNameservers: dnsNameservers, enableDHCP: enableDHCP, ipv6AddressMode: ipv6AddressMode)
  }
}
