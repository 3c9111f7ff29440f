import Kit
import Store

extension Network: StoredResource {
  static let kind = "network"
  static let singular = "network"
  static let plural = "networks"
  static let notFoundType = "NetworkNotFound"
  static let columns = [
    "admin_state_up", "shared", "external", "mtu", "port_security_enabled", "is_default", "segmentation_id",
    "availability_zone_hints",
  ]
  static let selection = StandardColumns.selection(columns, from: kind)

  static let listFields: [String: ListField] = [
    "admin_state_up": .bool("admin_state_up"), "shared": .bool("shared"), "router:external": .bool("external"),
    "mtu": .int("mtu"), "port_security_enabled": .bool("port_security_enabled"), "is_default": .bool("is_default"),
    "status": .constant("ACTIVE"), "subnets": .ids { "SELECT network_id FROM subnet WHERE id IN (\(list: $0))" },
    "provider:network_type": ListField(condition: { values in
      values.contains("vxlan")
        ? (values.contains("flat") ? "1 = 1" : "external = 0")
        : values.contains("flat") ? "external = 1" : "1 = 0"
    }),
    "provider:physical_network": ListField(condition: { values in
      values.contains(Network.physicalNetwork) ? "external = 1" : "1 = 0"
    }),
    "provider:segmentation_id": .int("segmentation_id"),
  ]

  /// The name of the network that the outside is reached by.
  static let physicalNetwork = "external"

  static func visible(to projectID: String) -> SQL {
    "(project_id = \(projectID) OR shared = 1 OR external = 1)"
  }

  static func fill(_ tx: Transaction, _ records: inout [Network]) throws {
    try tx.fillTags(&records)
    let subnets = try tx.pairs(
      """
      SELECT network_id, id FROM subnet WHERE network_id IN (\(list: records.map(\.id))) ORDER BY created_at, id
      """)
    for index in records.indices { records[index].subnetIDs = subnets[records[index].id] ?? [] }
  }

  var values: [SQLValue] {
    [
      adminStateUp.sqlValue, shared.sqlValue, external.sqlValue, mtu.sqlValue, portSecurityEnabled.sqlValue,
      isDefault.sqlValue, segmentationID.sqlValue, .text(JSONColumn.text(availabilityZoneHints)),
    ]
  }

  init(standard: StandardAttributes, row: any Row) throws {
    self.init(
      standard: standard, adminStateUp: row.bool(7), shared: row.bool(8), external: row.bool(9), mtu: row.int(10),
      portSecurityEnabled: row.bool(11), isDefault: row.bool(12), segmentationID: row.int(13),
      availabilityZoneHints: try JSONColumn.strings(row.text(14)))
  }

  func encode(_ writer: inout ResourceWriter) {
    writer.field("admin_state_up", adminStateUp)
    writer.field("status", "ACTIVE")
    writer.field("shared", shared)
    writer.field("router:external", external)
    writer.field("mtu", mtu)
    writer.field("subnets", subnetIDs)
    writer.field("port_security_enabled", portSecurityEnabled)
    writer.field("availability_zones", ["nova"])
    writer.field("availability_zone_hints", availabilityZoneHints)
    writer.field("ipv4_address_scope", nil as String?)
    writer.field("ipv6_address_scope", nil as String?)
    if external { writer.field("is_default", isDefault) }
    if writer.admin {
      writer.field("provider:network_type", external ? "flat" : "vxlan")
      writer.field("provider:physical_network", external ? Self.physicalNetwork : nil)
      writer.field("provider:segmentation_id", external ? nil : segmentationID)
    }
  }
}
