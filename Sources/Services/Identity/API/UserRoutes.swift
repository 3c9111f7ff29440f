import API
import Auth
import Kit
import Store

/// Users.
struct UserRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    let one = "/v3/users/{user_id}"
    return [
      Route(
        .get, "/v3/users", .identity("list_users", IdentityPolicy.adminOrSystemReaderOrDomainReader), query: .users
      ) { try await list($0, []) },
      Route(
        .post, "/v3/users", .identity("create_user", IdentityPolicy.adminOrDomainManager), query: .unread,
        body: .needed(.user(changes: false))
      ) { try await create($0) },
      Route(
        .get, one, .identity("get_user", IdentityPolicy.adminOrSystemReaderOrDomainReaderOrOwner), query: .unread
      ) { try await show($0) },
      Route(
        .patch, one, .identity("update_user", IdentityPolicy.adminOrDomainManager), query: .forced,
        body: .needed(.user(changes: true))
      ) { try await update($0) },
      Route(.delete, one, .identity("delete_user", IdentityPolicy.adminOrDomainManager), query: .careful) {
        try await delete($0)
      },
      Route(
        .get, "/v3/groups/{group_id}/users",
        .identity("list_users_in_group", IdentityPolicy.adminOrSystemReaderOrDomainReader), query: .users
      ) { try await listOfGroup($0) },
    ]
  }

  static let filters: TextFilters = ["domain_id": "u.domain_id", "name": "u.name"]

  private func list(_ call: Call, _ more: [SQL]) async throws -> Reply {
    try await Directories(core: core).refresh()
    var conditions = more + Self.filters.conditions(call.query)
    let elsewhere = ["idp_id", "protocol_id", "unique_id"].map { call.query[$0] }
    if elsewhere.contains(where: { $0 != nil }) {
      conditions.append(
        FederatedUserTable.condition(idp: elsewhere[0], protocol: elsewhere[1], uniqueID: elsewhere[2]))
    }
    if let end = call.query["password_expires_at"] { conditions.append(try Self.passwordEnd(end)) }
    if let enabled = try call.query.bool("enabled") { conditions.append("u.enabled = \(enabled)") }
    if let domain = call.listedDomain { conditions.append("u.domain_id = \(domain)") }
    let fixed = conditions
    return try await call.list("users", from: core.store, read: { try UserTable.list($0, fixed, $1) }, id: \.id) {
      $0.user(core.seen($1), call)
    }
  }

  /// `lt:2026-01-01T00:00:00Z`; a time alone is meant exactly. Who has no such end is never found.
  private static func passwordEnd(_ text: String) throws -> SQL {
    let colon = text.firstIndex(of: ":").flatMap { colon in
      QueryShape.passwordEndWords[String(text[..<colon])].map { (text.index(after: colon), $0) }
    }
    guard let moment = Timestamp(iso8601: String(text[(colon?.0 ?? text.startIndex)...])) else {
      throw Fault.badRequest("\(text.quoted) is not a time for password_expires_at.")
    }
    return "u.password_expires_at \(raw: colon?.1 ?? "=") \(moment)"
  }

  private func listOfGroup(_ call: Call) async throws -> Reply {
    let id = try call.parameter("group_id")
    let group = try await core.store.read { tx in try GroupTable.find(tx, id) }
    try call.require(on: group?.policyTarget)
    guard group != nil else { throw Fault.noSuch("group", id) }
    return try await list(
      call, ["u.id IN (SELECT m.user_id FROM identity_group_member m WHERE m.group_id = \(id))"])
  }

  private func create(_ call: Call) async throws -> Reply {
    let fields = try call.object("user")
    let domain = try call.domainOfNew(try fields.optionalString("domain_id", 1...64))
    let federation = try UserFederation(fields)
    var user = User(
      id: Identifier.hex(), domainID: domain, name: try fields.strippedName(255),
      enabled: try fields.flag("enabled") ?? true,
      defaultProjectID: try fields.optionalString("default_project_id", 1...64),
      options: try fields.userOptions(over: [:]), extra: [:])
    let password = try fields.password("password")
    user.extra = fields.newExtra()
    let asked = user
    let rules = PasswordRules(core: core)
    let hash = try await password.asyncMap(rules.hash)
    let made = try await core.write("user") { tx in
      guard try ProjectTable.domain(tx, domain) != nil else { throw Fault.noSuch("domain", domain) }
      try Directories.requireWritable(tx, domainID: domain)
      try Self.checkDefaultProject(tx, asked)
      try UserTable.insert(tx, asked, at: core.now())
      if hash != nil { try rules.set(tx, asked.id, hash: hash, selfService: false) }
      try federation?.store(tx, asked)
      return try UserTable.find(tx, asked.id) ?? asked
    }
    return Reply.one(201, "user") { $0.user(made, call, federation) }
  }

  /// A project that is a domain cannot be a default project. One that is not there can, as in Keystone.
  private static func checkDefaultProject(_ tx: Transaction, _ user: User) throws {
    guard let id = user.defaultProjectID, try ProjectTable.domain(tx, id) != nil else { return }
    throw Fault.badRequest("A user's default project cannot be a domain: \(id.quoted).")
  }

  private func show(_ call: Call) async throws -> Reply {
    try await Directories(core: core).refresh()
    let id = try call.parameter("user_id")
    let (found, identities) = try await core.store.read { tx in
      (try UserTable.find(tx, id), try FederatedUserTable.identities(tx, user: id))
    }
    try call.require(on: found?.policyTarget)
    guard let found else { throw Fault.noSuch("user", id) }
    return Reply.one(200, "user") { $0.user(core.seen(found), call, UserFederation(identities: identities)) }
  }

  /// A new password or disabling voids the user's tokens at once.
  private func update(_ call: Call) async throws -> Reply {
    let id = try call.parameter("user_id")
    // A password is hashed only for who may set it.
    try await core.store.read { tx in _ = try Self.found(tx, id, call) }
    let fields = try call.object("user")
    try fields.sameID(id)
    let patch = try UserPatch(fields)
    let rules = PasswordRules(core: core)
    let hash = try await patch.password.asyncMap(rules.hash)
    let (changed, identities) = try await core.writeKeepingAdministrators(call, "user") { tx in
      let old = try Self.found(tx, id, call)
      try Directories.requireWritable(tx, user: id)
      let user = try patch.applied(to: old)
      if user.defaultProjectID != old.defaultProjectID { try Self.checkDefaultProject(tx, user) }
      try UserTable.update(tx, user)
      if patch.setsPassword { try rules.set(tx, id, hash: hash, selfService: false) }
      if old.enabled && !user.enabled { try UserTable.voidTokens(tx, id) }
      if patch.enabled == true { try UserTable.readmit(tx, id, at: core.now()) }
      try patch.federation?.store(tx, user)
      return (try UserTable.find(tx, id) ?? user, try FederatedUserTable.identities(tx, user: id))
    }
    return Reply.one(200, "user") { $0.user(changed, call, UserFederation(identities: identities)) }
  }

  private static func found(_ tx: Transaction, _ id: String, _ call: Call) throws -> User {
    let found = try UserTable.find(tx, id)
    try call.require(on: found?.policyTarget)
    guard let found else { throw Fault.noSuch("user", id) }
    return found
  }

  private func delete(_ call: Call) async throws -> Reply {
    let id = try call.parameter("user_id")
    return try await core.delete(call, .user, id) { tx in
      _ = try Self.found(tx, id, call)
      try Directories.requireWritable(tx, user: id)
    }
  }
}

extension JSONWriter {
  /// `federation` is who the user is elsewhere: shown with a single user, where there is any.
  mutating func user(_ user: User, _ call: Call, _ federation: UserFederation? = nil) {
    object {
      $0.field("id", user.id)
      $0.field("name", user.name)
      $0.field("domain_id", user.domainID)
      $0.field("enabled", user.enabled)
      if let project = user.defaultProjectID { $0.field("default_project_id", project) }
      $0.field("password_expires_at", user.passwordExpiresAt?.iso8601Naive)
      $0.field("options", .object(user.options))
      if let federation, !federation.identities.isEmpty { $0.field("federated", federation.json) }
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
