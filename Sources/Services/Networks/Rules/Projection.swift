import Kit
import NodeLink
import Store

/// What each node should hold, computed from the tables.
extension Change {
  /// Recomputes everything that was marked.
  func finish() throws {
    for id in networks.sorted() { try projectNetwork(id) }
    var sets = groups
    for id in groups.sorted() {
      let remotes = try tx.query(
        """
        SELECT DISTINCT remote_group_id FROM security_group_rule
        WHERE group_id = \(id) AND remote_group_id IS NOT NULL
        """
      ) { $0.text(0) }
      sets.formUnion(remotes)
    }
    for id in sets.sorted() { try projectAddressSet(id) }
    for id in groups.sorted() { try projectGroup(id) }
    for id in ports.sorted() { try projectPort(id) }
    for id in routers.sorted() { try projectRouter(id) }
  }

  /// Has exactly these nodes hold the object.
  private func place(_ key: ObjectKey, on nodes: Set<String>, _ spec: () throws -> ObjectSpec?) throws {
    let held = try ManifestTable.holders(tx, key)
    let made = nodes.isEmpty ? nil : try spec()
    if let made {
      for node in nodes.sorted() { try ManifestTable.put(tx, node: node, key, made, requestID: requestID) }
    }
    for node in held.subtracting(made == nil ? [] : nodes).sorted() {
      try ManifestTable.bury(tx, node: node, key, requestID: requestID)
    }
  }

  private func nodes(_ sql: SQL) throws -> Set<String> { Set(try tx.query(sql) { $0.text(0) }) }

  func projectPort(_ id: String) throws {
    let port = try tx.find(Port.self, id: id)
    let nodes = Set(port.flatMap { $0.serverID == nil ? nil : $0.nodeID }.map { [$0] } ?? [])
    let key = ObjectKey(.port, id)
    let before = try ManifestTable.asked(tx, key)
    let spec = port?.spec
    try place(key, on: nodes) { spec.map { .port($0) } }
    for asked in before { try hold(asked, key, now: nodes.contains(asked.nodeID) ? spec : nil) }
  }

  /// What a node was asked to use for a port, and is not asked to now, stays taken until the node has said that it does
  /// not use it any more.
  private func hold(_ asked: ManifestTable.Asked, _ key: ObjectKey, now spec: PortSpec?) throws {
    guard let row = try ManifestTable.find(tx, node: asked.nodeID, key), row.generation != asked.generation,
      case .port(let old) = try asked.spec()
    else { return }
    try HeldAddressTable.hold(
      tx, old.taken.subtracting(spec?.taken ?? []), of: old, node: asked.nodeID, generation: row.generation)
  }

  func projectGroup(_ id: String) throws {
    let nodes = try nodes(
      """
      SELECT DISTINCT port.node_id FROM port_security_group JOIN port ON port.id = port_security_group.port_id
      WHERE port_security_group.group_id = \(id) AND port.node_id IS NOT NULL
      """)
    try place(ObjectKey(.securityGroup, id), on: nodes) {
      try tx.find(SecurityGroup.self, id: id).map { .securityGroup($0.spec) }
    }
  }

  /// The addresses of a group's members, for nodes that hold a group with a rule that names it.
  func projectAddressSet(_ id: String) throws {
    let nodes = try nodes(
      """
      SELECT DISTINCT port.node_id FROM security_group_rule
      JOIN port_security_group ON port_security_group.group_id = security_group_rule.group_id
      JOIN port ON port.id = port_security_group.port_id
      WHERE security_group_rule.remote_group_id = \(id) AND port.node_id IS NOT NULL
      """)
    try place(ObjectKey(.addressSet, id), on: nodes) {
      var addresses = Set(
        try tx.query(
          """
          SELECT port_address.address FROM port_security_group
          JOIN port_address ON port_address.port_id = port_security_group.port_id
          WHERE port_security_group.group_id = \(id)
          """
        ) { $0.text(0) })
      let pairs = try tx.query(
        """
        SELECT port.address_pairs FROM port_security_group JOIN port ON port.id = port_security_group.port_id
        WHERE port_security_group.group_id = \(id) AND port.address_pairs <> '[]'
        """
      ) { try Port.addressPairs($0.text(0)) }
      addresses.formUnion(pairs.joined().map(\.address))
      return .addressSet(AddressSetSpec(id: id, addresses: addresses.sorted()))
    }
  }

  func projectNetwork(_ id: String) throws {
    let nodes = try nodes(
      """
      SELECT DISTINCT node_id FROM port WHERE network_id = \(id) AND node_id IS NOT NULL
      UNION
      SELECT DISTINCT router_host.node_id FROM port JOIN router_host ON router_host.router_id = port.device_id
      WHERE port.network_id = \(id)
        AND port.device_owner IN (\(DeviceOwner.routerInterface), \(DeviceOwner.routerGateway))
      """)
    try place(ObjectKey(.network, id), on: nodes) { try networkSpec(id).map { .network($0) } }
  }

