import API
import Kit
import Store

/// One address that a body asks for.
struct FixedIPRequest: Sendable, Hashable {
  var subnetID: String?
  var address: IPAddress?
}

/// Gives addresses to ports, inside the transaction; the store refuses one address twice on a network.
extension Change {
  /// Random addresses tried before the pool is searched in order.
  private static var randomTries: Int { 24 }

  /// The addresses of a port: those asked for, or one IPv4 and one IPv6 where `requests` is nil; and those that a
  /// host makes by itself from its MAC. `portID` may take back what its host has not let go of yet. Throws `Fault` 400,
  /// 404, 409.
  func chooseAddresses(
    networkID: String, mac: MACAddress, requests: [FixedIPRequest]?, keeping: [Port.FixedIP] = [],
    portID: String? = nil, isRouter: Bool = false
  ) throws -> [Port.FixedIP] {
    let subnets = try tx.load(Subnet.self, "network_id = \(networkID)", order: "ORDER BY created_at, id")
    var chosen: [Port.FixedIP] = []
    if let requests {
      for request in requests {
        let fixed = try choose(
          request, subnets, networkID, mac, keeping, chosen: chosen, portID: portID, isRouter: isRouter)
        if chosen.contains(fixed) {
          guard request.address != nil else { continue }
          throw NetworkFault.invalid("duplicate IP address \(fixed.address) in fixed_ips")
        }
        chosen.append(fixed)
      }
    } else {
      for version in [4, 6] {
        let candidates = subnets.filter { $0.ipVersion == version && !$0.isSLAAC }
        if candidates.isEmpty { continue }
        chosen.append(try firstFree(candidates, networkID))
      }
    }
    for subnet in subnets where subnet.isSLAAC && !isRouter && !chosen.contains(where: { $0.subnetID == subnet.id }) {
      let own = Port.FixedIP(subnetID: subnet.id, address: subnet.slaacAddress(mac).description)
      if !keeping.contains(own), try isTaken(own.address, networkID, except: portID) { continue }
      chosen.append(own)
    }
    return chosen
  }

  private func firstFree(_ subnets: [Subnet], _ networkID: String) throws -> Port.FixedIP {
    for subnet in subnets {
      if let address = try freeAddress(subnet) {
        return Port.FixedIP(subnetID: subnet.id, address: address.description)
      }
    }
    throw Fault.conflict("No more IP addresses available on network \(networkID).", type: "IpAddressGenerationFailure")
  }

  private func choose(
    _ request: FixedIPRequest, _ subnets: [Subnet], _ networkID: String, _ mac: MACAddress, _ keeping: [Port.FixedIP],
    chosen: [Port.FixedIP], portID: String?, isRouter: Bool
  ) throws -> Port.FixedIP {
    guard let address = request.address else {
      guard let subnet = subnets.first(where: { $0.id == request.subnetID }) else {
        throw try missing(request.subnetID ?? "", networkID)
      }
      if subnet.isSLAAC, !isRouter {
        return Port.FixedIP(subnetID: subnet.id, address: subnet.slaacAddress(mac).description)
      }
      if let kept = keeping.first(where: { $0.subnetID == subnet.id && !chosen.contains($0) }) { return kept }
      return try firstFree([subnet], networkID)
    }
    let subnet =
      try request.subnetID.map { id in
        guard let subnet = subnets.first(where: { $0.id == id }) else { throw try missing(id, networkID) }
        return subnet
      } ?? subnets.first { $0.cidr.contains(address) }
    guard let subnet else {
      throw Fault.badRequest(
        "IP address \(address) is not a valid IP for any of the subnets on the specified network.",
        type: "InvalidIpForNetwork")
    }
    guard subnet.holdsHost(address) else {
      throw Fault.badRequest(
        "IP address \(address) is not a valid IP for the specified subnet.", type: "InvalidIpForSubnet")
    }
    if subnet.isSLAAC, !isRouter, address != subnet.slaacAddress(mac) {
      throw NetworkFault.invalid(
        "IPv6 address \(address) cannot be directly assigned to a port on subnet \(subnet.id): it is made from the MAC")
    }
    let fixed = Port.FixedIP(subnetID: subnet.id, address: address.description)
    if !keeping.contains(fixed), try isTaken(fixed.address, networkID, except: portID) {
      throw NetworkFault.addressTaken(fixed.address, subnet.id)
    }
    return fixed
  }

  /// The fault for a subnet that is not on the network.
  private func missing(_ subnetID: String, _ networkID: String) throws -> Fault {
    if try tx.exists("SELECT 1 FROM subnet WHERE id = \(subnetID)") {
      return .badRequest(
        "Failed to create port on network \(networkID): subnet \(subnetID.quoted) is not on it.", type: "InvalidInput")
    }
    return Subnet.notFound(subnetID)
  }

  /// Whether a port has the address, or a host may still use it for another port than `portID`.
  func isTaken(_ address: String, _ networkID: String, except portID: String? = nil) throws -> Bool {
    try tx.exists("SELECT 1 FROM port_address WHERE network_id = \(networkID) AND address = \(address)")
      || HeldAddressTable.isHeld(tx, address, network: networkID, except: portID)
  }

  /// An address of the subnet's pools that nobody has, and that no host may still use: a random one, or with `lowest`
  /// the first; nil where all are taken.
  func freeAddress(_ subnet: Subnet, lowest: Bool = false) throws -> IPAddress? {
    if !lowest {
      for _ in 0..<Self.randomTries {
        guard let pool = subnet.pools.randomElement() else { return nil }
        let address = IPAddress(version: subnet.ipVersion, bits: UInt128.random(in: pool.start.bits...pool.end.bits))
        if try !isTaken(address.description, subnet.networkID) { return address }
      }
    }
    let taken = Set(
      try tx.query(
        """
        SELECT address FROM port_address WHERE subnet_id = \(subnet.id)
        UNION SELECT held FROM held_address WHERE network_id = \(subnet.networkID)
        """
      ) { $0.text(0) })
    for pool in subnet.pools {
      var candidate: IPAddress? = pool.start
      while let address = candidate, address <= pool.end {
        if !taken.contains(address.description) { return address }
        candidate = address.advanced(by: 1)
      }
    }
    return nil
  }

  /// Writes a port's addresses in place of those it had. Throws `Fault` 409 where another was quicker.
  func storeAddresses(_ port: Port) throws {
    try tx.execute("DELETE FROM port_address WHERE port_id = \(port.id)")
    for (position, fixed) in port.fixedIPs.enumerated() {
      let added = try tx.execute(
        """
        INSERT INTO port_address (network_id, address, subnet_id, port_id, position)
        VALUES (\(port.networkID), \(fixed.address), \(fixed.subnetID), \(port.id), \(position))
        ON CONFLICT (network_id, address) DO NOTHING
        """)
      guard added == 1 else { throw NetworkFault.addressTaken(fixed.address, fixed.subnetID) }
    }
  }
}

extension Subnet {
  /// Whether a host can have the address: in the block, and neither its network nor its broadcast address.
  func holdsHost(_ address: IPAddress) -> Bool {
    guard cidr.contains(address) else { return false }
    if cidr.prefix >= cidr.network.width - 1 { return true }
    if address == cidr.network { return false }
    return ipVersion == 6 || address != cidr.last
  }
}
