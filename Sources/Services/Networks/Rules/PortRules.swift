import API
import Auth
import Kit
import Store

/// What may be done with ports.
enum PortRules {
  static func create(_ change: Change, _ call: Call, _ fields: JSONFields, _ projectID: String) throws -> Port {
    let scope = Scope(try call.principal())
    let network = try change.tx.need(Network.self, id: try fields.uuid("network_id"), in: scope)
    let rights = PortRights(call, network: network, scope: scope, action: "create_port")
    guard scope.owns(network.standard) || network.shared else { throw NetworkFault.forbidden("create_port") }
    var port = try change.newPort(networkID: network.id, projectID: projectID)
    try port.standard.readNames(fields)
    if let mac = try PortFields.mac(fields) {
      try rights.need(.networkOwner, "mac_address")
      if try change.isTaken(mac, network.id) { throw macTaken(mac, network.id) }
      port.mac = mac
    }
    port.portSecurityEnabled = network.portSecurityEnabled
    try readCommon(fields, &port, rights)
    port.dhcpOptions = try DHCPOptions.read(fields, onto: []) ?? []
    let requests = try readFixedIPs(fields, rights)
    port.fixedIPs = try change.chooseAddresses(networkID: network.id, mac: port.mac, requests: requests)
    if let groups = try readGroups(change, fields, port, scope) {
      port.securityGroupIDs = groups
    } else if port.portSecurityEnabled {
      port.securityGroupIDs = [try change.defaultGroup(projectID)]
    }
    try checkSecurity(port)
    try change.tx.insert(port)
    try change.storeAddresses(port)
    try change.storeGroups(port)
    change.mark(port)
    return port
  }

  static func update(_ change: Change, _ call: Call, _ port: inout Port, _ fields: JSONFields) throws {
    let scope = Scope(try call.principal())
    let network = try change.tx.need(Network.self, id: port.networkID)
    let rights = PortRights(call, network: network, scope: scope, action: "update_port")
    let before = port
    change.mark(before)
    if port.isService { return try updateService(fields, &port, rights) }
    if let mac = try PortFields.mac(fields), mac != port.mac {
      try rights.need(.admin, "mac_address")
      if port.serverID != nil { throw bound(port) }
      if try change.isTaken(mac, network.id, except: port.id) { throw macTaken(mac, network.id) }
      port.mac = mac
    }
    try readCommon(fields, &port, rights)
    if port.serverID != nil, port.deviceID != before.deviceID || port.deviceOwner != before.deviceOwner {
      throw NetworkFault.portInUse(before)
    }
    if let options = try DHCPOptions.read(fields, onto: port.dhcpOptions) { port.dhcpOptions = options }
    if let requests = try readFixedIPs(fields, rights) {
      port.fixedIPs = try change.chooseAddresses(
        networkID: network.id, mac: port.mac, requests: requests, keeping: before.fixedIPs, portID: port.id)
      try change.storeAddresses(port)
      try change.releaseFloatingIPs(portID: port.id, keeping: port.fixedIPs.map(\.address))
    }
    // An administrator picks among the groups of the port's own project.
    if let groups = try readGroups(change, fields, port, scope) { port.securityGroupIDs = groups }
    try checkSecurity(port)
    try change.storeGroups(port)
    if before.fixedIPs != port.fixedIPs { change.tellServer(of: port) }
    change.mark(port)
  }

  /// Of a port the cloud uses itself, only words can be changed.
  private static func updateService(_ fields: JSONFields, _ port: inout Port, _ rights: PortRights) throws {
    let changing = fields.names.filter { $0 != "name" && $0 != "description" }
    guard changing.isEmpty else { throw NetworkFault.servicePort(port) }
  }

  static func delete(_ change: Change, _ call: Call, _ port: Port) throws {
    if port.isService { throw NetworkFault.servicePort(port) }
    try change.deletePort(port)
  }

  private static func macTaken(_ mac: MACAddress, _ networkID: String) -> Fault {
    .conflict(
      "Unable to complete operation for network \(networkID). The mac address \(mac) is in use.",
      type: "MacAddressInUse")
  }

  private static func bound(_ port: Port) -> Fault {
    .conflict(
      "Unable to complete operation on port \(port.id), port is already bound.", type: "PortBound")
  }

  // MARK: Reading

  private static func readCommon(_ fields: JSONFields, _ port: inout Port, _ rights: PortRights) throws {
    if let value = try fields.optionalBool("admin_state_up", lenient: true) { port.adminStateUp = value }
    if let value = try fields.patchString("device_id").text { port.deviceID = value }
    if let owner = try fields.patchString("device_owner").text {
      guard !owner.hasPrefix(DeviceOwner.networkPrefix) else {
        throw NetworkFault.forbidden("\(rights.action):device_owner")
      }
      port.deviceOwner = owner
    }
    if let value = try fields.optionalBool("port_security_enabled", lenient: true), value != port.portSecurityEnabled {
      try rights.need(.networkOwner, "port_security_enabled")
      port.portSecurityEnabled = value
    }
    if fields.has("allowed_address_pairs") {
      let pairs = try PortFields.addressPairs(fields, mac: port.mac)
      if pairs != port.addressPairs { try rights.need(.networkOwner, "allowed_address_pairs") }
      port.addressPairs = pairs
    }
    try readBinding(fields, &port, rights)
  }

