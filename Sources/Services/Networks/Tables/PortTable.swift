import API
import Kit
import Store

extension Port: StoredResource {
  static let kind = "port"
  static let singular = "port"
  static let plural = "ports"
  static let notFoundType = "PortNotFound"
  static let columns = [
    "network_id", "mac_address", "admin_state_up", "device_id", "device_owner", "port_security_enabled",
    "address_pairs", "dhcp_options", "dns_name", "hostname", "server_id", "node_id", "host", "vnic_type",
    "binding_profile", "ready", "card_position", "card_tag", "made_for_server", "status",
  ]
  static let selection = StandardColumns.selection(columns, from: kind)

  static let listFields: [String: ListField] = [
    "network_id": .text("network_id"), "admin_state_up": .bool("admin_state_up"), "status": .text("status"),
    "mac_address": ListField(
      condition: { "mac_address IN (\(list: $0.map { MACAddress($0)?.description ?? $0 }))" },
      sortExpression: "mac_address"),
    "device_id": .text("device_id"), "device_owner": .text("device_owner"), "binding:host_id": .text("host"),
    "binding:vnic_type": .text("vnic_type"), "port_security_enabled": .bool("port_security_enabled"),
    "fixed_ips": ListField(condition: Port.fixedIPsCondition),
    "security_groups": .ids { "SELECT port_id FROM port_security_group WHERE group_id IN (\(list: $0))" },
    "security_group_ids": .ids { "SELECT port_id FROM port_security_group WHERE group_id IN (\(list: $0))" },
    "ip_allocation": ListField(condition: { $0.contains("immediate") ? "1 = 1" : "1 = 0" }),
  ]

  /// `fixed_ips=ip_address=10.0.0.2`, `subnet_id=…`, `ip_address_substr=…`: all kinds must hold, any value of one.
  private static func fixedIPsCondition(_ values: [String]) throws -> SQL {
    var gathered: [String: [String]] = [:]
    for value in values {
      let halves = value.split(separator: "=", maxSplits: 1).map(String.init)
      guard halves.count == 2, ["ip_address", "subnet_id", "ip_address_substr"].contains(halves[0]) else {
        throw Fault.badRequest("\(value.quoted) is not a filter for fixed_ips.", type: "HTTPBadRequest")
      }
      gathered[halves[0], default: []].append(halves[1])
    }
    var parts: [SQL] = []
    if let subnets = gathered["subnet_id"] {
      parts.append("id IN (SELECT port_id FROM port_address WHERE subnet_id IN (\(list: subnets)))")
    }
    if let addresses = gathered["ip_address"] {
      let canonical = addresses.map { IPAddress($0)?.description ?? $0 }
      parts.append("id IN (SELECT port_id FROM port_address WHERE address IN (\(list: canonical)))")
    }
    for piece in gathered["ip_address_substr"] ?? [] {
      let literal = piece.replacing("\\", with: "").replacing("%", with: "").replacing("_", with: "")
      parts.append("id IN (SELECT port_id FROM port_address WHERE address LIKE \("%" + literal.lowercased() + "%"))")
    }
    return "(\(SQL.joined(parts, separator: " AND ")))"
  }

  static func visible(to projectID: String) -> SQL {
    "(project_id = \(projectID) OR network_id IN (SELECT id FROM network WHERE project_id = \(projectID)))"
  }

  static func fill(_ tx: Transaction, _ records: inout [Port]) throws {
    try tx.fillTags(&records)
    let ids = records.map(\.id)
    var addresses: [String: [FixedIP]] = [:]
    try tx.forEach(
      """
      SELECT port_id, subnet_id, address FROM port_address WHERE port_id IN (\(list: ids)) ORDER BY port_id, position
      """
    ) { addresses[$0.text(0), default: []].append(FixedIP(subnetID: $0.text(1), address: $0.text(2))) }
    let groups = try tx.pairs(
      "SELECT port_id, group_id FROM port_security_group WHERE port_id IN (\(list: ids)) ORDER BY port_id, group_id")
    for index in records.indices {
      records[index].fixedIPs = addresses[records[index].id] ?? []
      records[index].securityGroupIDs = groups[records[index].id] ?? []
    }
  }

