import API
import Auth
import Kit
import Store

/// What may be done with subnets.
enum SubnetRules {
  static func create(_ change: Change, _ call: Call, _ fields: JSONFields, _ projectID: String) throws -> Subnet {
    let scope = Scope(try call.principal())
    let networkID = try fields.uuid("network_id")
    let network = try change.tx.need(Network.self, id: networkID, in: scope)
    guard scope.owns(network.standard) else { throw NetworkFault.forbidden("create_subnet") }
    let version = try fields.int("ip_version", 4...6, lenient: true)
    guard version != 5 else { throw fields.invalid("ip_version", "it must be 4 or 6") }
    try refusePools(fields)
    let cidr = try readCIDR(fields, version: version)
    var subnet = Subnet(
      standard: StandardAttributes(projectID: network.standard.projectID), networkID: networkID, cidr: cidr)
    try subnet.standard.readNames(fields)
    subnet.ipv6RAMode = try readMode(fields, "ipv6_ra_mode", version)
    subnet.ipv6AddressMode = try readMode(fields, "ipv6_address_mode", version)
    try readChanging(fields, &subnet, creating: true)
    try check(subnet)
    try refuseOverlap(change, subnet)
    try change.tx.insert(subnet)
    try change.subnetAppeared(subnet)
    return subnet
  }

  static func update(_ change: Change, _ call: Call, _ subnet: inout Subnet, _ fields: JSONFields) throws {
    let before = subnet
    try readChanging(fields, &subnet, creating: false)
    try check(subnet)
    if before.gateway != subnet.gateway, let old = before.gateway {
      let used = try change.tx.exists(
        """
        SELECT 1 FROM port_address JOIN port ON port.id = port_address.port_id
        WHERE port_address.subnet_id = \(subnet.id) AND port_address.address = \(old.description)
          AND port.device_owner = \(DeviceOwner.routerInterface)
        """)
      if used {
        throw Fault.conflict("Current gateway ip \(old) already in use by a router.", type: "GatewayIpInUse")
      }
    }
    try change.tx.save(subnet)
    try change.ensureDHCPPort(networkID: subnet.networkID)
    try change.markNetworkUsers(subnet.networkID, servers: true)
  }

  static func delete(_ change: Change, _ call: Call, _ subnet: Subnet) throws {
    let users = try change.tx.load(
      Port.self, "id IN (SELECT port_id FROM port_address WHERE subnet_id = \(subnet.id))")
    for port in users where port.deviceOwner != DeviceOwner.dhcp {
      let keepsOwnAddress = subnet.isSLAAC && !port.isService
      guard keepsOwnAddress else {
        throw NetworkFault.subnetInUse(subnet.id, "One or more ports have an IP allocation from this subnet")
      }
    }
    for var port in users {
      change.mark(port)
      change.tellServer(of: port)
      port.fixedIPs.removeAll { $0.subnetID == subnet.id }
      try change.storeAddresses(port)
      try change.tx.touch(Port.self, id: port.id)
    }
    try change.tx.remove(subnet)
    try change.ensureDHCPPort(networkID: subnet.networkID)
    try change.markNetworkUsers(subnet.networkID, servers: true)
  }

  // MARK: Reading

  /// Subnet pools and segments are not built: only their absence can be said.
  private static func refusePools(_ fields: JSONFields) throws {
    for name in ["subnetpool_id", "prefixlen", "segment_id"] {
      if let value = fields.value(name), !value.isNull {
        throw fields.invalid(name, "subnet pools and segments are not available")
      }
    }
    if try fields.optionalBool("use_default_subnetpool", lenient: true) == true {
      throw fields.invalid("use_default_subnetpool", "subnet pools are not available")
    }
    if let types = try fields.optionalStrings("service_types"), !types.isEmpty {
      throw fields.invalid("service_types", "service types are not available")
    }
  }

