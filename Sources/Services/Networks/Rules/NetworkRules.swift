import API
import Auth
import Kit
import Store

/// What may be done with networks.
enum NetworkRules {
  /// Largest MTU of a network of our own: what a VXLAN frame leaves of 1500 bytes.
  static let mtuInside = 1450
  static let mtuOutside = 1500
  private static let segmentationTries = 16

  static func create(_ change: Change, _ call: Call, _ fields: JSONFields, _ projectID: String) throws -> Network {
    var network = Network(standard: StandardAttributes(projectID: projectID))
    try network.standard.readNames(fields)
    let external = try readFlags(call, &network, fields, action: "create_network")
    network.external = external ?? false
    network.mtu = network.external ? mtuOutside : mtuInside
    try readMTU(&network, fields)
    network.availabilityZoneHints = try zoneHints(fields)
    try readProvider(change, call, &network, fields)
    if network.segmentationID == 0 { network.segmentationID = try freeSegment(change) }
    try change.tx.insert(network)
    return network
  }

  static func update(_ change: Change, _ call: Call, _ network: inout Network, _ fields: JSONFields) throws {
    let before = network
    if let external = try readFlags(call, &network, fields, action: "update_network") { network.external = external }
    try readMTU(&network, fields)
    if before.external, !network.external { try refuseExternalInUse(change, network) }
    if before.shared, !network.shared { try refuseSharedInUse(change, network) }
    change.networks.insert(network.id)
    for port in try change.tx.load(Port.self, "network_id = \(network.id)") {
      if port.isService { change.mark(port) }
      if before.mtu != network.mtu { change.tellServer(of: port) }
    }
  }

  static func delete(_ change: Change, _ call: Call, _ network: Network) throws {
    let ports = try change.tx.load(Port.self, "network_id = \(network.id)")
    guard ports.allSatisfy({ $0.deviceOwner == DeviceOwner.dhcp }) else {
      throw NetworkFault.networkInUse(network.id)
    }
    for port in ports { try change.deletePort(port) }
    for subnet in try change.tx.load(Subnet.self, "network_id = \(network.id)") { try change.tx.remove(subnet) }
    try change.tx.remove(network)
    change.networks.insert(network.id)
  }

  /// Reads the flags, each with the permission that saying something new adds; returns `router:external` where it was
  /// said.
  private static func readFlags(
    _ call: Call, _ network: inout Network, _ fields: JSONFields, action: String
  ) throws -> Bool? {
    func flag(_ name: String, was: Bool) throws -> Bool {
      guard let value = try fields.optionalBool(name, lenient: true), value != was else { return was }
      try call.require(Permission("\(action):\(name)", .admin))
      return value
    }
    if let value = try fields.optionalBool("admin_state_up", lenient: true) { network.adminStateUp = value }
    if let value = try fields.optionalBool("port_security_enabled", lenient: true) {
      network.portSecurityEnabled = value
    }
    network.shared = try flag("shared", was: network.shared)
    network.isDefault = try flag("is_default", was: network.isDefault)
    return fields.has("router:external") ? try flag("router:external", was: network.external) : nil
  }

  private static func readMTU(_ network: inout Network, _ fields: JSONFields) throws {
    let maximum = network.external ? mtuOutside : mtuInside
    if let mtu = try fields.optionalInt("mtu", 0...maximum, lenient: true), mtu != 0 {
      guard mtu >= Network.mtuRange.lowerBound else { throw fields.invalid("mtu", "it must be at least 68") }
      network.mtu = mtu
    }
  }

  /// `availability_zone_hints`: only `nova` is there.
  static func zoneHints(_ fields: JSONFields) throws -> [String] {
    let hints = try fields.optionalStrings("availability_zone_hints", countMax: 10) ?? []
    if let stranger = hints.first(where: { $0 != "nova" }) {
      throw Fault.notFound("AvailabilityZone \(stranger.quoted) could not be found.", type: "AvailabilityZoneNotFound")
    }
    return hints
  }

  private static func readProvider(
    _ change: Change, _ call: Call, _ network: inout Network, _ fields: JSONFields
  ) throws {
    let names = ["provider:network_type", "provider:physical_network", "provider:segmentation_id"]
    for name in names where fields.has(name) && !fields.isNull(name) {
      try call.require(Permission("create_network:\(name)", .admin))
    }
    let type = try fields.optionalChoice(names[0], ["vxlan", "flat"])
    let physical = try fields.optionalString(names[1])
    let segment = try fields.optionalInt(names[2], 1...0xff_ffff, lenient: true)
    guard type != nil || physical != nil || segment != nil else { return }
    if (type ?? "vxlan") == "flat" {
      guard network.external, physical == Network.physicalNetwork, segment == nil else {
        throw NetworkFault.invalid(
          "a flat network is external and on the physical network '\(Network.physicalNetwork)'")
      }
      return
    }
    guard !network.external, physical == nil else {
      throw NetworkFault.invalid("a vxlan network is neither external nor on a physical network")
    }
    guard let segment else { return }
    if try change.tx.exists("SELECT 1 FROM network WHERE segmentation_id = \(segment)") {
      throw Fault.conflict("Unable to create the network. The tunnel ID \(segment) is in use.", type: "TunnelIdInUse")
    }
    network.segmentationID = segment
  }

  static func freeSegment(_ change: Change) throws -> Int {
    for _ in 0..<segmentationTries {
      let segment = Int.random(in: 1...0xff_ffff)
      if try !change.tx.exists("SELECT 1 FROM network WHERE segmentation_id = \(segment)") { return segment }
    }
    throw Fault(503, "Unable to create the network. No segment is available.", type: "NoNetworkAvailable")
  }

  private static func refuseExternalInUse(_ change: Change, _ network: Network) throws {
    let used = try change.tx.exists(
      """
      SELECT 1 FROM port WHERE network_id = \(network.id)
        AND device_owner IN (\(DeviceOwner.routerGateway), \(DeviceOwner.floatingIP)) LIMIT 1
      """)
    if used {
      throw Fault.conflict(
        "External network \(network.id) cannot be made non-external, since it has existing gateway ports.",
        type: "ExternalNetworkInUse")
    }
  }

  private static func refuseSharedInUse(_ change: Change, _ network: Network) throws {
    let used = try change.tx.exists(
      """
      SELECT 1 FROM port WHERE network_id = \(network.id)
        AND project_id <> \(network.standard.projectID) AND project_id <> '' LIMIT 1
      """)
    if used {
      throw Fault.conflict(
        "Unable to reconfigure sharing settings for network \(network.id). Multiple projects are using it.",
        type: "InvalidSharedSetting")
    }
  }
}
