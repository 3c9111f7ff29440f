import API
import Auth
import Kit
import Store

/// What may be done with routers.
enum RouterRules {
  static func create(_ change: Change, _ call: Call, _ fields: JSONFields, _ projectID: String) throws -> Router {
    var router = Router(standard: StandardAttributes(projectID: projectID))
    try router.standard.readNames(fields)
    if let value = try fields.optionalBool("admin_state_up", lenient: true) { router.adminStateUp = value }
    router.availabilityZoneHints = try NetworkRules.zoneHints(fields)
    try refuseKinds(fields)
    try change.tx.insert(router)
    if let info = try fields.optionalObject("external_gateway_info") {
      let gateway = try GatewayRequest(info, call, action: "create_router")
      try change.setGateway(&router, gateway, scope: Scope(try call.principal()))
      try change.tx.save(router)
    }
    change.routers.insert(router.id)
    try change.placeRouters()
    return router
  }

  /// Distributed and highly available routers are not built: only their absence can be said.
  private static func refuseKinds(_ fields: JSONFields) throws {
    for name in ["distributed", "ha"] where try fields.optionalBool(name, lenient: true) == true {
      throw fields.invalid(name, "such routers are not available")
    }
    if let value = fields.value("flavor_id"), !value.isNull {
      throw fields.invalid("flavor_id", "router flavors are not available")
    }
  }

  static func update(_ change: Change, _ call: Call, _ router: inout Router, _ fields: JSONFields) throws {
    if let value = try fields.optionalBool("admin_state_up", lenient: true) { router.adminStateUp = value }
    try refuseKinds(fields)
    if fields.has("external_gateway_info") {
      let info = try fields.optionalObject("external_gateway_info")
      if let info, !info.names.isEmpty {
        let gateway = try GatewayRequest(info, call, action: "update_router")
        try change.setGateway(&router, gateway, scope: Scope(try call.principal()))
      } else {
        try change.clearGateway(&router)
      }
    }
    if fields.has("routes") {
      let routes = try RouteReader.read(fields, "routes", countMax: Router.routesMax)
      try change.checkRoutes(routes, router)
      router.routes = routes
    }
    change.routers.insert(router.id)
  }

  static func delete(_ change: Change, _ call: Call, _ router: Router) throws {
    var router = router
    let used = try change.tx.exists(
      """
      SELECT 1 FROM port WHERE device_id = \(router.id) AND device_owner = \(DeviceOwner.routerInterface) LIMIT 1
      """)
    if used { throw Fault.conflict("Router \(router.id) still has ports", type: "RouterInUse") }
    try change.clearGateway(&router)
    try change.tx.execute("DELETE FROM router_host WHERE router_id = \(router.id)")
    try change.tx.remove(router)
    change.routers.insert(router.id)
  }
}

/// `external_gateway_info` of a body.
struct GatewayRequest: Sendable {
  var networkID: String
  var enableSNAT: Bool?
  var fixedIPs: [FixedIPRequest]?

  /// Throws `Fault` 400, and 403 for attributes that are an administrator's.
  init(_ fields: JSONFields, _ call: Call, action: String) throws {
    networkID = try fields.uuid("network_id")
    for name in ["enable_snat", "external_fixed_ips"] where fields.has(name) {
      try call.require(Permission("\(action):external_gateway_info:\(name)", .admin))
    }
    if let value = fields.value("qos_policy_id"), !value.isNull {
      throw fields.invalid("qos_policy_id", "QoS policies are not available")
    }
    enableSNAT = try fields.optionalBool("enable_snat", lenient: true)
    fixedIPs = try fields.optionalObjects("external_fixed_ips", countMax: Port.fixedIPsMax)?.map { entry in
      let subnetID = try entry.optionalUUID("subnet_id")
      let text = try entry.optionalString("ip_address", 1...64)
      let address = text.flatMap { IPAddress($0) }
      guard text == nil || address != nil, subnetID != nil || address != nil else {
        throw fields.invalid("external_fixed_ips", "each needs a subnet_id or a valid ip_address")
      }
      return FixedIPRequest(subnetID: subnetID, address: address)
    }
  }
}

