import API
import Auth
import Contracts
import Kit
import Store

/// Attaching ports to servers: what the compute service asks. The faults are the compute API's own.
extension Change {
  /// The ports a server asks for, attached in order.
  func attachCards(
    _ requests: [CardRequest]?, to server: ServerReference, groups: [String], principal: Principal, nodeID: String?
  ) throws -> [String] {
    let scope = Scope(principal)
    let asked = try requests ?? automaticCards(projectID: server.projectID)
    let named = asked.compactMap { if case .port(let id, _) = $0 { id } else { nil } }
    guard Set(named).count == named.count else { throw Fault.badRequest("Duplicate ports are not allowed.") }
    let groupIDs = try groups.isEmpty ? [defaultGroup(server.projectID)] : findGroups(groups, server.projectID)
    var position = try tx.count("SELECT count(*) FROM port WHERE server_id = \(server.id)")
    if position > 0 {
      position = try tx.count("SELECT max(card_position) + 1 FROM port WHERE server_id = \(server.id)")
    }
    let host = try nodeID.map { try AgentTable.hostname(tx, node: $0) } ?? ""
    return try asked.map { request in
      defer { position += 1 }
      var port: Port
      switch request {
      case .port(let id, let tag):
        port = try existingPort(id, for: server, scope, nodeID: nodeID)
        port.cardTag = tag
      case .network(let id, let fixedIP, let tag):
        port = try newCard(on: id, fixedIP: fixedIP, for: server, groupIDs, scope)
        port.cardTag = tag
      }
      port.deviceID = server.id
      port.deviceOwner = DeviceOwner.computeNova
      port.serverID = server.id
      port.nodeID = nodeID
      port.host = host
      port.hostname = Port.safeHostname(server.hostname)
      port.cardPosition = position
      port.ready = false
      port.standard.revision += 1
      port.standard.updatedAt = .now()
      try tx.save(port)
      mark(port)
      return port.id
    }
  }

  /// Nothing was said: the project's only network, or no card where there is none.
  private func automaticCards(projectID: String) throws -> [CardRequest] {
    let ids = try tx.query(
      """
      SELECT id FROM network WHERE external = 0 AND admin_state_up = 1 AND (project_id = \(projectID) OR shared = 1)
      LIMIT 2
      """
    ) { $0.text(0) }
    guard ids.count < 2 else {
      throw Fault.conflict("Multiple possible networks found, use a Network ID to be more specific.")
    }
    return ids.map { .network(id: $0, fixedIP: nil, tag: nil) }
  }

  private func existingPort(
    _ id: String, for server: ServerReference, _ scope: Scope, nodeID: String?
  ) throws -> Port {
    guard let port = try tx.find(Port.self, id: id, in: scope) else {
      throw Fault.badRequest("Port \(id.quoted) could not be found.")
    }
    guard port.standard.projectID == server.projectID else {
      throw Fault.badRequest("Port \(id) not usable for instance \(server.id).")
    }
    guard port.deviceID.isEmpty, port.serverID == nil, !port.isService else {
      throw Fault.conflict("Port \(id) is still in use.")
    }
    // Another host has not let go of it yet: its guest may still be there.
    if let nodeID, try HeldAddressTable.isWiredElsewhere(tx, portID: id, than: nodeID) {
      throw Fault.conflict("Port \(id) is still in use.")
    }
    guard !port.fixedIPs.isEmpty else {
      throw Fault.badRequest("Port \(id) requires a FixedIP in order to be used.")
    }
    return port
  }