  var values: [SQLValue] {
    [
      .text(networkID), .text(mac.description), adminStateUp.sqlValue, .text(deviceID), .text(deviceOwner),
      portSecurityEnabled.sqlValue, .text(Port.text(addressPairs)), .text(Port.text(dhcpOptions)), .text(dnsName),
      .text(hostname), serverID.map(SQLValue.text) ?? .null, nodeID.map(SQLValue.text) ?? .null, .text(host),
      .text(vnicType), .text(bindingProfile),
      ready.sqlValue, cardPosition.sqlValue, cardTag.map(SQLValue.text) ?? .null, madeForServer.sqlValue,
      .text(status),
    ]
  }

  private static func text(_ pairs: [AddressPair]) -> String {
    JSONColumn.text(pairs.map { ["ip_address": .string($0.address), "mac_address": .string($0.mac)] })
  }

  private static func text(_ options: [DHCPOption]) -> String {
    JSONColumn.text(
      options.map {
        ["opt_name": .string($0.name), "opt_value": .string($0.value), "ip_version": .int($0.ipVersion)]
      })
  }

  /// Reads the column `address_pairs`.
  static func addressPairs(_ text: String) throws -> [AddressPair] {
    try JSONColumn.objects(text).map { AddressPair(address: $0.text("ip_address"), mac: $0.text("mac_address")) }
  }

  init(standard: StandardAttributes, row: any Row) throws {
    guard let mac = MACAddress(row.text(8)) else {
      throw StoreError(kind: .corrupt, message: "port \(standard.id) has no MAC address")
    }
    self.init(
      standard: standard, networkID: row.text(7), mac: mac, adminStateUp: row.bool(9), deviceID: row.text(10),
      deviceOwner: row.text(11), portSecurityEnabled: row.bool(12), addressPairs: try Port.addressPairs(row.text(13)),
      dhcpOptions: try JSONColumn.objects(row.text(14)).map {
        DHCPOption(name: $0.text("opt_name"), value: $0.text("opt_value"), ipVersion: $0["ip_version"]?.int ?? 4)
      }, dnsName: row.text(15), hostname: row.text(16), serverID: row.textOrNil(17), nodeID: row.textOrNil(18),
      host: row.text(19), vnicType: row.text(20), bindingProfile: row.text(21), ready: row.bool(22),
      cardPosition: row.int(23), cardTag: row.textOrNil(24), madeForServer: row.bool(25))
  }

  func encode(_ writer: inout ResourceWriter) {
    writer.field("network_id", networkID)
    writer.field("mac_address", mac.description)
    writer.field("admin_state_up", adminStateUp)
    writer.field("status", status)
    writer.field("device_id", deviceID)
    writer.field("device_owner", deviceOwner)
    writer.field("port_security_enabled", portSecurityEnabled)
    writer.field("fixed_ips", fixedIPs) {
      $0.field("subnet_id", $1.subnetID)
      $0.field("ip_address", $1.address)
    }
    writer.field("allowed_address_pairs", addressPairs) {
      $0.field("ip_address", $1.address)
      $0.field("mac_address", $1.mac)
    }
    writer.field("extra_dhcp_opts", dhcpOptions) {
      $0.field("opt_name", $1.name)
      $0.field("opt_value", $1.value)
      $0.field("ip_version", $1.ipVersion)
    }
    writer.field("security_groups", securityGroupIDs)
    writer.field("binding:vnic_type", vnicType)
    if writer.admin {
      writer.field("binding:host_id", host)
      writer.field("binding:vif_type", nodeID == nil ? "unbound" : "bridge")
      writer.object("binding:vif_details") { if nodeID != nil { $0.field("port_filter", true) } }
      writer.field("binding:profile", raw: bindingProfile)
    }
  }
}