  private static func readCIDR(_ fields: JSONFields, version: Int) throws -> CIDR {
    let text = try fields.string("cidr", 1...64)
    guard text.contains("/"), let cidr = CIDR(text) else { throw fields.invalid("cidr", "\(text.quoted) is no CIDR") }
    guard cidr.version == version else {
      throw NetworkFault.invalid("cidr \(cidr) is not of ip_version \(version)")
    }
    for forbidden in ["224.0.0.0/3", "127.0.0.0/8", "0.0.0.0/8", "169.254.0.0/16", "ff00::/8", "fe80::/10", "::1/128"] {
      if let block = CIDR(forbidden), block.overlaps(cidr) {
        throw NetworkFault.invalid("cidr \(cidr) overlaps with \(forbidden), which hosts cannot use")
      }
    }
    guard cidr.prefix > 0 else { throw NetworkFault.invalid("0 is not allowed as CIDR prefix length") }
    return cidr
  }

  private static func readMode(_ fields: JSONFields, _ name: String, _ version: Int) throws -> String? {
    guard let mode = try fields.optionalChoice(name, ["slaac", "dhcpv6-stateful", "dhcpv6-stateless"]) else {
      return nil
    }
    guard version == 6 else { throw NetworkFault.invalid("\(name) is only for IPv6") }
    return mode
  }

  /// What both create and update may say.
  private static func readChanging(_ fields: JSONFields, _ subnet: inout Subnet, creating: Bool) throws {
    if let value = try fields.optionalBool("enable_dhcp", lenient: true) { subnet.enableDHCP = value }
    if fields.has("dns_nameservers") { subnet.dnsNameservers = try readNameservers(fields) }
    if fields.has("host_routes") {
      subnet.hostRoutes = try RouteReader.read(fields, "host_routes", countMax: Subnet.hostRoutesMax)
      guard subnet.hostRoutes.allSatisfy({ CIDR($0.destination)?.version == subnet.ipVersion }) else {
        throw fields.invalid("host_routes", "routes must be of ip_version \(subnet.ipVersion)")
      }
    }
    let oldGateway = subnet.gateway
    switch try fields.patchString("gateway_ip", 1...64) {
    case .absent:
      if creating {
        subnet.gateway = subnet.cidr.prefix < subnet.cidr.network.width ? subnet.cidr.network.advanced(by: 1) : nil
      }
    case .null: subnet.gateway = nil
    case .value(let text):
      guard let gateway = IPAddress(text), gateway.version == subnet.ipVersion else {
        throw fields.invalid("gateway_ip", "\(text.quoted) is not an IPv\(subnet.ipVersion) address")
      }
      subnet.gateway = gateway
    }
    if let pools = try fields.optionalObjects("allocation_pools", countMax: Subnet.poolsMax) {
      subnet.pools = try pools.map { try readPool($0, subnet) }.sorted { $0.start < $1.start }
      try checkPools(subnet)
    } else if creating {
      subnet.pools = subnet.poolsByDefault
    } else if oldGateway != subnet.gateway {
      try checkPools(subnet)
    }
  }

  private static func readNameservers(_ fields: JSONFields) throws -> [String] {
    let texts = try fields.optionalStrings("dns_nameservers", countMax: Subnet.nameserversMax) ?? []
    let addresses = try texts.map { text in
      guard let address = IPAddress(text) else {
        throw fields.invalid("dns_nameservers", "\(text.quoted) is not an IP address")
      }
      return address.description
    }
    guard Set(addresses).count == addresses.count else { throw fields.invalid("dns_nameservers", "duplicate entries") }
    return addresses
  }

  private static func readPool(_ fields: JSONFields, _ subnet: Subnet) throws -> Subnet.Pool {
    let texts = (try fields.string("start", 1...64), try fields.string("end", 1...64))
    guard let start = IPAddress(texts.0), let end = IPAddress(texts.1), start.version == subnet.ipVersion,
      end.version == subnet.ipVersion, start <= end
    else {
      throw Fault.badRequest(
        "The allocation pool \(texts.0.quoted)-\(texts.1.quoted) is not valid.", type: "InvalidAllocationPool")
    }
    return Subnet.Pool(start: start, end: end)
  }

  // MARK: Checks