  private func newCard(
    on networkID: String, fixedIP: String?, for server: ServerReference, _ groupIDs: [String], _ scope: Scope
  ) throws -> Port {
    guard let network = try tx.find(Network.self, id: networkID, in: scope) else {
      throw Fault.badRequest("Network \(networkID.quoted) could not be found.")
    }
    guard network.shared || scope.owns(network.standard) else {
      throw Fault.forbidden("It is not allowed to create an interface on external network \(networkID)")
    }
    guard !network.subnetIDs.isEmpty else {
      throw Fault.badRequest("Network \(networkID) requires a subnet in order to boot instances on.")
    }
    var requests: [FixedIPRequest]?
    if let fixedIP {
      guard let address = IPAddress(fixedIP) else { throw Fault.badRequest("Invalid IP Address \(fixedIP.quoted).") }
      guard scope.owns(network.standard) else {
        throw Fault.forbidden("Policy doesn't allow create_port:fixed_ips:ip_address to be performed.")
      }
      requests = [FixedIPRequest(subnetID: nil, address: address)]
    }
    var port = try newPort(networkID: network.id, projectID: server.projectID)
    port.portSecurityEnabled = network.portSecurityEnabled
    port.madeForServer = true
    port.securityGroupIDs = port.portSecurityEnabled ? groupIDs : []
    do {
      port.fixedIPs = try chooseAddresses(networkID: network.id, mac: port.mac, requests: requests)
    } catch let fault as Fault where fault.type == "IpAddressAlreadyAllocated" {
      throw Fault.badRequest("Fixed IP address \(fixedIP ?? "") is already in use on instance.")
    }
    try tx.insert(port)
    try storeAddresses(port)
    try storeGroups(port)
    do { try checkQuota(Port.self, projectID: server.projectID) } catch is Fault {
      throw Fault.forbidden("Maximum number of ports exceeded")
    }
    return port
  }

  /// Groups of a project by name or id. Throws the compute API's `Fault`.
  private func findGroups(_ names: [String], _ projectID: String) throws -> [String] {
    var ids: Set<String> = []
    for name in names {
      ids.insert(
        try group(
          name, projectID, missing: .badRequest("Security group \(name.quoted) not found for project \(projectID).")))
    }
    return ids.sorted()
  }

  /// The id of a project's group by id or name. Throws `missing`, or `Fault` 409 where the name is not unique.
  func group(_ name: String, _ projectID: String, missing: Fault) throws -> String {
    if name == SecurityGroup.defaultName { return try defaultGroup(projectID) }
    let found = try tx.query(
      """
      SELECT id FROM security_group WHERE project_id = \(projectID) AND (id = \(name) OR name = \(name))
      ORDER BY CASE WHEN id = \(name) THEN 0 ELSE 1 END LIMIT 2
      """
    ) { $0.text(0) }
    guard let first = found.first else { throw missing }
    guard found.count == 1 || first == name else {
      throw Fault.conflict("Multiple security groups found matching \(name.quoted). Use an ID to be more specific.")
    }
    return first
  }

  /// Takes ports off a server: those made for it go, the others are free again. nil is all of them.
  func detachCards(serverID: String, portIDs: [String]?) throws {
    var conditions: [SQL] = ["server_id = \(serverID)"]
    if let portIDs { conditions.append("id IN (\(list: portIDs))") }
    for var port in try tx.load(Port.self, SQL.joined(conditions, separator: " AND ")) {
      if port.madeForServer {
        try deletePort(port)
        continue
      }
      mark(port)
      port.deviceID = ""
      port.deviceOwner = ""
      port.serverID = nil
      port.nodeID = nil
      port.host = ""
      port.hostname = ""
      port.ready = false
      port.cardTag = nil
      port.standard.revision += 1
      port.standard.updatedAt = .now()
      try tx.save(port)
    }
  }
}

extension Port {
  /// A name that DHCP can carry: letters, digits and inner dashes, at most 63.
  static func safeHostname(_ name: String) -> String {
    let kept = name.utf8.filter {
      (0x30...0x39).contains($0) || (0x41...0x5a).contains($0) || (0x61...0x7a).contains($0) || $0 == 0x2d
    }
    let text = String(decoding: kept.drop { $0 == 0x2d }.prefix(63), as: UTF8.self)
    let trimmed = String(text.reversed().drop { $0 == "-" }.reversed())
    return trimmed.isEmpty ? "host" : trimmed
  }
}
