import API
import Auth
import Kit
import Store

/// Groups of users.
struct GroupRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    let one = "/v3/groups/{group_id}"
    let member = "/v3/groups/{group_id}/users/{user_id}"
    return [
      Route(
        .get, "/v3/groups", .identity("list_groups", IdentityPolicy.adminOrSystemReaderOrDomainReader),
        query: .list(Self.filters.parameters)
      ) { try await list($0) },
      Route(
        .post, "/v3/groups", .identity("create_group", IdentityPolicy.adminOrDomainManager), query: .unread,
        body: .needed(.group(changes: false))
      ) { try await create($0) },
      Route(.get, one, .identity("get_group", IdentityPolicy.adminOrSystemReaderOrDomainReader), query: .unread) {
        try await show($0)
      },
      Route(
        .patch, one, .identity("update_group", IdentityPolicy.adminOrDomainManager), query: .unread,
        body: .needed(.group(changes: true))
      ) { try await update($0) },
      // Keystone says of this to everybody whether the group is there, before it looks at rights.
      Route(
        .delete, one,
        .identity("delete_group", IdentityPolicy.adminOrDomainManager + IdentityPolicy.untilFound), query: .careful
      ) { try await delete($0) },
      Route(
        .get, member, .identity("check_user_in_group", IdentityPolicy.adminOrSystemReaderOrDomainReader),
        query: .unread
      ) { try await check($0) },
      Route(.put, member, .identity("add_user_to_group", IdentityPolicy.adminOrDomainManager), query: .unread) {
        try await add($0)
      },
      Route(
        .delete, member, .identity("remove_user_from_group", IdentityPolicy.adminOrDomainManager), query: .forced
      ) { try await remove($0) },
      Route(
        .get, "/v3/users/{user_id}/groups",
        .identity("list_groups_for_user", IdentityPolicy.adminOrSystemReaderOrDomainReaderOrOwner),
        query: .list(Self.filters.parameters)
      ) { try await listOfUser($0) },
    ]
  }

  private static let filters: TextFilters = ["domain_id": "g.domain_id", "name": "g.name"]

  private func conditions(_ call: Call) -> [SQL] {
    Self.filters.conditions(call.query) + (call.listedDomain.map { ["g.domain_id = \($0)"] } ?? [])
  }

  private func list(_ call: Call) async throws -> Reply {
    try await Directories(core: core).refresh()
    let fixed = conditions(call)
    return try await call.list("groups", from: core.store, read: { try GroupTable.list($0, fixed, $1) }, id: \.id) {
      $0.group($1, call)
    }
  }

  private func listOfUser(_ call: Call) async throws -> Reply {
    let id = try call.parameter("user_id")
    let user = try await core.store.read { tx in try UserTable.find(tx, id) }
    try call.require(on: user?.policyTarget)
    guard user != nil else { throw Fault.noSuch("user", id) }
    let fixed =
      conditions(call) + ["g.id IN (SELECT m.group_id FROM identity_group_member m WHERE m.user_id = \(id))"]
    return try await call.list("groups", from: core.store, read: { try GroupTable.list($0, fixed, $1) }, id: \.id) {
      $0.group($1, call)
    }
  }

  private static func found(_ tx: Transaction, _ id: String, _ call: Call) throws -> Group {
    let found = try GroupTable.find(tx, id)
    try call.require(on: found?.policyTarget)
    guard let found else { throw Fault.noSuch("group", id) }
    return found
  }

  private func show(_ call: Call) async throws -> Reply {
    let id = try call.parameter("group_id")
    try await Directories(core: core).refresh()
    let group = try await core.store.read { tx in try Self.found(tx, id, call) }
    return Reply.one(200, "group") { $0.group(group, call) }
  }

  private func create(_ call: Call) async throws -> Reply {
    let fields = try call.object("group")
    var group = Group(
      id: Identifier.hex(), domainID: try call.domainOfNew(try fields.optionalString("domain_id", 1...64)),
      name: try fields.strippedName(64), description: try fields.description() ?? "", extra: [:])
    group.extra = fields.newExtra()
    let made = group
    try await core.write("group") { tx in
      guard try ProjectTable.domain(tx, made.domainID) != nil else { throw Fault.noSuch("domain", made.domainID) }
      try Directories.requireWritable(tx, domainID: made.domainID)
      try GroupTable.insert(tx, made)
    }
    return Reply.one(201, "group") { $0.group(made, call) }
  }

  private func update(_ call: Call) async throws -> Reply {
    let id = try call.parameter("group_id")
    let fields = try call.object("group")
    try fields.sameID(id)
    let name = try fields.newStrippedName(64)
    let description = try fields.description()
    let domain = try fields.patchString("domain_id", 1...64)
    let extra = fields.newExtra()
    let changed = try await core.write("group") { tx in
      var group = try Self.found(tx, id, call)
      try Directories.requireWritable(tx, group: id)
      guard domain.isAbsent || domain.value == group.domainID else {
        throw Fault.badRequest("A group's domain_id cannot be changed.")
      }
      group.name = name ?? group.name
      group.description = description ?? group.description
      group.extra.merge(extra) { $1 }
      try GroupTable.update(tx, group)
      return group
    }
    return Reply.one(200, "group") { $0.group(changed, call) }
  }

  private func delete(_ call: Call) async throws -> Reply {
    let id = try call.parameter("group_id")
    return try await core.delete(call, .group, id) { tx in
      guard let group = try GroupTable.find(tx, id) else { throw Fault.noSuch("group", id) }
      try call.require(on: group.policyTarget)
      try Directories.requireWritable(tx, group: id)
    }
  }

  // MARK: Members

  /// The group and the user of the path, once the caller may see or change this membership: in its own domain only
  /// where both belong to it. Throws `Fault` 403, 404.
  private static func membership(_ tx: Transaction, _ call: Call) throws -> (group: String, user: String) {
    let (groupID, userID) = (try call.parameter("group_id"), try call.parameter("user_id"))
    let (group, user) = (try GroupTable.find(tx, groupID), try UserTable.find(tx, userID))
    let domains = [group?.domainID, user?.domainID].compactMap { $0 }
    try call.require(on: domains.count == 2 ? PolicyTarget(domainIDs: domains) : nil)
    guard group != nil else { throw Fault.noSuch("group", groupID) }
    guard user != nil else { throw Fault.noSuch("user", userID) }
    return (groupID, userID)
  }

  private func check(_ call: Call) async throws -> Reply {
    try await core.store.read { tx in
      let (group, user) = try Self.membership(tx, call)
      guard try GroupTable.isMember(tx, group, user) else { throw Fault.noSuch("user in the group", user) }
    }
    return .done
  }

  private func add(_ call: Call) async throws -> Reply {
    try await core.store.write { tx in
      let (group, user) = try Self.membership(tx, call)
      try Directories.requireWritable(tx, group: group)
      try GroupTable.addMember(tx, group, user)
    }
    return .done
  }

  private func remove(_ call: Call) async throws -> Reply {
    try await core.writeKeepingAdministrators(call) { tx in
      let (group, user) = try Self.membership(tx, call)
      try Directories.requireWritable(tx, group: group)
      guard try GroupTable.removeMember(tx, group, user) else { throw Fault.noSuch("user in the group", user) }
    }
    return .done
  }
}

extension JSONWriter {
  mutating func group(_ group: Group, _ call: Call) {
    object {
      $0.field("id", group.id)
      $0.field("name", group.name)
      $0.field("domain_id", group.domainID)
      $0.field("description", group.description)
      $0.extra(group.extra)
      $0.links(call.link("/groups/\(group.id)"))
    }
  }
}
