import Kit
import Store

extension SecurityGroup: StoredResource {
  static let kind = "security_group"
  static let singular = "security_group"
  static let plural = "security_groups"
  static let notFoundType = "SecurityGroupNotFound"
  static let columns = ["stateful", "is_default"]
  static let selection = StandardColumns.selection(columns, from: kind)
  static let listFields: [String: ListField] = [
    "stateful": .bool("stateful"),
    // No group is. A number alone would be the place of a column in ORDER BY.
    "shared": .bool("(0 + 0)"),
  ]

  static func visible(to projectID: String) -> SQL { "project_id = \(projectID)" }

  static func fill(_ tx: Transaction, _ records: inout [SecurityGroup]) throws {
    try tx.fillTags(&records)
    let rules = Dictionary(
      grouping: try tx.rows(
        SecurityGroupRule.self, ["group_id IN (\(list: records.map(\.id)))"], order: "ORDER BY group_id, created_at, id"
      ),
      by: \.groupID)
    for index in records.indices { records[index].rules = rules[records[index].id] ?? [] }
  }

  var values: [SQLValue] { [stateful.sqlValue, isDefault.sqlValue] }

  init(standard: StandardAttributes, row: any Row) throws {
    self.init(standard: standard, stateful: row.bool(7), isDefault: row.bool(8))
  }

  func encode(_ writer: inout ResourceWriter) {
    writer.field("stateful", stateful)
    writer.field("shared", false)
    let admin = writer.admin
    writer.list("security_group_rules", rules) { json, rule in
      var inner = ResourceWriter(admin: admin)
      inner.resource(rule)
      json.raw(inner.json.bytes)
    }
  }
}

extension SecurityGroupRule: StoredResource {
  static let kind = "security_group_rule"
  static let singular = "security_group_rule"
  static let plural = "security_group_rules"
  static let notFoundType = "SecurityGroupRuleNotFound"
  static let columns = [
    "group_id", "direction", "ethertype", "protocol", "port_min", "port_max", "remote_prefix", "remote_group_id",
  ]
  static let selection = StandardColumns.selection(columns, from: kind)
  static let listFields: [String: ListField] = [
    "security_group_id": .text("group_id"), "direction": .text("direction"), "ethertype": .text("ethertype"),
    "protocol": .optionalText("protocol"), "port_range_min": .int("port_min"), "port_range_max": .int("port_max"),
    "remote_ip_prefix": .optionalText("remote_prefix"), "remote_group_id": .optionalText("remote_group_id"),
  ]

  static func visible(to projectID: String) -> SQL {
    "group_id IN (SELECT id FROM security_group WHERE project_id = \(projectID))"
  }

  static func fill(_ tx: Transaction, _ records: inout [SecurityGroupRule]) throws {}

  var values: [SQLValue] {
    [
      .text(groupID), .text(direction), .text(ethertype), protocolName.map(SQLValue.text) ?? .null,
      portMin.map(\.sqlValue) ?? .null, portMax.map(\.sqlValue) ?? .null, remotePrefix.map(SQLValue.text) ?? .null,
      remoteGroupID.map(SQLValue.text) ?? .null,
    ]
  }

  init(standard: StandardAttributes, row: any Row) throws {
    self.init(
      standard: standard, groupID: row.text(7), direction: row.text(8), ethertype: row.text(9),
      protocolName: row.textOrNil(10), portMin: row.intOrNil(11), portMax: row.intOrNil(12),
      remotePrefix: row.textOrNil(13), remoteGroupID: row.textOrNil(14))
  }

  func encode(_ writer: inout ResourceWriter) {
    writer.field("security_group_id", groupID)
    writer.field("direction", direction)
    writer.field("ethertype", ethertype)
    writer.field("protocol", protocolName)
    writer.field("port_range_min", portMin)
    writer.field("port_range_max", portMax)
    writer.field("remote_ip_prefix", remotePrefix)
    writer.field("normalized_cidr", remotePrefix)
    writer.field("remote_group_id", remoteGroupID)
    writer.field("remote_address_group_id", nil as String?)
  }
}
