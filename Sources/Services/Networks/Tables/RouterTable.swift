import Kit
import Store

extension Router: StoredResource {
  static let kind = "router"
  static let singular = "router"
  static let plural = "routers"
  static let notFoundType = "RouterNotFound"
  static let columns = ["admin_state_up", "enable_snat", "routes", "availability_zone_hints", "gateway_port_id"]
  static let selection = StandardColumns.selection(columns, from: kind)
  static let listFields: [String: ListField] = [
    "admin_state_up": .bool("admin_state_up"), "status": .constant("ACTIVE"),
  ]

  static func visible(to projectID: String) -> SQL { "project_id = \(projectID)" }

  static func fill(_ tx: Transaction, _ records: inout [Router]) throws {
    try tx.fillTags(&records)
    let ports = Dictionary(
      try tx.load(Port.self, "id IN (\(list: records.compactMap(\.gatewayPortID)))").map { ($0.id, $0) },
      uniquingKeysWith: { $1 })
    for index in records.indices {
      guard let port = records[index].gatewayPortID.flatMap({ ports[$0] }) else { continue }
      records[index].gatewayNetworkID = port.networkID
      records[index].gatewayFixedIPs = port.fixedIPs
    }
  }

  var values: [SQLValue] {
    [
      adminStateUp.sqlValue, enableSNAT.sqlValue, .text(Subnet.routesText(routes)),
      .text(JSONColumn.text(availabilityZoneHints)), gatewayPortID.map(SQLValue.text) ?? .null,
    ]
  }

  init(standard: StandardAttributes, row: any Row) throws {
    self.init(
      standard: standard, adminStateUp: row.bool(7), enableSNAT: row.bool(8), routes: try Subnet.routes(row.text(9)),
      availabilityZoneHints: try JSONColumn.strings(row.text(10)), gatewayPortID: row.textOrNil(11))
  }

  func encode(_ writer: inout ResourceWriter) {
    writer.field("admin_state_up", adminStateUp)
    writer.field("status", "ACTIVE")
    if let network = gatewayNetworkID {
      writer.object("external_gateway_info") { json in
        json.field("network_id", network)
        json.field("enable_snat", enableSNAT)
        json.field("external_fixed_ips", gatewayFixedIPs) { json, address in
          json.object {
            $0.field("subnet_id", address.subnetID)
            $0.field("ip_address", address.address)
          }
        }
      }
    } else {
      writer.object("external_gateway_info", nil)
    }
    writer.field("routes", routes) {
      $0.field("destination", $1.destination)
      $0.field("nexthop", $1.nexthop)
    }
    writer.field("availability_zones", ["nova"])
    writer.field("availability_zone_hints", availabilityZoneHints)
  }
}
