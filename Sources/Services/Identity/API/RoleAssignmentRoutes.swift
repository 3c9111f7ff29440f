import API
import Auth
import Kit
import Store

/// The list of all role assignments.
struct RoleAssignmentRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    [
      Route(
        .get, "/v3/role_assignments", Permission("identity:list_role_assignments", .systemReader), query: Self.query
      ) {
        try await list($0)
      }
    ]
  }

  private static let query = QueryShape(
    [
      "user.id", "group.id", "role.id", "scope.project.id", "scope.domain.id", "scope.system",
      "scope.OS-INHERIT:inherited_to",
    ] + ["effective", "include_names", "include_subtree"].map { .init($0, .boolean) }, others: .ignored)

  /// Rows read at once at the most.
  private static let rowsMax = 1000

  private func list(_ call: Call) async throws -> Reply {
    let query = call.query
    var list = RoleAssignmentList()
    list.effective = try query.bool("effective") ?? false
    list.userID = query["user.id"]
    list.groupID = query["group.id"]
    list.roleID = query["role.id"]
    list.projectID = query["scope.project.id"]
    list.domainID = query["scope.domain.id"]
    list.system = query.has("scope.system")
    list.withSubtree = try query.bool("include_subtree") ?? false
    try check(list)
    let names = try query.bool("include_names") ?? false
    // No assignment of ours is inherited by projects below.
    let none = query["scope.OS-INHERIT:inherited_to"] != nil
    let asked = list
    var trailer = JSONWriter()
    trailer.object { json in
      json.field("links") {
        $0.field("next", nil as String?)
        $0.field("self", call.baseURL + call.path)
        $0.field("previous", nil as String?)
      }
    }
    return try await Reply.list(
      "role_assignments", trailer: [UInt8(ascii: ",")] + trailer.bytes.dropFirst().dropLast()
    ) { (offset: Int?) in
      try await core.store.read { tx in
        let rows = none ? [] : try asked.read(tx, offset: offset ?? 0, count: Self.rowsMax)
        let elements = JSONWriter.elements(rows) { json, row in
          json.object { Self.write(&$0, row, names: names, call) }
        }
        return (elements, rows.count == Self.rowsMax ? (offset ?? 0) + rows.count : nil)
      }
    }
  }

  private func check(_ list: RoleAssignmentList) throws {
    let scopes = [list.projectID != nil, list.domainID != nil, list.system].filter { $0 }.count
    guard scopes < 2 else { throw Fault.badRequest("Name one of project, domain and system.") }
    guard list.userID == nil || list.groupID == nil else { throw Fault.badRequest("Name a user or a group, not both.") }
    guard !list.effective || list.groupID == nil else {
      throw Fault.badRequest("Effective assignments are users', never a group's.")
    }
    guard !list.withSubtree || list.projectID != nil else {
      throw Fault.badRequest("include_subtree needs scope.project.id.")
    }
  }

  private static func write(
    _ json: inout JSONWriter, _ row: RoleAssignmentList.Assignment, names: Bool, _ call: Call
  ) {
    json.field("role") {
      $0.field("id", row.role.id)
      if names { $0.field("name", row.role.name) }
    }
    if let user = row.user { json.field("user") { party(&$0, user, names: names) } }
    if let group = row.group { json.field("group") { party(&$0, group, names: names) } }
    json.field("scope") { json in
      guard let target = row.target else { return json.field("system") { $0.field("all", true) } }
      if row.targetIsDomain {
        json.field("domain") {
          $0.field("id", target.id)
          if names { $0.field("name", target.name) }
        }
      } else {
        json.field("project") { party(&$0, target, names: names) }
      }
    }
    json.field("links") { json in
      let target = row.target.map { (row.targetIsDomain ? "/domains/" : "/projects/") + $0.id } ?? "/system"
      let actor =
        (row.group?.id ?? row.viaGroupID).map { "/groups/" + $0 } ?? row.user.map { "/users/" + $0.id } ?? ""
      json.field("assignment", call.link(target + actor + "/roles/" + (row.priorRoleID ?? row.role.id)))
      if let group = row.viaGroupID, let user = row.user {
        json.field("membership", call.link("/groups/\(group)/users/\(user.id)"))
      }
      if let prior = row.priorRoleID {
        json.field("prior_role", call.link("/prior_role/\(prior)/implies/\(row.role.id)"))
      }
    }
  }

  private static func party(_ json: inout JSONWriter, _ party: RoleAssignmentList.Party, names: Bool) {
    json.field("id", party.id)
    guard names else { return }
    json.field("name", party.name)
    json.named("domain", id: party.domainID, party.domainName)
  }
}