  private func networkSpec(_ id: String) throws -> NetworkSpec? {
    guard let network = try tx.find(Network.self, id: id) else { return nil }
    let subnets = try tx.load(Subnet.self, "network_id = \(id)", order: "ORDER BY created_at, id")
    let dhcp = try tx.load(Port.self, "network_id = \(id)", "device_owner = \(DeviceOwner.dhcp)").first
    return NetworkSpec(
      id: id, projectID: network.standard.projectID, mtu: network.mtu, external: network.external,
      subnets: subnets.map(\.spec),
      dhcpPort: dhcp.map {
        NetworkSpec.ServicePort(portID: $0.id, mac: $0.mac.description, addresses: $0.addresses(in: subnets))
      })
  }

  func projectRouter(_ id: String) throws {
    let nodes = try nodes("SELECT node_id FROM router_host WHERE router_id = \(id)")
    try place(ObjectKey(.router, id), on: nodes) { try routerSpec(id).map { .router($0) } }
  }

  private func routerSpec(_ id: String) throws -> RouterSpec? {
    guard let router = try tx.find(Router.self, id: id) else { return nil }
    let ports = try tx.load(
      Port.self, "device_id = \(id)",
      "device_owner IN (\(DeviceOwner.routerInterface), \(DeviceOwner.routerGateway))", order: "ORDER BY created_at, id"
    )
    let networkIDs = Set(ports.map(\.networkID))
    let mtus = Dictionary(
      try tx.rows(Network.self, ["id IN (\(list: networkIDs.sorted()))"]).map { ($0.id, $0.mtu) },
      uniquingKeysWith: { $1 })
    let subnets = try tx.load(Subnet.self, "network_id IN (\(list: networkIDs.sorted()))")
    var gateway: RouterSpec.Gateway?
    var interfaces: [RouterSpec.Interface] = []
    for port in ports {
      let own = port.fixedIPs.compactMap { fixed in subnets.first { $0.id == fixed.subnetID } }
      let addresses = port.addresses(in: subnets)
      let mtu = mtus[port.networkID] ?? 1500
      if port.id == router.gatewayPortID {
        var nexthops: [String] = []
        for version in [4, 6] {
          if let hop = own.first(where: { $0.ipVersion == version && $0.gateway != nil })?.gateway {
            nexthops.append(hop.description)
          }
        }
        gateway = RouterSpec.Gateway(
          portID: port.id, networkID: port.networkID, mac: port.mac.description, addresses: addresses,
          nexthops: nexthops, enableSNAT: router.enableSNAT, mtu: mtu)
      } else if port.deviceOwner == DeviceOwner.routerInterface {
        interfaces.append(
          RouterSpec.Interface(
            portID: port.id, networkID: port.networkID, mac: port.mac.description, addresses: addresses,
            advertised: own.filter { $0.ipv6RAMode != nil }.map(\.spec), mtu: mtu))
      }
    }
    let floating = try tx.rows(
      FloatingIP.self, ["router_id = \(id)", "fixed_address IS NOT NULL"], order: "ORDER BY address")
    return RouterSpec(
      id: id, projectID: router.standard.projectID, adminStateUp: router.adminStateUp, interfaces: interfaces,
      gateway: gateway,
      floatingIPs: floating.map { .init(id: $0.id, floating: $0.address, fixed: $0.fixedAddress ?? "") },
      routes: router.routes.map { .init(destination: $0.destination, nexthop: $0.nexthop) })
  }
}

extension Port {
  /// Its addresses with their subnets' prefixes.
  func addresses(in subnets: [Subnet]) -> [String] {
    fixedIPs.compactMap { fixed in subnets.first { $0.id == fixed.subnetID }?.withPrefix(fixed.address) }
  }

  var spec: PortSpec {
    PortSpec(
      id: id, networkID: networkID, projectID: standard.projectID, deviceID: deviceID, mac: mac.description,
      fixedIPs: fixedIPs.map { .init(subnetID: $0.subnetID, address: $0.address) }, adminStateUp: adminStateUp,
      portSecurityEnabled: portSecurityEnabled,
      allowedAddressPairs: addressPairs.map { .init(mac: $0.mac, address: $0.address) },
      securityGroupIDs: securityGroupIDs, hostname: hostname,
      extraDHCPOptions: dhcpOptions.map { .init(name: $0.name, value: $0.value, ipVersion: $0.ipVersion) })
  }
}

extension Subnet {
  var spec: NetworkSpec.Subnet {
    NetworkSpec.Subnet(
      id: id, cidr: cidr.description, gateway: gateway?.description, enableDHCP: enableDHCP,
      dnsNameservers: dnsNameservers,
      hostRoutes: hostRoutes.map { .init(destination: $0.destination, nexthop: $0.nexthop) },
      ipv6AddressMode: ipv6AddressMode, ipv6RAMode: ipv6RAMode)
  }
}

extension SecurityGroup {
  var spec: SecurityGroupSpec {
    SecurityGroupSpec(
      id: id, stateful: stateful,
      rules: rules.sorted { $0.id < $1.id }.map { rule in
        SecurityGroupSpec.Rule(
          id: rule.id, direction: rule.direction == "ingress" ? .ingress : .egress,
          ipVersion: rule.ethertype == "IPv6" ? 6 : 4, protocolNumber: rule.protocolNumber, portMin: rule.portMin,
          portMax: rule.portMax, remoteCIDR: rule.remotePrefix, remoteGroupID: rule.remoteGroupID)
      })
  }
}