  private static func checkPools(_ subnet: Subnet) throws {
    var previous: Subnet.Pool?
    for pool in subnet.pools {
      guard subnet.holdsHost(pool.start), subnet.holdsHost(pool.end) else {
        throw Fault.badRequest(
          "The allocation pool \(pool.start)-\(pool.end) spans beyond the subnet cidr \(subnet.cidr).",
          type: "OutOfBoundsAllocationPool")
      }
      if let gateway = subnet.gateway, pool.start <= gateway, gateway <= pool.end {
        throw Fault.conflict(
          "Gateway ip \(gateway) conflicts with allocation pool \(pool.start)-\(pool.end).",
          type: "GatewayConflictWithAllocationPools")
      }
      if let previous, pool.start <= previous.end {
        throw Fault.conflict(
          "Found overlapping allocation pools in subnet \(subnet.cidr).", type: "OverlappingAllocationPools")
      }
      previous = pool
    }
  }

  private static func check(_ subnet: Subnet) throws {
    if let gateway = subnet.gateway {
      let linkLocal = CIDR("fe80::/10")?.contains(gateway) ?? false
      guard subnet.holdsHost(gateway) || linkLocal else {
        throw NetworkFault.invalid("gateway_ip \(gateway) is not a valid host address of \(subnet.cidr)")
      }
    }
    if subnet.ipVersion == 4, subnet.enableDHCP, subnet.cidr.prefix > 30 {
      throw NetworkFault.invalid("a subnet with DHCP enabled cannot be smaller than /30")
    }
    let modes = [subnet.ipv6RAMode, subnet.ipv6AddressMode].compactMap { $0 }
    guard Set(modes).count <= 1 else {
      throw NetworkFault.invalid("ipv6_ra_mode and ipv6_address_mode must be the same where both are set")
    }
    guard modes.isEmpty || subnet.enableDHCP else {
      throw NetworkFault.invalid("ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is false")
    }
    if modes.contains(where: { $0 != "dhcpv6-stateful" }), subnet.cidr.prefix != 64 {
      throw NetworkFault.invalid("SLAAC needs a prefix of 64 bits")
    }
  }

  private static func refuseOverlap(_ change: Change, _ subnet: Subnet) throws {
    for other in try change.tx.rows(Subnet.self, ["network_id = \(subnet.networkID)"])
    where other.cidr.overlaps(subnet.cidr) {
      throw NetworkFault.invalid(
        "requested subnet with cidr \(subnet.cidr) for network \(subnet.networkID) overlaps with another subnet")
    }
  }
}

/// Reads lists of routes.
enum RouteReader {
  static func read(_ fields: JSONFields, _ name: String, countMax: Int) throws -> [Subnet.Route] {
    let objects = try fields.optionalObjects(name, countMax: countMax) ?? []
    let routes = try objects.map { route in
      let texts = (try route.string("destination", 1...64), try route.string("nexthop", 1...64))
      guard texts.0.contains("/"), let destination = CIDR(texts.0), let nexthop = IPAddress(texts.1),
        destination.version == nexthop.version
      else { throw fields.invalid(name, "\(texts.0.quoted) by \(texts.1.quoted) is not a route") }
      return Subnet.Route(destination: destination.description, nexthop: nexthop.description)
    }
    guard Set(routes).count == routes.count else { throw fields.invalid(name, "duplicate routes") }
    return routes
  }
}

extension Subnet {
  /// Everything a host can have but the gateway.
  var poolsByDefault: [Pool] {
    var start = cidr.network
    var end = cidr.last
    if cidr.prefix < cidr.network.width - 1 {
      start = start.advanced(by: 1) ?? start
      if ipVersion == 4 { end = end.advanced(by: -1) ?? end }
    }
    guard start <= end else { return [] }
    guard let gateway, start <= gateway, gateway <= end else { return [Pool(start: start, end: end)] }
    var pools: [Pool] = []
    if start < gateway, let before = gateway.advanced(by: -1) { pools.append(Pool(start: start, end: before)) }
    if gateway < end, let after = gateway.advanced(by: 1) { pools.append(Pool(start: after, end: end)) }
    return pools
  }
}
