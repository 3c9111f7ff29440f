import API
import Auth
import Kit
import Store

/// What may be done with floating addresses.
enum FloatingIPRules {
  static func create(_ change: Change, _ call: Call, _ fields: JSONFields, _ projectID: String) throws -> FloatingIP {
    let scope = Scope(try call.principal())
    let network = try change.tx.need(Network.self, id: try fields.uuid("floating_network_id"), in: scope)
    guard network.external else {
      throw Fault.badRequest(
        "Bad floatingip request: Network \(network.id) is not a valid external network.", type: "BadRequest")
    }
    if fields.has("floating_ip_address"), !fields.isNull("floating_ip_address") {
      try call.require(Permission("create_floatingip:floating_ip_address", .admin))
    }
    var floating = FloatingIP(
      standard: StandardAttributes(projectID: projectID), externalNetworkID: network.id, externalPortID: "", address: ""
    )
    try floating.standard.readNames(fields, named: false)
    try refuseExtras(fields)
    let port = try externalPort(change, network, fields, floating.id)
    floating.externalPortID = port.id
    floating.address = port.fixedIPs.first?.address ?? ""
    try readAssociation(change, fields, &floating, scope)
    try change.tx.insert(floating)
    return floating
  }

  static func update(_ change: Change, _ call: Call, _ floating: inout FloatingIP, _ fields: JSONFields) throws {
    try refuseExtras(fields)
    try readAssociation(change, fields, &floating, Scope(try call.principal()))
  }

  static func delete(_ change: Change, _ call: Call, _ floating: FloatingIP) throws {
    if let router = floating.routerID { change.routers.insert(router) }
    try tellServer(change, portID: floating.portID)
    try change.tx.remove(floating)
    if let port = try change.tx.find(Port.self, id: floating.externalPortID) { try change.deletePort(port) }
  }

  private static func refuseExtras(_ fields: JSONFields) throws {
    if let value = fields.value("qos_policy_id"), !value.isNull {
      throw fields.invalid("qos_policy_id", "QoS policies are not available")
    }
  }

  /// The port that holds the address on the external network.
  private static func externalPort(
    _ change: Change, _ network: Network, _ fields: JSONFields, _ floatingID: String
  ) throws -> Port {
    let subnetID = try fields.optionalUUID("subnet_id")
    let text = try fields.optionalString("floating_ip_address", 1...64)
    let address = text.flatMap { IPAddress($0) }
    guard text == nil || address?.version == 4 else {
      throw fields.invalid("floating_ip_address", "it must be an IPv4 address")
    }
    let subnets = try change.tx.load(
      Subnet.self, "network_id = \(network.id)", "ip_version = 4", order: "ORDER BY created_at, id")
    var port = try change.newPort(networkID: network.id, projectID: "")
    port.deviceOwner = DeviceOwner.floatingIP
    port.deviceID = floatingID
    port.portSecurityEnabled = false
    let requests: [FixedIPRequest]
    if address != nil || subnetID != nil {
      requests = [FixedIPRequest(subnetID: subnetID, address: address)]
    } else {
      let free = try subnets.first { try change.freeAddress($0) != nil }
      guard let free else {
        throw Fault.conflict(
          "No more IP addresses available on network \(network.id).", type: "IpAddressGenerationFailure")
      }
      requests = [FixedIPRequest(subnetID: free.id, address: nil)]
    }
    port.fixedIPs = try change.chooseAddresses(
      networkID: network.id, mac: port.mac, requests: requests, isRouter: true)
    guard port.fixedIPs.first.map({ !$0.address.contains(":") }) == true else {
      throw Fault.badRequest("Bad floatingip request: the subnet must be IPv4.", type: "BadRequest")
    }
    try change.tx.insert(port)
    try change.storeAddresses(port)
    return port
  }

  private static func tellServer(_ change: Change, portID: String?) throws {
    if let portID, let port = try change.tx.find(Port.self, id: portID) { change.tellServer(of: port) }
  }

