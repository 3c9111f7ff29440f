import Kit
import Store

extension Subnet: StoredResource {
  static let kind = "subnet"
  static let singular = "subnet"
  static let plural = "subnets"
  static let notFoundType = "SubnetNotFound"
  static let columns = [
    "network_id", "ip_version", "cidr", "gateway_ip", "enable_dhcp", "ipv6_ra_mode", "ipv6_address_mode",
    "allocation_pools", "dns_nameservers", "host_routes",
  ]
  static let selection = StandardColumns.selection(columns, from: kind)

  static let listFields: [String: ListField] = [
    "network_id": .text("network_id"), "ip_version": .int("ip_version"), "cidr": .text("cidr"),
    "gateway_ip": .optionalText("gateway_ip"), "enable_dhcp": .bool("enable_dhcp"),
    "ipv6_ra_mode": .optionalText("ipv6_ra_mode"), "ipv6_address_mode": .optionalText("ipv6_address_mode"),
    "subnetpool_id": ListField(condition: { $0.contains("") ? "1 = 1" : "1 = 0" }),
    "shared": ListField(condition: { values in
      let flags = try ListField.bool("shared").condition(values)
      return "network_id IN (SELECT id FROM network WHERE \(flags))"
    }),
    "router:external": ListField(condition: { values in
      let flags = try ListField.bool("external").condition(values)
      return "network_id IN (SELECT id FROM network WHERE \(flags))"
    }),
  ]

  static func visible(to projectID: String) -> SQL {
    "(project_id = \(projectID) OR network_id IN (SELECT id FROM network WHERE shared = 1 OR external = 1))"
  }

  static func fill(_ tx: Transaction, _ records: inout [Subnet]) throws { try tx.fillTags(&records) }

  var values: [SQLValue] {
    [
      .text(networkID), ipVersion.sqlValue, .text(cidr.description), gateway.map { .text($0.description) } ?? .null,
      enableDHCP.sqlValue, ipv6RAMode.map(SQLValue.text) ?? .null, ipv6AddressMode.map(SQLValue.text) ?? .null,
      .text(
        JSONColumn.text(pools.map { ["start": .string($0.start.description), "end": .string($0.end.description)] })),
      .text(JSONColumn.text(dnsNameservers)), .text(Subnet.routesText(hostRoutes)),
    ]
  }

  static func routesText(_ routes: [Route]) -> String {
    JSONColumn.text(routes.map { ["destination": .string($0.destination), "nexthop": .string($0.nexthop)] })
  }

  static func routes(_ text: String) throws -> [Route] {
    try JSONColumn.objects(text).map { Route(destination: $0.text("destination"), nexthop: $0.text("nexthop")) }
  }

  init(standard: StandardAttributes, row: any Row) throws {
    guard let cidr = CIDR(row.text(9)) else {
      throw StoreError(kind: .corrupt, message: "subnet \(standard.id) has no CIDR")
    }
    self.init(
      standard: standard, networkID: row.text(7), cidr: cidr, gateway: row.textOrNil(10).flatMap { IPAddress($0) },
      enableDHCP: row.bool(11), ipv6RAMode: row.textOrNil(12), ipv6AddressMode: row.textOrNil(13),
      pools: try JSONColumn.objects(row.text(14)).compactMap { pool in
        guard let start = IPAddress(pool.text("start")), let end = IPAddress(pool.text("end")) else { return nil }
        return Pool(start: start, end: end)
      }, dnsNameservers: try JSONColumn.strings(row.text(15)), hostRoutes: try Subnet.routes(row.text(16)))
  }

  func encode(_ writer: inout ResourceWriter) {
    writer.field("network_id", networkID)
    writer.field("ip_version", ipVersion)
    writer.field("cidr", cidr.description)
    writer.field("gateway_ip", gateway?.description)
    writer.field("enable_dhcp", enableDHCP)
    writer.field("ipv6_ra_mode", ipv6RAMode)
    writer.field("ipv6_address_mode", ipv6AddressMode)
    writer.field("subnetpool_id", nil as String?)
    writer.field("allocation_pools", pools) {
      $0.field("start", $1.start.description)
      $0.field("end", $1.end.description)
    }
    writer.field("dns_nameservers", dnsNameservers)
    writer.field("host_routes", hostRoutes) {
      $0.field("destination", $1.destination)
      $0.field("nexthop", $1.nexthop)
    }
  }
}
