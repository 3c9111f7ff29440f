import API
import Auth
import Kit
import Store

/// A user's application credentials. All are `undelegated`.
struct ApplicationCredentialRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    let list = "/v3/users/{user_id}/application_credentials"
    let one = list + "/{application_credential_id}"
    return [
      .undelegated(
        .get, list, .identity("list_application_credentials", IdentityPolicy.adminOrSystemReaderOrOwner),
        of: .applicationCredentials, query: .list(Self.filters.parameters)
      ) { try await self.list($0) },
      .undelegated(
        .post, list, .identity("create_application_credential", IdentityPolicy.owner), of: .applicationCredentials,
        query: .unread, body: .needed(.applicationCredential)
      ) { try await create($0) },
      .undelegated(
        .get, one, .identity("get_application_credential", IdentityPolicy.adminOrSystemReaderOrOwner),
        of: .applicationCredentials, query: .unread
      ) { try await show($0) },
      .undelegated(
        .delete, one, .identity("delete_application_credential", IdentityPolicy.adminOrOwner),
        of: .applicationCredentials, query: .unread
      ) { try await delete($0) },
    ]
  }

  private static let filters: TextFilters = ["name": "c.name"]

  private func list(_ call: Call) async throws -> Reply {
    let user = try call.parameter("user_id")
    try call.require(on: PolicyTarget(userIDs: [user]))
    let fixed: [SQL] = ["c.user_id = \(user)"] + Self.filters.conditions(call.query)
    return try await call.list(
      "application_credentials", from: core.store, read: { try ApplicationCredentialTable.list($0, fixed, $1) },
      id: \.id
    ) { $0.applicationCredential($1, call) }
  }

  /// The one of the path, which the caller may use as the route says. It is the owner in the store that counts: who
  /// names itself in the path of another's gets 403. Throws `Fault` 403, 404.
  private func found(_ tx: Transaction, _ call: Call) throws -> ApplicationCredential {
    let user = try call.parameter("user_id")
    let id = try call.parameter("application_credential_id")
    let found = try ApplicationCredentialTable.find(tx, id)
    try call.require(on: PolicyTarget(userIDs: [found?.userID ?? user]))
    guard let found, found.userID == user else { throw Fault.noSuch("application credential", id) }
    return found
  }

  private func show(_ call: Call) async throws -> Reply {
    let found = try await core.store.read { tx in try self.found(tx, call) }
    return Reply.one(200, "application_credential") { $0.applicationCredential(found, call) }
  }

  private func delete(_ call: Call) async throws -> Reply {
    try await core.store.write { tx in
      let found = try self.found(tx, call)
      _ = try ApplicationCredentialTable.delete(tx, user: found.userID, found.id)
    }
    return .done
  }

  // MARK: Creating

  /// Only a user itself makes one, for the project of its token and with roles its token has.
  private func create(_ call: Call) async throws -> Reply {
    let user = try call.parameter("user_id")
    try call.require(on: PolicyTarget(userIDs: [user]))
    let caller = try call.principal()
    guard let project = caller.projectID else {
      throw Fault.forbidden("An application credential needs a token with a project.")
    }
    let fields = try call.object("application_credential")
    let secret =
      try fields.optionalString("secret", 1...PasswordHasher.passwordBytesMax)
      ?? Base64URL.encode((0..<64).map { _ in UInt8.random(in: 0...255) })
    guard secret.utf8.count <= PasswordHasher.passwordBytesMax else {
      throw fields.invalid("secret", "it is longer than \(PasswordHasher.passwordBytesMax) bytes")
    }
    if let asked = try fields.optionalString("project_id", 1...64), asked != project {
      throw fields.invalid("project_id", "it must be the token's project")
    }
    // None is asked for with an empty list, as in Keystone.
    let rules = try fields.optionalObjects("access_rules", countMax: AccessRuleInput.countMax)?.map(
      AccessRuleInput.init)
    let asked = try roles(fields, caller)
    let plain = ApplicationCredential(
      id: Identifier.hex(), userID: user, name: try fields.name(255), projectID: project,
      description: try fields.description(), expiresAt: try expiry(fields),
      unrestricted: try fields.flag("unrestricted") ?? false)
    let hash = try await core.hasher.hash(Secret(secret))
    let made = try await core.write("application credential") { tx in
      var made = plain
      made.roles = try Self.whole(tx, asked, of: caller)
      if let rules, !rules.isEmpty {
        // Two that say the same are one.
        made.accessRules = try rules.reduce(into: []) { all, rule in
          let rule = try rule.resolved(tx, user: user)
          if !all.contains(rule) { all.append(rule) }
        }
      }
      try DelegationRules.bound(tx, &made, by: caller)
      try ApplicationCredentialTable.insert(tx, made, secretHash: hash)
      return made
    }
    return Reply.one(201, "application_credential") { $0.applicationCredential(made, call, secret: secret) }
  }

  private func expiry(_ fields: JSONFields) throws -> Timestamp? {
    guard let text = try fields.optionalString("expires_at") else { return nil }
    guard let moment = Timestamp(iso8601: text) else { throw fields.invalid("expires_at", "it must be a time") }
    guard moment > core.now() else { throw fields.invalid("expires_at", "it has passed") }
    return moment
  }

  /// The roles asked for, by id or name, each one that the caller's token has; all of those where none is asked for.
  private func roles(_ fields: JSONFields, _ caller: Principal) throws -> [Named] {
    let own = caller.roles.map { Named(id: $0.id, name: $0.name) }
    guard let asked = try fields.optionalObjects("roles", countMax: 100), !asked.isEmpty else { return own }
    var chosen: [Named] = []
    for role in asked {
      let id = try role.optionalString("id", 1...64)
      let name = id == nil ? try role.string("name", 1...255) : nil
      guard let found = own.first(where: { $0.id == id || $0.name == name }) else {
        throw Fault.badRequest("The token does not have the role \((id ?? name ?? "").quoted).")
      }
      if !chosen.contains(found) { chosen.append(found) }
    }
    return chosen
  }

  /// The roles with those that they imply, as far as the caller's token has them.
  private static func whole(_ tx: Transaction, _ roles: [Named], of caller: Principal) throws -> [Named] {
    let ids = roles.map(\.id)
    let effective = try AssignmentTable.effectiveIDs(
      tx, "SELECT r.id FROM identity_role r WHERE r.id IN (\(list: ids))")
    let implied = caller.roles.filter { effective.contains($0.id) && !ids.contains($0.id) }
    return roles.filter { effective.contains($0.id) } + implied.map { Named(id: $0.id, name: $0.name) }
  }
}

extension JSONWriter {
  /// `secret` is shown once, when it is made.
  mutating func applicationCredential(_ credential: ApplicationCredential, _ call: Call, secret: String? = nil) {
    object {
      $0.field("id", credential.id)
      $0.field("name", credential.name)
      $0.field("description", credential.description)
      $0.field("user_id", credential.userID)
      $0.field("project_id", credential.projectID)
      $0.field("system", nil as String?)
      $0.field("expires_at", credential.expiresAt?.iso8601Naive)
      $0.field("unrestricted", credential.unrestricted)
      $0.field("roles", credential.roles) { json, role in
        json.object {
          $0.field("id", role.id)
          $0.field("name", role.name)
          $0.field("domain_id", nil as String?)
        }
      }
      if let rules = credential.accessRules {
        $0.field("access_rules", rules) { json, rule in json.object { $0.accessRuleMembers(rule) } }
      }
      if let secret { $0.field("secret", secret) }
      $0.links(call.link("/users/\(credential.userID)/application_credentials/\(credential.id)"))
    }
  }
}
