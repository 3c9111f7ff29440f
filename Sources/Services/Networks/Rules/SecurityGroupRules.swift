import API
import Auth
import Kit
import Store

/// What may be done with security groups.
enum SecurityGroupRules {
  static func create(_ change: Change, _ call: Call, _ fields: JSONFields, _ projectID: String) throws -> SecurityGroup
  {
    var group = SecurityGroup(standard: StandardAttributes(projectID: projectID))
    try group.standard.readNames(fields)
    if group.standard.name == SecurityGroup.defaultName {
      throw Fault.conflict("Default security group already exists.", type: "SecurityGroupDefaultAlreadyExists")
    }
    if let stateful = try fields.optionalBool("stateful", lenient: true) { group.stateful = stateful }
    try change.tx.insert(group)
    try change.addEgress(to: group)
    return group
  }

  static func update(_ change: Change, _ call: Call, _ group: inout SecurityGroup, _ fields: JSONFields) throws {
    if group.isDefault, group.standard.name != SecurityGroup.defaultName {
      throw Fault.conflict("Updating default security group not allowed.", type: "SecurityGroupCannotUpdateDefault")
    }
    if !group.isDefault, group.standard.name == SecurityGroup.defaultName {
      throw Fault.conflict("Default security group already exists.", type: "SecurityGroupDefaultAlreadyExists")
    }
    if let stateful = try fields.optionalBool("stateful", lenient: true), stateful != group.stateful {
      try refuseUsed(change, group)
      group.stateful = stateful
    }
    change.groups.insert(group.id)
  }

  static func delete(_ change: Change, _ call: Call, _ group: SecurityGroup) throws {
    if group.isDefault, !Scope(try call.principal()).isAdmin {
      throw Fault.conflict(
        "Insufficient rights for removing default security group.", type: "SecurityGroupCannotRemoveDefault")
    }
    try refuseUsed(change, group)
    // Rules of other groups that name it go with it: their groups change.
    let naming = try change.tx.load(SecurityGroupRule.self, "remote_group_id = \(group.id)")
    for rule in naming + group.rules {
      change.groups.insert(rule.groupID)
      if let remote = rule.remoteGroupID { change.groups.insert(remote) }
    }
    for rule in naming where rule.groupID != group.id {
      try change.tx.remove(rule)
      try change.tx.touch(SecurityGroup.self, id: rule.groupID)
    }
    change.groups.insert(group.id)
    try change.tx.remove(group)
  }

  private static func refuseUsed(_ change: Change, _ group: SecurityGroup) throws {
    if try change.tx.exists("SELECT 1 FROM port_security_group WHERE group_id = \(group.id) LIMIT 1") {
      throw Fault.conflict("Security Group \(group.id) in use.", type: "SecurityGroupInUse")
    }
  }
}

extension Change {
  /// The project's default group, made where it is not there: it lets in its own members and lets out everything.
  func defaultGroup(_ projectID: String) throws -> String {
    if let id = try SecurityGroup.defaultID(tx, projectID) { return id }
    var group = SecurityGroup(
      standard: StandardAttributes(projectID: projectID, name: SecurityGroup.defaultName), isDefault: true)
    group.standard.description = "Default security group"
    try tx.insert(group)
    try addEgress(to: group)
    for ethertype in ["IPv4", "IPv6"] {
      var rule = SecurityGroupRule(
        standard: StandardAttributes(projectID: projectID), groupID: group.id, direction: "ingress",
        ethertype: ethertype)
      rule.remoteGroupID = group.id
      try tx.insert(rule)
    }
    return group.id
  }

  /// The two rules a new group begins with: everything may leave.
  func addEgress(to group: SecurityGroup) throws {
    for ethertype in ["IPv4", "IPv6"] {
      try tx.insert(
        SecurityGroupRule(
          standard: StandardAttributes(projectID: group.standard.projectID), groupID: group.id, direction: "egress",
          ethertype: ethertype))
    }
  }
}

extension SecurityGroup {
  /// The id of a project's default group; nil before it was made.
  static func defaultID(_ tx: Transaction, _ projectID: String) throws -> String? {
    try tx.first("SELECT id FROM security_group WHERE project_id = \(projectID) AND is_default = 1") { $0.text(0) }
  }
}
