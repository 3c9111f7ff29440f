import API
import Auth
import Kit
import Store

/// What a router's interface call speaks of.
struct RouterInterface: Sendable {
  var routerID: String
  var projectID: String
  var portID: String
  var networkID: String
  var subnetIDs: [String]
}

/// Adding and removing a router's interfaces.
enum RouterInterfaceRules {
  static func add(_ change: Change, _ call: Call, routerID: String) throws -> RouterInterface {
    let scope = Scope(try call.principal())
    let router = try change.tx.need(Router.self, id: routerID, in: scope)
    let (subnetID, portID) = try read(call)
    guard (subnetID == nil) != (portID == nil) else {
      throw Fault.badRequest(
        "Bad router request: exactly one of subnet_id and port_id must be specified.", type: "BadRequest")
    }
    let port: Port
    var added: [String]
    if let portID {
      port = try adopt(change, portID, router, scope)
      added = port.fixedIPs.map(\.subnetID)
    } else {
      let subnet = try change.tx.need(Subnet.self, id: subnetID ?? "", in: scope)
      port = try connect(change, subnet, router, scope)
      added = [subnet.id]
    }
    change.mark(port)
    try change.tx.touch(Router.self, id: router.id)
    added = Array(Set(added)).sorted()
    return RouterInterface(
      routerID: router.id, projectID: router.standard.projectID, portID: port.id, networkID: port.networkID,
      subnetIDs: added)
  }

  private static func read(_ call: Call) throws -> (subnetID: String?, portID: String?) {
    let fields = try call.body()
    let answer = (try fields.optionalUUID("subnet_id"), try fields.optionalUUID("port_id"))
    return answer
  }

  /// Makes a port of the user's the router's.
  private static func adopt(_ change: Change, _ portID: String, _ router: Router, _ scope: Scope) throws -> Port {
    var port = try change.tx.need(Port.self, id: portID, in: scope)
    guard scope.owns(port.standard) else { throw Port.notFound(portID) }
    guard port.deviceID.isEmpty, port.serverID == nil, !port.isService else { throw NetworkFault.portInUse(port) }
    guard !port.fixedIPs.isEmpty else {
      throw Fault.badRequest("Bad router request: Router port must have at least one fixed IP.", type: "BadRequest")
    }
    let subnets = try change.tx.load(Subnet.self, "id IN (\(list: port.fixedIPs.map(\.subnetID)))")
    guard subnets.filter({ $0.ipVersion == 4 }).count <= 1 else {
      throw Fault.badRequest("Cannot have multiple IPv4 subnets on router port.", type: "BadRequest")
    }
    try change.refuseOverlap(router.id, with: subnets)
    change.mark(port)
    port.deviceID = router.id
    port.deviceOwner = DeviceOwner.routerInterface
    port.portSecurityEnabled = false
    port.addressPairs = []
    port.securityGroupIDs = []
    port.standard.revision += 1
    port.standard.updatedAt = .now()
    try change.tx.save(port)
    try change.storeGroups(port)
    return port
  }

  /// Gives the router the subnet's gateway address; an IPv6 subnet joins the port its network's others have.
  private static func connect(_ change: Change, _ subnet: Subnet, _ router: Router, _ scope: Scope) throws -> Port {
    let network = try change.tx.need(Network.self, id: subnet.networkID, in: scope)
    // The gateway's address of a network is its owner's to give away.
    guard scope.owns(network.standard) else { throw NetworkFault.forbidden("add_router_interface") }
    guard let gateway = subnet.gateway, subnet.holdsHost(gateway) else {
      throw Fault.badRequest(
        "Bad router request: Subnet for router interface must have a gateway IP.", type: "BadRequest")
    }
    try change.refuseOverlap(router.id, with: [subnet])
    let request = FixedIPRequest(subnetID: subnet.id, address: gateway)
    if subnet.ipVersion == 6, var port = try ipv6Port(change, router.id, network.id) {
      port.fixedIPs = try change.chooseAddresses(
        networkID: network.id, mac: port.mac,
        requests: port.fixedIPs.map { FixedIPRequest(subnetID: $0.subnetID, address: IPAddress($0.address)) } + [
          request
        ],
        keeping: port.fixedIPs, isRouter: true)
      try change.storeAddresses(port)
      try change.tx.touch(Port.self, id: port.id)
      return port
    }
    var port = try change.newPort(networkID: network.id, projectID: router.standard.projectID)
    port.deviceID = router.id
    port.deviceOwner = DeviceOwner.routerInterface
    port.portSecurityEnabled = false
    port.fixedIPs = try change.chooseAddresses(
      networkID: network.id, mac: port.mac, requests: [request], isRouter: true)
    try change.tx.insert(port)
    try change.storeAddresses(port)
    try change.checkQuota(Port.self, projectID: router.standard.projectID)
    return port
  }