  private static func readBinding(_ fields: JSONFields, _ port: inout Port, _ rights: PortRights) throws {
    if fields.has("binding:host_id") {
      try rights.need(.admin, "binding:host_id")
      let host = try fields.patchString("binding:host_id").text ?? ""
      // A server's port is where its server is.
      if port.serverID == nil { port.host = host } else if host != port.host { throw bound(port) }
    }
    if fields.has("binding:profile") {
      try rights.need(.admin, "binding:profile")
      let profile = fields.value("binding:profile") ?? .null
      guard profile.isNull || profile.object != nil, profile.text.utf8.count <= 4096 else {
        throw fields.invalid("binding:profile", "it must be an object of at most 4096 bytes")
      }
      port.bindingProfile = profile.isNull ? "{}" : profile.text
    }
    if let type = try fields.optionalString("binding:vnic_type") {
      guard type == "normal" else { throw fields.invalid("binding:vnic_type", "only 'normal' is available") }
      port.vnicType = type
    }
  }

  /// nil: nothing was said.
  private static func readFixedIPs(_ fields: JSONFields, _ rights: PortRights) throws -> [FixedIPRequest]? {
    guard fields.has("fixed_ips"), !fields.isNull("fixed_ips") else {
      _ = fields.value("fixed_ips")
      return nil
    }
    try rights.need(.networkUser, "fixed_ips")
    return try fields.optionalObjects("fixed_ips", countMax: Port.fixedIPsMax)?.map { entry in
      let subnetID = try entry.optionalUUID("subnet_id")
      let text = try entry.optionalString("ip_address", 1...64)
      if text != nil { try rights.need(.networkOwner, "fixed_ips:ip_address") }
      let address = try text.map { text in
        guard let address = IPAddress(text) else {
          throw fields.invalid("fixed_ips", "\(text.quoted) is not a valid IP address")
        }
        return address
      }
      guard subnetID != nil || address != nil else {
        throw NetworkFault.invalid("IP allocation requires subnet_id or ip_address")
      }
      return FixedIPRequest(subnetID: subnetID, address: address)
    }
  }

  /// The groups of the port; nil where nothing, or null, was said.
  private static func readGroups(
    _ change: Change, _ fields: JSONFields, _ port: Port, _ scope: Scope
  ) throws -> [String]? {
    guard let named = try fields.optionalStrings("security_groups", countMax: Port.securityGroupsMax) else {
      return nil
    }
    let ids = Set(named)
    for id in ids.sorted() {
      let group = try change.tx.need(SecurityGroup.self, id: id, in: scope)
      guard group.standard.projectID == port.standard.projectID else { throw SecurityGroup.notFound(id) }
    }
    return ids.sorted()
  }

  private static func checkSecurity(_ port: Port) throws {
    guard !port.portSecurityEnabled else { return }
    if !port.securityGroupIDs.isEmpty {
      throw Fault.conflict(
        "Port has security group associated. Cannot disable port security until it is removed.",
        type: "PortSecurityPortHasSecurityGroup")
    }
    if !port.addressPairs.isEmpty {
      throw Fault.conflict(
        "Port Security must be enabled in order to have allowed address pairs on a port.",
        type: "AddressPairAndPortSecurityRequired")
    }
  }
}

/// What a port's attributes ask of the caller beyond the port itself: rights over its network.
struct PortRights {
  enum Level { case networkUser, networkOwner, admin }
  let call: Call
  let network: Network
  let scope: Scope
  let action: String

  init(_ call: Call, network: Network, scope: Scope, action: String) {
    self.call = call
    self.network = network
    self.scope = scope
    self.action = action
  }

  /// Throws `Fault` 403.
  func need(_ level: Level, _ attribute: String) throws {
    let granted =
      switch level {
      case .admin: scope.isAdmin
      case .networkOwner: scope.owns(network.standard)
      case .networkUser: scope.owns(network.standard) || network.shared
      }
    guard granted else { throw NetworkFault.forbidden("\(action):\(attribute)") }
  }
}

extension Change {
  func storeGroups(_ port: Port) throws {
    try tx.execute("DELETE FROM port_security_group WHERE port_id = \(port.id)")
    for group in port.securityGroupIDs {
      try tx.execute("INSERT INTO port_security_group (port_id, group_id) VALUES (\(port.id), \(group))")
    }
  }
}

extension Patch where Value == String {
  /// The string; a null is an empty one; nil where nothing was said.
  var text: String? {
    switch self {
    case .absent: nil
    case .null: ""
    case .value(let text): text
    }
  }
}