extension Change {
  /// Gives the router its way out, or changes it. Throws `Fault` 400, 404, 409.
  func setGateway(_ router: inout Router, _ request: GatewayRequest, scope: Scope) throws {
    let network = try tx.need(Network.self, id: request.networkID, in: scope)
    guard network.external else {
      throw Fault.badRequest(
        "Bad router request: Network \(network.id) is not an external network.", type: "BadRequest")
    }
    if let enable = request.enableSNAT { router.enableSNAT = enable }
    routers.insert(router.id)
    if let old = try router.gatewayPortID.flatMap({ try tx.find(Port.self, id: $0) }) {
      if old.networkID == network.id {
        guard let wanted = request.fixedIPs else { return }
        return try moveGateway(old, wanted)
      }
      try clearGateway(&router)
    }
    guard !network.subnetIDs.isEmpty else {
      throw Fault.badRequest(
        "Bad router request: Network \(network.id) has no subnets.", type: "BadRequest")
    }
    try refuseOverlap(router.id, with: tx.load(Subnet.self, "network_id = \(network.id)"))
    var port = try newPort(networkID: network.id, projectID: "")
    port.deviceOwner = DeviceOwner.routerGateway
    port.deviceID = router.id
    port.portSecurityEnabled = false
    let requests = request.fixedIPs.flatMap { $0.isEmpty ? nil : $0 }
    do {
      port.fixedIPs = try chooseAddresses(networkID: network.id, mac: port.mac, requests: requests, isRouter: true)
    } catch let fault as Fault where fault.type == "IpAddressGenerationFailure" {
      throw Fault.badRequest(
        "Unable to find any IP address on external network \(network.id).", type: "ExternalIpAddressExhausted")
    }
    try tx.insert(port)
    try storeAddresses(port)
    router.gatewayPortID = port.id
    mark(port)
  }

  private func moveGateway(_ old: Port, _ wanted: [FixedIPRequest]) throws {
    var port = old
    port.fixedIPs = try chooseAddresses(
      networkID: old.networkID, mac: old.mac, requests: wanted.isEmpty ? nil : wanted, keeping: old.fixedIPs,
      isRouter: true)
    try storeAddresses(port)
    try tx.touch(Port.self, id: port.id)
    mark(port)
  }

  /// Takes the router's way out away. Throws `Fault` 409 while floating addresses need it.
  func clearGateway(_ router: inout Router) throws {
    guard let portID = router.gatewayPortID else { return }
    if try tx.exists("SELECT 1 FROM floating_ip WHERE router_id = \(router.id) LIMIT 1") {
      throw Fault.conflict(
        "Gateway cannot be updated for router \(router.id), since a gateway to external network is required by one or "
          + "more floating IPs.", type: "RouterExternalGatewayInUseByFloatingIp")
    }
    router.gatewayPortID = nil
    try tx.save(router)
    if let port = try tx.find(Port.self, id: portID) { try deletePort(port) }
    routers.insert(router.id)
  }

  /// The subnets that a router's ports have addresses of.
  func connectedSubnets(_ routerID: String) throws -> [Subnet] {
    try tx.load(
      Subnet.self,
      """
      id IN (SELECT port_address.subnet_id FROM port JOIN port_address ON port_address.port_id = port.id
        WHERE port.device_id = \(routerID)
          AND port.device_owner IN (\(DeviceOwner.routerInterface), \(DeviceOwner.routerGateway)))
      """)
  }

  func refuseOverlap(_ routerID: String, with subnets: [Subnet]) throws {
    for connected in try connectedSubnets(routerID) {
      for subnet in subnets {
        if connected.id == subnet.id {
          throw Fault.badRequest(
            "Bad router request: Router already has a port on subnet \(subnet.id).", type: "BadRequest")
        }
        guard connected.cidr.overlaps(subnet.cidr) else { continue }
        throw Fault.badRequest(
          "Bad router request: Cidr \(subnet.cidr) of subnet \(subnet.id) overlaps with cidr \(connected.cidr) of "
            + "subnet \(connected.id).", type: "BadRequest")
      }
    }
  }

  /// A route's next hop must be on a connected subnet and not the router itself.
  func checkRoutes(_ routes: [Subnet.Route], _ router: Router) throws {
    guard !routes.isEmpty else { return }
    let connected = try connectedSubnets(router.id).map(\.cidr)
    let own = Set(
      try tx.query(
        """
        SELECT port_address.address FROM port JOIN port_address ON port_address.port_id = port.id
        WHERE port.device_id = \(router.id)
        """
      ) { $0.text(0) })
    for route in routes {
      guard let hop = IPAddress(route.nexthop), connected.contains(where: { $0.contains(hop) }),
        !own.contains(route.nexthop)
      else {
        throw Fault.badRequest(
          "Invalid format for routes: the nexthop \(route.nexthop) is not connected with router.", type: "InvalidRoutes"
        )
      }
    }
  }
}