  private static func ipv6Port(_ change: Change, _ routerID: String, _ networkID: String) throws -> Port? {
    try change.tx.load(
      Port.self, "device_id = \(routerID)", "network_id = \(networkID)", "device_owner = \(DeviceOwner.routerInterface)"
    ).first { $0.fixedIPs.allSatisfy { $0.address.contains(":") } }
  }

  static func remove(_ change: Change, _ call: Call, routerID: String) throws -> RouterInterface {
    let scope = Scope(try call.principal())
    let router = try change.tx.need(Router.self, id: routerID, in: scope)
    let (subnetID, portID) = try read(call)
    guard subnetID != nil || portID != nil else {
      throw Fault.badRequest("Bad router request: Either subnet_id or port_id must be specified.", type: "BadRequest")
    }
    let ports = try change.tx.load(
      Port.self, "device_id = \(router.id)", "device_owner = \(DeviceOwner.routerInterface)")
    var found = ports
    if let portID { found.removeAll { $0.id != portID } }
    guard
      var port = found.first(where: { port in subnetID == nil || port.fixedIPs.contains { $0.subnetID == subnetID } })
    else {
      if portID != nil, !found.isEmpty {
        throw Fault.badRequest(
          "Subnet on port \(portID ?? "") does not match the requested subnet \(subnetID ?? "").",
          type: "SubnetMismatchForPort")
      }
      throw Fault.notFound(
        "Router \(router.id) has no interface on \(subnetID.map { "subnet \($0)" } ?? "port \(portID ?? "")").",
        type: portID == nil ? "RouterInterfaceNotFoundForSubnet" : "RouterInterfaceNotFound")
    }
    let gone = subnetID.map { [$0] } ?? port.fixedIPs.map(\.subnetID)
    try refuseNeeded(change, router, gone)
    change.mark(port)
    let interface = RouterInterface(
      routerID: router.id, projectID: router.standard.projectID, portID: port.id, networkID: port.networkID,
      subnetIDs: Array(Set(gone)).sorted())
    port.fixedIPs.removeAll { gone.contains($0.subnetID) }
    if port.fixedIPs.isEmpty {
      try change.deletePort(port)
    } else {
      try change.storeAddresses(port)
      try change.tx.touch(Port.self, id: port.id)
    }
    try change.tx.touch(Router.self, id: router.id)
    return interface
  }

  /// Throws `Fault` 409 while floating addresses or routes go through the subnets.
  private static func refuseNeeded(_ change: Change, _ router: Router, _ subnetIDs: [String]) throws {
    let floating = try change.tx.exists(
      """
      SELECT 1 FROM floating_ip JOIN port_address
        ON port_address.port_id = floating_ip.port_id AND port_address.address = floating_ip.fixed_address
      WHERE floating_ip.router_id = \(router.id) AND port_address.subnet_id IN (\(list: subnetIDs)) LIMIT 1
      """)
    if floating {
      throw Fault.conflict(
        "Router interface for subnet \(subnetIDs.joined(separator: ", ")) on router \(router.id) cannot be deleted, as "
          + "it is required by one or more floating IPs.", type: "RouterInterfaceInUseByFloatingIP")
    }
    let blocks = try change.tx.load(Subnet.self, "id IN (\(list: subnetIDs))").map(\.cidr)
    let routed = router.routes.contains { route in
      IPAddress(route.nexthop).map { hop in blocks.contains { $0.contains(hop) } } ?? false
    }
    if routed {
      throw Fault.conflict(
        "Router interface on router \(router.id) cannot be deleted, as it is required by one or more routes.",
        type: "RouterInterfaceInUseByRoute")
    }
  }
}
