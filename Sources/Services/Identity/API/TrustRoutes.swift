import API
import Auth
import Kit
import Store

/// Trusts. All routes are `undelegated` but for tokens by a trust: those may see their trust and what was handed on of
/// it, and hand it on.
struct TrustRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    let list = "/v3/OS-TRUST/trusts"
    let one = list + "/{trust_id}"
    let read = IdentityPolicy.adminOrSystemReaderOrOwner + IdentityPolicy.untilFound
    return [
      .undelegated(
        .get, list, .identity("list_trusts", IdentityPolicy.adminOrSystemReaderOrOwner), of: .trusts,
        query: .list(["trustor_user_id", "trustee_user_id"])
      ) { try await self.list($0) },
      .undelegated(
        .post, list, .identity("create_trust", IdentityPolicy.owner), of: .trusts, query: .unread, body: .needed(.trust)
      ) { try await create($0) },
      .undelegated(.get, one, .identity("get_trust", read), of: .trusts, query: .unread) { try await show($0) },
      .undelegated(
        .delete, one, .identity("delete_trust", IdentityPolicy.adminOrOwner + IdentityPolicy.untilFound), of: .trusts,
        query: .unread
      ) { try await delete($0) },
      .undelegated(.get, one + "/roles", .identity("list_roles_for_trust", read), of: .trusts, query: .unread) {
        try await roles($0)
      },
      .undelegated(
        .get, one + "/roles/{role_id}", .identity("get_role_for_trust", read), of: .trusts, query: .unread
      ) { try await role($0) },
    ]
  }

  private static let ofTrustor = Permission.identity(
    "list_trusts_for_trustor", IdentityPolicy.adminOrSystemReaderOrOwner)
  private static let ofTrustee = Permission.identity(
    "list_trusts_for_trustee", IdentityPolicy.adminOrSystemReaderOrOwner)

  private func list(_ call: Call) async throws -> Reply {
    let trustor = call.query["trustor_user_id"]
    let trustee = call.query["trustee_user_id"]
    var conditions: [SQL] = []
    if let trustor { conditions.append("t.trustor_user_id = \(trustor)") }
    if let trustee { conditions.append("t.trustee_user_id = \(trustee)") }
    let caller = try call.principal()
    let allowed =
      if let trustor {
        Self.ofTrustor.allows(caller, on: PolicyTarget(userIDs: [trustor]))
      } else if let trustee {
        Self.ofTrustee.allows(caller, on: PolicyTarget(userIDs: [trustee]))
      } else {
        call.permission.allowsEverywhere(caller)
      }
    guard allowed else { throw Fault.forbidden("Policy doesn't allow identity:list_trusts to be performed.") }
    if let own = caller.trust { conditions.append(TrustTable.within(own.id)) }
    let fixed = conditions
    return try await call.list("trusts", from: core.store, read: { try TrustTable.list($0, fixed, $1) }, id: \.id) {
      $0.trust($1, roles: nil, call)
    }
  }

  private func create(_ call: Call) async throws -> Reply {
    let caller = try call.principal()
    // Trusts are a matter of projects.
    guard caller.scope != .system else {
      throw Fault.forbidden("Policy doesn't allow identity:create_trust to be performed.")
    }
    let now = core.now()
    let input = try TrustInput(try call.object("trust"), at: now)
    try call.require(on: PolicyTarget(userIDs: [input.trustorID]))
    let (made, roles) = try await core.write("trust") { tx in
      let made = try input.trust(tx, for: caller, core.settings, at: now)
      try TrustTable.insert(tx, made)
      return (made, try TrustTable.roles(tx, made))
    }
    return Reply.one(201, "trust") { $0.trust(made, roles: roles, call) }
  }

  /// The trust of the path, which the caller may use as the route says. Throws `Fault` 404 before 403, as Keystone
  /// does.
  private func found(_ tx: Transaction, _ call: Call, for users: KeyPath<Trust, [String]>) throws -> Trust {
    let id = try call.parameter("trust_id")
    guard let trust = try TrustTable.find(tx, id), !trust.isSpent(at: core.now()) else {
      throw Fault.noSuch("trust", id)
    }
    try call.require(on: PolicyTarget(userIDs: trust[keyPath: users]))
    if let own = try call.principal().trust, try !tx.exists(Self.isWithin(id, own.id)) {
      throw Fault.forbidden("The token came by another trust.")
    }
    return trust
  }

  private static func isWithin(_ id: String, _ above: String) -> SQL {
    "SELECT 1 FROM identity_trust t WHERE t.id = \(id) AND \(TrustTable.within(above))"
  }

  private func show(_ call: Call) async throws -> Reply {
    let (trust, roles) = try await core.store.read { tx in
      let trust = try found(tx, call, for: \.agents)
      return (trust, try TrustTable.roles(tx, trust))
    }
    return Reply.one(200, "trust") { $0.trust(trust, roles: roles, call) }
  }

  private func delete(_ call: Call) async throws -> Reply {
    try await core.store.write { tx in try TrustTable.delete(tx, try found(tx, call, for: \.trustors).id) }
    return .done
  }

  private func roles(_ call: Call) async throws -> Reply {
    let (trust, roles) = try await core.store.read { tx in
      let trust = try found(tx, call, for: \.agents)
      return (trust, try TrustTable.roles(tx, trust))
    }
    return Reply.json {
      $0.field("roles", roles) { $0.role($1, call) }
      $0.field("links") { $0.pages(of: call.link("/OS-TRUST/trusts/\(trust.id)/roles")) }
    }
  }

  private func role(_ call: Call) async throws -> Reply {
    let id = try call.parameter("role_id")
    let roles = try await core.store.read { tx in try TrustTable.roles(tx, try found(tx, call, for: \.agents)) }
    guard let role = roles.first(where: { $0.id == id }) else { throw Fault.noSuch("role", id) }
    return Reply.one(200, "role") { $0.role(role, call) }
  }
}

extension Trust {
  fileprivate var agents: [String] { [trustorID, trusteeID] }
  fileprivate var trustors: [String] { [trustorID] }
}

extension JSONWriter {
  fileprivate mutating func pages(of address: String) {
    field("self", address)
    field("next", nil as String?)
    field("previous", nil as String?)
  }

  /// `roles` is nil in lists.
  fileprivate mutating func trust(_ trust: Trust, roles: [Role]?, _ call: Call) {
    object {
      let address = call.link("/OS-TRUST/trusts/\(trust.id)")
      $0.field("id", trust.id)
      $0.field("trustor_user_id", trust.trustorID)
      $0.field("trustee_user_id", trust.trusteeID)
      $0.field("project_id", trust.projectID)
      $0.field("impersonation", trust.impersonation)
      $0.field("expires_at", trust.expiresAt?.iso8601Microseconds)
      $0.field("remaining_uses", trust.remainingUses)
      $0.field("redelegation_count", trust.redelegationCount)
      $0.field("redelegated_trust_id", trust.redelegatedTrustID)
      $0.field("deleted_at", nil as String?)
      $0.extra(trust.extra)
      if let roles {
        $0.field("roles", roles) { $0.role($1, call) }
        $0.field("roles_links") { $0.pages(of: address + "/roles") }
      }
      $0.links(address)
    }
  }
}
