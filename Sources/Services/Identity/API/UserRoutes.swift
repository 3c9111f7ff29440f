import API
import Auth
import Kit
import Store

/// Users and their passwords.
struct UserRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    let one = "/v3/users/{user_id}"
    return [
      Route(.get, "/v3/users", Permission("identity:list_users", .systemReader), query: .users) {
        try await list($0, [])
      },
      Route(
        .post, "/v3/users", Permission("identity:create_user", .admin), query: .unread,
        body: .needed(.user(changes: false))
      ) { try await create($0) },
      Route(.get, one, Permission("identity:get_user", .authenticated), query: .unread) { try await show($0) },
      Route(
        .patch, one, Permission("identity:update_user", .admin), query: .unread, body: .needed(.user(changes: true))
      ) { try await update($0) },
      Route(.delete, one, Permission("identity:delete_user", .admin), query: .unread) { try await delete($0) },
      .undelegated(
        .post, one + "/password", Permission("identity:change_password", .authenticated), query: .unread,
        body: .needed(.passwordChange)
      ) {
        try await changePassword($0)
      },
      Route(
        .get, "/v3/groups/{group_id}/users", Permission("identity:list_users_in_group", .systemReader), query: .users
      ) {
        try await listOfGroup($0)
      },
    ]
  }

  static let filters: TextFilters = ["domain_id": "u.domain_id", "name": "u.name"]

  private func list(_ call: Call, _ more: [SQL]) async throws -> Reply {
    var conditions = more + Self.filters.conditions(call.query)
    // Nobody here comes from elsewhere, and no password ends by itself: nobody is found by these.
    if ["idp_id", "protocol_id", "unique_id", "password_expires_at"].contains(where: call.query.has) {
      conditions.append("1 = 0")
    }
    if let enabled = try call.query.bool("enabled") { conditions.append("u.enabled = \(enabled)") }
    let fixed = conditions
    return try await call.list("users", from: core.store, read: { try UserTable.list($0, fixed, $1) }, id: \.id) {
      $0.user($1, call)
    }
  }

  private func listOfGroup(_ call: Call) async throws -> Reply {
    let group = try call.parameter("group_id")
    guard try await core.store.read({ tx in try GroupTable.find(tx, group) }) != nil else {
      throw Fault.noSuch("group", group)
    }
    return try await list(
      call, ["u.id IN (SELECT m.user_id FROM identity_group_member m WHERE m.group_id = \(group))"])
  }

  private func create(_ call: Call) async throws -> Reply {
    let fields = try call.object("user")
    var user = User(
      id: Identifier.hex(),
      domainID: try fields.optionalString("domain_id", 1...64)
        ?? call.principal().scope.domainID ?? Bootstrap.domainID,
      name: try fields.name(255), enabled: try fields.flag("enabled") ?? true,
      defaultProjectID: try fields.optionalString("default_project_id", 1...64),
      options: try fields.userOptions(over: [:]), extra: [:])
    let password = try fields.password("password")
    user.extra = fields.newExtra()
    let made = user
    let hash = try await password.asyncMap(core.hasher.hash)
    try await core.write("user") { tx in
      guard try ProjectTable.domain(tx, made.domainID) != nil else { throw Fault.noSuch("domain", made.domainID) }
      try UserTable.insert(tx, made, passwordHash: hash)
    }
    return Reply.one(201, "user") { $0.user(made, call) }
  }

  private func show(_ call: Call) async throws -> Reply {
    let id = try call.parameter("user_id")
    try call.requireSelfOrReader(id, "identity:get_user")
    let found = try await core.store.read { tx in try UserTable.find(tx, id) }
    guard let found else { throw Fault.noSuch("user", id) }
    return Reply.one(200, "user") { $0.user(found, call) }
  }

  /// A new password or disabling voids the user's tokens at once.
  private func update(_ call: Call) async throws -> Reply {
    let id = try call.parameter("user_id")
    let fields = try call.object("user")
    let patch = try UserPatch(fields)
    let hash = try await patch.password.asyncMap(core.hasher.hash)
    let changed = try await core.write("user") { tx in
      guard let old = try UserTable.find(tx, id) else { throw Fault.noSuch("user", id) }
      let user = try patch.applied(to: old)
      try UserTable.update(tx, user)
      if patch.setsPassword { try UserTable.setPassword(tx, id, hash: hash) }
      if old.enabled && !user.enabled { try UserTable.voidTokens(tx, id) }
      return user
    }
    return Reply.one(200, "user") { $0.user(changed, call) }
  }

  private func delete(_ call: Call) async throws -> Reply {
    let id = try call.parameter("user_id")
    try await core.store.write { tx in
      guard try UserTable.find(tx, id) != nil else { throw Fault.noSuch("user", id) }
      try UserTable.delete(tx, id)
    }
    return .done
  }

  /// A user's own change; the present password is asked for as at a login, lockout included.
  private func changePassword(_ call: Call) async throws -> Reply {
    let id = try call.parameter("user_id")
    try call.requireSelf(id, "identity:change_password")
    let fields = try call.object("user")
    let original = Secret(try fields.string("original_password", 0...65536))
    guard let password = try fields.password("password") else { throw fields.invalid("password", "it is required") }
    let (_, oldHash) = try await LoginRules(core: core).check(.init(user: .id(id), password: original))
    let hash = try await core.hasher.hash(password)
    try await core.store.write { tx in
      guard let user = try UserTable.login(tx, id), user.passwordHash == oldHash else { throw LoginRules.refusal }
      guard user.options["lock_password"] != .bool(true) else {
        throw Fault.forbidden("The user's password is locked.")
      }
      try UserTable.setPassword(tx, id, hash: hash)
    }
    return .done
  }
}

extension JSONWriter {
  mutating func user(_ user: User, _ call: Call) {
    object {
      $0.field("id", user.id)
      $0.field("name", user.name)
      $0.field("domain_id", user.domainID)
      $0.field("enabled", user.enabled)
      if let project = user.defaultProjectID { $0.field("default_project_id", project) }
      $0.field("password_expires_at", nil as String?)
      $0.field("options", .object(user.options))
      $0.extra(user.extra)
      $0.links(call.link("/users/\(user.id)"))
    }
  }
}

extension Optional where Wrapped: Sendable {
  /// `map` with a transform that waits.
  func asyncMap<T: Sendable>(_ transform: (Wrapped) async throws -> T) async rethrows -> T? {
    guard let self else { return nil }
    return try await transform(self)
  }
}