  /// Points the address at a port, or at none. What the body does not say stays.
  private static func readAssociation(
    _ change: Change, _ fields: JSONFields, _ floating: inout FloatingIP, _ scope: Scope
  ) throws {
    let fixedText = try fields.optionalString("fixed_ip_address", 1...64)
    let portID = try fields.optionalUUID("port_id")
    guard fields.has("port_id") || fixedText != nil else { return }
    let target = fields.has("port_id") ? portID : floating.portID
    try tellServer(change, portID: floating.portID)
    if let router = floating.routerID { change.routers.insert(router) }
    floating.portID = nil
    floating.fixedAddress = nil
    floating.routerID = nil
    guard let target else {
      if fixedText != nil {
        throw Fault.badRequest(
          "Bad floatingip request: fixed_ip_address cannot be specified without a port_id.", type: "BadRequest")
      }
      return
    }
    let port = try change.tx.need(Port.self, id: target, in: scope)
    guard scope.owns(port.standard) else { throw Port.notFound(target) }
    guard !port.isService else {
      throw Fault.badRequest("Bad floatingip request: port \(port.id) is the cloud's own.", type: "BadRequest")
    }
    let fixed = try chooseFixed(port, fixedText, fields)
    floating.routerID = try router(change, floating, port, fixed)
    floating.portID = port.id
    floating.fixedAddress = fixed.address
    let taken = try change.tx.exists(
      """
      SELECT 1 FROM floating_ip
      WHERE port_id = \(port.id) AND fixed_address = \(fixed.address) AND id <> \(floating.id)
      """)
    if taken {
      throw Fault.conflict(
        "Cannot associate floating IP \(floating.address) with port \(port.id) using fixed IP \(fixed.address), as "
          + "that fixed IP already has a floating IP on external network \(floating.externalNetworkID).",
        type: "FloatingIPPortAlreadyAssociated")
    }
    if let router = floating.routerID { change.routers.insert(router) }
    change.tellServer(of: port)
  }

  private static func chooseFixed(_ port: Port, _ text: String?, _ fields: JSONFields) throws -> Port.FixedIP {
    let candidates = port.fixedIPs.filter { !$0.address.contains(":") }
    if let text {
      let address = IPAddress(text)?.description
      guard let fixed = candidates.first(where: { $0.address == address }) else {
        throw Fault.badRequest(
          "Bad floatingip request: Port \(port.id) does not have fixed ip \(text.quoted).", type: "BadRequest")
      }
      return fixed
    }
    guard let first = candidates.first else {
      throw Fault.badRequest(
        "Bad floatingip request: Cannot add floating IP to port \(port.id) that has no fixed IPv4 addresses.",
        type: "BadRequest")
    }
    guard candidates.count == 1 else {
      throw Fault.badRequest(
        "Bad floatingip request: Port \(port.id) has multiple fixed IPv4 addresses. Must provide a specific IPv4 "
          + "address when assigning a floating IP.", type: "BadRequest")
    }
    return first
  }

  /// The router that joins the fixed address's subnet to the external network; the one that is the subnet's gateway
  /// where several do.
  private static func router(
    _ change: Change, _ floating: FloatingIP, _ port: Port, _ fixed: Port.FixedIP
  ) throws -> String {
    let found = try change.tx.first(
      """
      SELECT router.id FROM port AS inside
      JOIN port_address ON port_address.port_id = inside.id
      JOIN subnet ON subnet.id = port_address.subnet_id
      JOIN router ON router.id = inside.device_id
      JOIN port AS outside ON outside.id = router.gateway_port_id
      WHERE inside.device_owner = \(DeviceOwner.routerInterface) AND port_address.subnet_id = \(fixed.subnetID)
        AND outside.network_id = \(floating.externalNetworkID)
      ORDER BY CASE WHEN port_address.address = subnet.gateway_ip THEN 0 ELSE 1 END, router.created_at, router.id
      LIMIT 1
      """
    ) { $0.text(0) }
    guard let found else {
      throw Fault.notFound(
        "External network \(floating.externalNetworkID) is not reachable from subnet \(fixed.subnetID). Therefore, "
          + "cannot associate Port \(port.id) with a Floating IP.", type: "ExternalGatewayForFloatingIPNotFound")
    }
    return found
  }
}
