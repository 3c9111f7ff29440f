import API
import Auth
import Kit
import Store

/// A user's access rules. They are made together with application credentials, and stay when those go.
struct AccessRuleRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    let list = "/v3/users/{user_id}/access_rules"
    let one = list + "/{access_rule_id}"
    return [
      .undelegated(
        .get, list, .identity("list_access_rules", IdentityPolicy.systemReaderOrOwner), of: .applicationCredentials,
        query: .list(Self.filters.parameters)
      ) { try await self.list($0) },
      .undelegated(
        .get, one, .identity("get_access_rule", IdentityPolicy.systemReaderOrOwner), of: .applicationCredentials,
        query: .unread
      ) { try await show($0) },
      .undelegated(
        .delete, one, .identity("delete_access_rule", IdentityPolicy.systemAdminOrOwner), of: .applicationCredentials,
        query: .unread
      ) { try await delete($0) },
    ]
  }

  private static let filters: TextFilters = ["service": "x.service", "path": "x.path", "method": "x.method"]

  /// The user of the path, whose rules the caller may use as the route says. Throws `Fault` 403.
  private func user(_ call: Call) throws -> String {
    let user = try call.parameter("user_id")
    try call.require(on: PolicyTarget(userIDs: [user]))
    return user
  }

  private func list(_ call: Call) async throws -> Reply {
    let fixed: [SQL] = ["x.user_id = \(try user(call))"] + Self.filters.conditions(call.query)
    return try await call.list(
      "access_rules", from: core.store, read: { try AccessRuleTable.list($0, fixed, $1) }, id: \.id
    ) { $0.accessRule($1, call) }
  }

  private func show(_ call: Call) async throws -> Reply {
    let user = try user(call)
    let id = try call.parameter("access_rule_id")
    let found = try await core.store.read { tx in try AccessRuleTable.find(tx, user: user, id) }
    guard let found else { throw Fault.noSuch("access rule", id) }
    return Reply.one(200, "access_rule") { $0.accessRule(found, call) }
  }

  private func delete(_ call: Call) async throws -> Reply {
    let user = try user(call)
    let id = try call.parameter("access_rule_id")
    try await core.store.write { tx in
      guard try AccessRuleTable.find(tx, user: user, id) != nil else { throw Fault.noSuch("access rule", id) }
      guard try !AccessRuleTable.isUsed(tx, id) else {
        throw Fault.forbidden("An application credential uses the access rule.")
      }
      try AccessRuleTable.delete(tx, id)
    }
    return .done
  }
}

extension JSONWriter {
  mutating func accessRule(_ rule: AccessRule, _ call: Call) {
    object {
      $0.accessRuleMembers(rule)
      $0.links(call.link("/access_rules/\(rule.id)"))
    }
  }

  mutating func accessRuleMembers(_ rule: AccessRule) {
    field("id", rule.id)
    field("service", rule.service)
    field("method", rule.method)
    field("path", rule.path)
  }
}
