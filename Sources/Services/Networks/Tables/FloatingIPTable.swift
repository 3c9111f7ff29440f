import Kit
import Store

extension FloatingIP: StoredResource {
  static let kind = "floating_ip"
  static let singular = "floatingip"
  static let plural = "floatingips"
  static let notFoundType = "FloatingIPNotFound"
  static let columns = [
    "external_network_id", "external_port_id", "address", "port_id", "fixed_address", "router_id",
  ]
  static let selection = StandardColumns.selection(columns, from: kind)
  static let listFields: [String: ListField] = [
    "floating_network_id": .text("external_network_id"), "floating_ip_address": .text("address"),
    "port_id": .optionalText("port_id"), "fixed_ip_address": .optionalText("fixed_address"),
    "router_id": .optionalText("router_id"),
    "status": ListField(
      condition: { "CASE WHEN port_id IS NULL THEN 'DOWN' ELSE 'ACTIVE' END IN (\(list: $0))" },
      sortExpression: "CASE WHEN port_id IS NULL THEN 'DOWN' ELSE 'ACTIVE' END"),
  ]

  static func visible(to projectID: String) -> SQL { "project_id = \(projectID)" }

  static func fill(_ tx: Transaction, _ records: inout [FloatingIP]) throws {
    try tx.fillTags(&records)
    let ports = Dictionary(
      try tx.rows(Port.self, ["id IN (\(list: records.compactMap(\.portID)))"]).map { ($0.id, $0) },
      uniquingKeysWith: { $1 })
    for index in records.indices {
      guard let port = records[index].portID.flatMap({ ports[$0] }) else { continue }
      records[index].portDetails = PortDetails(
        name: port.standard.name, networkID: port.networkID, mac: port.mac.description,
        adminStateUp: port.adminStateUp, status: port.status, deviceID: port.deviceID, deviceOwner: port.deviceOwner)
    }
  }

  var values: [SQLValue] {
    [
      .text(externalNetworkID), .text(externalPortID), .text(address), portID.map(SQLValue.text) ?? .null,
      fixedAddress.map(SQLValue.text) ?? .null, routerID.map(SQLValue.text) ?? .null,
    ]
  }

  init(standard: StandardAttributes, row: any Row) throws {
    self.init(
      standard: standard, externalNetworkID: row.text(7), externalPortID: row.text(8), address: row.text(9),
      portID: row.textOrNil(10), fixedAddress: row.textOrNil(11), routerID: row.textOrNil(12))
  }

  func encode(_ writer: inout ResourceWriter) {
    writer.field("floating_network_id", externalNetworkID)
    writer.field("floating_ip_address", address)
    writer.field("port_id", portID)
    writer.field("fixed_ip_address", fixedAddress)
    writer.field("router_id", routerID)
    writer.field("status", status)
    if let details = portDetails {
      writer.object("port_details") {
        $0.field("name", details.name)
        $0.field("network_id", details.networkID)
        $0.field("mac_address", details.mac)
        $0.field("admin_state_up", details.adminStateUp)
        $0.field("status", details.status)
        $0.field("device_id", details.deviceID)
        $0.field("device_owner", details.deviceOwner)
      }
    } else {
      writer.object("port_details", nil)
    }
  }
}
