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
        .get, "/v3/role_assignments",
        .identity("list_role_assignments", IdentityPolicy.adminOrSystemReaderOrDomainReader), query: Self.query
      ) { try await list($0) }
    ]
  }

  private static let query = QueryShape(
    [
      "user.id", "group.id", "role.id", "scope.project.id", "scope.domain.id", "scope.system",
      "scope.OS-INHERIT:inherited_to", "marker", QueryShape.Parameter("limit", .natural),
    ] + ["effective", "include_names", "include_subtree"].map { .init($0, .boolean) }, others: .ignored)

  /// Rows read at once at the most. What is in effect is computed anew for each reading.
  private static let rowsMax = 1000
  private static let effectiveRowsMax = 5000

  private func list(_ call: Call) async throws -> Reply {
    let list = try await asked(call)
    try check(list)
    let rowsMax = list.effective ? Self.effectiveRowsMax : Self.rowsMax
    let page = try call.page(default: nil, maximum: nil)
    let start = try page.marker.map { try Self.position($0, effective: list.effective) }
    let elements: @Sendable ([RoleAssignmentList.Assignment]) -> [UInt8] = { rows in
      JSONWriter.elements(rows) { json, row in json.object { Self.write(&$0, row, names: list.withNames, call) } }
    }
    if let limit = page.limit.map({ min($0, rowsMax) }) {
      let (found, next) = try await core.store.read { tx in try list.read(tx, from: start, count: limit) }
      let trailer = Self.trailer(call, next: next.map { call.nextPage(marker: Self.marker($0)) })
      return try await Reply.list("role_assignments", trailer: trailer) { (_: Int?) in (elements(found), nil) }
    }
    return try await Reply.list("role_assignments", trailer: Self.trailer(call, next: nil)) {
      (position: RoleAssignmentList.Position?) in
      try await core.store.read { tx in
        let (found, next) = try list.read(tx, from: position ?? start, count: rowsMax)
        return (elements(found), next)
      }
    }
  }

  /// What the query asks for, as far as the caller may see it. A token of a domain sees that domain's; a tree is seen
  /// by who may see its root's domain. Throws `Fault` 403.
  private func asked(_ call: Call) async throws -> RoleAssignmentList {
    let query = call.query
    var list = RoleAssignmentList()
    list.effective = try query.bool("effective") ?? false
    list.withNames = try query.bool("include_names") ?? false
    list.userID = query["user.id"]
    list.groupID = query["group.id"]
    list.roleID = query["role.id"]
    list.projectID = query["scope.project.id"]
    list.domainID = query["scope.domain.id"]
    list.system = query["scope.system"] == "all"
    list.inherited = query["scope.OS-INHERIT:inherited_to"].map { $0 == "projects" }
    list.withSubtree = try query.bool("include_subtree") ?? false
    guard list.withSubtree else {
      list.confinedTo = call.confinedToDomain
      return list
    }
    let root = list.projectID
    let domain = try await core.store.read { tx in
      try root.flatMap { try ProjectTable.forToken(tx, $0, isDomain: false)?.domainID }
    }
    try call.require(on: domain.map { PolicyTarget(domainIDs: [$0]) })
    if let root, domain == nil { throw Fault.noSuch("project", root) }
    return list
  }

  private func check(_ list: RoleAssignmentList) throws {
    let scopes = [list.projectID != nil, list.domainID != nil, list.system].filter { $0 }.count
    guard scopes < 2 else { throw Fault.badRequest("Name one of project, domain and system.") }
    guard list.userID == nil || list.groupID == nil else { throw Fault.badRequest("Name a user or a group, not both.") }
    guard !list.effective || list.groupID == nil else {
      throw Fault.badRequest("Effective assignments are users', never a group's.")
    }
    guard !list.effective || list.domainID == nil || list.inherited != true else {
      throw Fault.badRequest("No effective assignment on a domain is inherited.")
    }
    guard !list.withSubtree || list.projectID != nil else {
      throw Fault.badRequest("include_subtree needs scope.project.id.")
    }
  }

  // MARK: Pages

  private static func trailer(_ call: Call, next: String?) -> [UInt8] {
    var trailer = JSONWriter()
    trailer.object { json in
      json.field("links") {
        $0.field("next", next)
        $0.field("self", call.baseURL + call.path)
        $0.field("previous", nil as String?)
      }
    }
    return [UInt8(ascii: ",")] + trailer.bytes.dropFirst().dropLast()
  }

  private static func marker(_ position: RoleAssignmentList.Position) -> String {
    let value: JSONValue =
      switch position {
      case .after(let key): .array(key.map { .string($0) })
      case .offset(let number): .int(number)
      }
    return Base64URL.encode(Array(value.text.utf8))
  }

  /// Throws `Fault` 400 for a marker that is none of ours.
  private static func position(_ marker: String, effective: Bool) throws -> RoleAssignmentList.Position {
    let value = Base64URL.decode(marker).flatMap { try? JSONValue(parsing: $0) }
    if effective, let offset = value?.int, offset >= 0 { return .offset(offset) }
    let key = value?.array?.compactMap(\.string) ?? []
    guard !effective, key.count == RoleAssignmentList.keyCount else {
      throw Fault.badRequest("The marker is not one of this list.")
    }
    return .after(key)
  }

  // MARK: Bodies

  private static func write(
    _ json: inout JSONWriter, _ row: RoleAssignmentList.Assignment, names: Bool, _ call: Call
  ) {
    json.field("role") { json in
      json.field("id", row.role.id)
      if names {
        json.field("name", row.role.name)
        if let domain = row.roleDomain { json.named("domain", id: domain.id, domain.name) }
      }
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
      if row.inherited { json.field("OS-INHERIT:inherited_to", "projects") }
    }
    json.field("links") { links(&$0, row, call) }
  }

  /// Where the assignment was made, and how it came to the user, in Keystone's words.
  private static func links(_ json: inout JSONWriter, _ row: RoleAssignmentList.Assignment, _ call: Call) {
    let place =
      row.source.map { ($0.isDomain ? "/domains/" : "/projects/") + $0.id }
      ?? row.target.map { (row.targetIsDomain ? "/domains/" : "/projects/") + $0.id } ?? "/system"
    let actor = (row.group?.id ?? row.viaGroupID).map { "/groups/" + $0 } ?? row.user.map { "/users/" + $0.id } ?? ""
    let grant = place + actor + "/roles/" + (row.priorRoleID ?? row.role.id)
    json.field(
      "assignment", call.link(row.inherited ? "/OS-INHERIT\(grant)/inherited_to_projects" : grant))
    if let group = row.viaGroupID, let user = row.user {
      json.field("membership", call.link("/groups/\(group)/users/\(user.id)"))
    }
    if let prior = row.priorRoleID {
      // The implied role first, as Keystone writes it.
      json.field("prior_role", call.link("/prior_role/\(row.role.id)/implies/\(prior)"))
    }
  }

  private static func party(_ json: inout JSONWriter, _ party: RoleAssignmentList.Party, names: Bool) {
    json.field("id", party.id)
    guard names else { return }
    json.field("name", party.name)
    json.named("domain", id: party.domainID, party.domainName)
  }
}
