import Kit
import Store

/// The ports that the cloud makes for itself.
extension Change {
  /// Keeps the port from which a network's DHCP and metadata answer: there while a subnet has DHCP, with one address
  /// of each such subnet.
  func ensureDHCPPort(networkID: String) throws {
    networks.insert(networkID)
    let subnets = try tx.load(
      Subnet.self, "network_id = \(networkID)", "enable_dhcp = 1", order: "ORDER BY created_at, id")
    var existing = try tx.load(Port.self, "network_id = \(networkID)", "device_owner = \(DeviceOwner.dhcp)").first
    if subnets.isEmpty {
      if let existing { try deletePort(existing) }
      return
    }
    if existing == nil {
      let network = try tx.need(Network.self, id: networkID)
      var port = try newPort(networkID: networkID, projectID: network.standard.projectID)
      port.deviceOwner = DeviceOwner.dhcp
      port.deviceID = "dhcp-" + networkID
      port.portSecurityEnabled = false
      try tx.insert(port)
      existing = port
    }
    guard var port = existing else { return }
    let wanted = Set(subnets.map(\.id))
    var addresses = port.fixedIPs.filter { wanted.contains($0.subnetID) }
    for subnet in subnets where !addresses.contains(where: { $0.subnetID == subnet.id }) {
      let address = subnet.isSLAAC ? subnet.slaacAddress(port.mac) : try freeAddress(subnet, lowest: true)
      if let address { addresses.append(Port.FixedIP(subnetID: subnet.id, address: address.description)) }
    }
    guard addresses != port.fixedIPs else { return }
    port.fixedIPs = addresses
    try storeAddresses(port)
    try tx.touch(Port.self, id: port.id)
  }

  /// A port with a MAC that nobody has on the network; not stored yet.
  func newPort(networkID: String, projectID: String, mac: MACAddress? = nil) throws -> Port {
    var chosen = mac ?? .random()
    if mac == nil {
      for _ in 0..<16 where try isTaken(chosen, networkID) { chosen = .random() }
    }
    return Port(standard: StandardAttributes(projectID: projectID), networkID: networkID, mac: chosen)
  }

  /// Whether a port has the MAC, or a host may still use it for another port than `portID`.
  func isTaken(_ mac: MACAddress, _ networkID: String, except portID: String? = nil) throws -> Bool {
    try tx.exists("SELECT 1 FROM port WHERE network_id = \(networkID) AND mac_address = \(mac.description)")
      || HeldAddressTable.isHeld(tx, mac.description, network: networkID, except: portID)
  }

  /// A new subnet: hosts on its network make addresses of it where it is SLAAC, and DHCP answers on it.
  func subnetAppeared(_ subnet: Subnet) throws {
    if subnet.isSLAAC {
      let ports = try tx.load(Port.self, "network_id = \(subnet.networkID)")
      for var port in ports where !port.isService {
        mark(port)
        tellServer(of: port)
        port.fixedIPs.append(.init(subnetID: subnet.id, address: subnet.slaacAddress(port.mac).description))
        try storeAddresses(port)
        try tx.touch(Port.self, id: port.id)
      }
    }
    try ensureDHCPPort(networkID: subnet.networkID)
    try markNetworkUsers(subnet.networkID)
  }

  /// Marks a network and the routers on it; with `servers`, its servers are told too.
  func markNetworkUsers(_ networkID: String, servers: Bool = false) throws {
    networks.insert(networkID)
    for port in try tx.rows(Port.self, ["network_id = \(networkID)"]) {
      if port.isService { mark(port) }
      if servers { tellServer(of: port) }
    }
  }

  /// Deletes a port whoever owns it, and what points at it.
  func deletePort(_ port: Port) throws {
    mark(port)
    tellServer(of: port)
    try releaseFloatingIPs(portID: port.id)
    try tx.execute("DELETE FROM port_address WHERE port_id = \(port.id)")
    try tx.execute("DELETE FROM port_security_group WHERE port_id = \(port.id)")
    try tx.remove(port)
  }

  /// Takes floating addresses off a port; with `address`, only those that point at it.
  func releaseFloatingIPs(portID: String, keeping addresses: [String] = []) throws {
    for var floating in try tx.load(FloatingIP.self, "port_id = \(portID)")
    where !addresses.contains(floating.fixedAddress ?? "") {
      if let router = floating.routerID { routers.insert(router) }
      floating.portID = nil
      floating.fixedAddress = nil
      floating.routerID = nil
      floating.standard.revision += 1
      floating.standard.updatedAt = .now()
      try tx.save(floating)
    }
  }
}
