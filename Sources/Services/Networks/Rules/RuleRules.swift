import API
import Auth
import Kit
import Store

/// What may be done with a security group's rules. There is no update.
enum RuleRules {
  static func create(
    _ change: Change, _ call: Call, _ fields: JSONFields, _ projectID: String
  ) throws -> SecurityGroupRule {
    let scope = Scope(try call.principal())
    let group = try change.tx.need(SecurityGroup.self, id: try fields.uuid("security_group_id"), in: scope)
    guard let direction = try fields.optionalChoice("direction", ["ingress", "egress"]) else {
      throw fields.invalid("direction", "it is required")
    }
    var rule = SecurityGroupRule(
      standard: StandardAttributes(projectID: group.standard.projectID), groupID: group.id, direction: direction)
    try rule.standard.readNames(fields, named: false)
    try readEthertype(fields, &rule)
    try readProtocol(fields, &rule)
    try readPorts(fields, &rule)
    try readRemote(change, fields, &rule, scope)
    try refuseDuplicate(change, rule)
    try change.tx.insert(rule)
    try change.tx.touch(SecurityGroup.self, id: group.id)
    change.groups.insert(group.id)
    return rule
  }

  static func delete(_ change: Change, _ call: Call, _ rule: SecurityGroupRule) throws {
    try change.tx.remove(rule)
    try change.tx.touch(SecurityGroup.self, id: rule.groupID)
    change.groups.insert(rule.groupID)
    if let remote = rule.remoteGroupID { change.groups.insert(remote) }
  }

  private static func readEthertype(_ fields: JSONFields, _ rule: inout SecurityGroupRule) throws {
    guard let text = try fields.optionalString("ethertype") else { return }
    switch text.lowercased() {
    case "ipv4": rule.ethertype = "IPv4"
    case "ipv6": rule.ethertype = "IPv6"
    default:
      throw Fault.badRequest(
        "Security group rule for ethertype \(text.quoted) not supported.", type: "SecurityGroupRuleInvalidEtherType")
    }
  }

  private static func readProtocol(_ fields: JSONFields, _ rule: inout SecurityGroupRule) throws {
    let value = fields.value("protocol")
    guard let value, !value.isNull else { return }
    guard let text = value.string ?? value.int.map(String.init) else {
      throw fields.invalid("protocol", "it must be a name or a number")
    }
    let name = text.lowercased()
    if IPProtocol.any.contains(name) {
      rule.protocolName = name == "any" ? nil : name
      return
    }
    guard let number = IPProtocol.number(name, ethertype: rule.ethertype) else {
      throw Fault.badRequest(
        "Security group rule protocol \(text.quoted) not supported.", type: "SecurityGroupRuleInvalidProtocol")
    }
    if rule.ethertype == "IPv4", IPProtocol.onlyIPv6.contains(number) {
      throw Fault.badRequest(
        "Invalid ethertype IPv4 for protocol \(text.quoted).", type: "SecurityGroupEthertypeConflictWithProtocol")
    }
    rule.protocolName = name
  }

  private static func readPorts(_ fields: JSONFields, _ rule: inout SecurityGroupRule) throws {
    rule.portMin = try fields.optionalInt("port_range_min", -1...65535, lenient: true).flatMap { $0 == -1 ? nil : $0 }
    rule.portMax = try fields.optionalInt("port_range_max", -1...65535, lenient: true).flatMap { $0 == -1 ? nil : $0 }
    guard rule.portMin != nil || rule.portMax != nil else { return }
    guard let number = rule.protocolNumber else {
      throw Fault.badRequest(
        "Must also specify protocol if port range is given.", type: "SecurityGroupProtocolRequiredWithPorts")
    }
    if number == 1 || number == 58 { return try checkICMP(rule) }
    guard IPProtocol.withPorts.contains(number) else {
      throw Fault.badRequest(
        "Ports cannot be specified for protocol \(rule.protocolName ?? "").",
        type: "SecurityGroupInvalidProtocolForPort")
    }
    guard let low = rule.portMin, let high = rule.portMax, low <= high else {
      throw Fault.badRequest(
        "For TCP/UDP protocols, port_range_min must be <= port_range_max", type: "SecurityGroupInvalidPortRange")
    }
    guard low > 0 else {
      throw Fault.badRequest("Invalid value for port \(low)", type: "SecurityGroupInvalidPortValue")
    }
  }

  private static func checkICMP(_ rule: SecurityGroupRule) throws {
    guard let type = rule.portMin else {
      throw Fault.badRequest(
        "ICMP code (port-range-max) is provided but ICMP type (port-range-min) is missing.",
        type: "SecurityGroupMissingIcmpType")
    }
    for value in [type, rule.portMax ?? 0] where !(0...255).contains(value) {
      throw Fault.badRequest(
        "Invalid value for ICMP type or code: \(value). It must be 0 to 255.", type: "SecurityGroupInvalidIcmpValue")
    }
  }

  private static func readRemote(
    _ change: Change, _ fields: JSONFields, _ rule: inout SecurityGroupRule, _ scope: Scope
  ) throws {
    if let value = fields.value("remote_address_group_id"), !value.isNull {
      throw fields.invalid("remote_address_group_id", "address groups are not available")
    }
    let prefix = try fields.optionalString("remote_ip_prefix", 0...64).flatMap { $0.isEmpty ? nil : $0 }
    let groupID = try fields.optionalUUID("remote_group_id")
    guard prefix == nil || groupID == nil else {
      throw Fault.badRequest(
        "Only one of remote_ip_prefix or remote_group_id or remote_address_group_id may be provided.",
        type: "SecurityGroupMultipleRemoteEntites")
    }
    if let prefix {
      guard let cidr = CIDR(prefix) else { throw fields.invalid("remote_ip_prefix", "\(prefix.quoted) is no CIDR") }
      guard cidr.version == (rule.ethertype == "IPv6" ? 6 : 4) else {
        throw Fault.badRequest(
          "Conflicting value ethertype \(rule.ethertype) for CIDR \(cidr)", type: "SecurityGroupRuleParameterConflict")
      }
      rule.remotePrefix = cidr.description
    }
    if let groupID {
      // A group of the rule's own project: an administrator's sight does not widen it.
      let remote = try change.tx.need(SecurityGroup.self, id: groupID, in: scope)
      guard remote.standard.projectID == rule.standard.projectID else { throw SecurityGroup.notFound(groupID) }
      rule.remoteGroupID = groupID
    }
  }

  private static func refuseDuplicate(_ change: Change, _ rule: SecurityGroupRule) throws {
    let same = try change.tx.rows(SecurityGroupRule.self, ["group_id = \(rule.groupID)"])
      .first { $0.sameness == rule.sameness }
    if let same {
      throw Fault.conflict(
        "Security group rule already exists. Rule id is \(same.id).", type: "SecurityGroupRuleExists")
    }
  }
}
