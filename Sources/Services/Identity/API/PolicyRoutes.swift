import API
import Auth
import Kit
import Store

/// Policies: rules that services keep here.
struct PolicyRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    let one = "/v3/policies/{policy_id}"
    return [
      Route(
        .get, "/v3/policies", .identity("list_policies", IdentityPolicy.adminOrSystemReader),
        query: .list(Self.filters.parameters)
      ) { try await list($0) },
      Route(
        .post, "/v3/policies", .identity("create_policy", IdentityPolicy.admin), query: .unread,
        body: .needed(.policy(changes: false))
      ) { try await create($0) },
      Route(.get, one, .identity("get_policy", IdentityPolicy.adminOrSystemReader), query: .unread) {
        try await show($0)
      },
      Route(
        .patch, one, .identity("update_policy", IdentityPolicy.admin), query: .unread,
        body: .needed(.policy(changes: true))
      ) { try await update($0) },
      Route(.delete, one, .identity("delete_policy", IdentityPolicy.admin), query: .unread) { try await delete($0) },
    ]
  }

  private static let filters: TextFilters = ["type": "o.type"]

  private func list(_ call: Call) async throws -> Reply {
    let fixed = Self.filters.conditions(call.query)
    return try await call.list(
      "policies", from: core.store, read: { try PolicyTable.policies($0, fixed, $1) }, id: \.id
    ) { $0.policy($1, call) }
  }

  private func create(_ call: Call) async throws -> Reply {
    let fields = try call.object("policy")
    var policy = Policy(
      id: Identifier.hex(), type: try fields.string("type"), rules: try fields.rules(), extra: [:])
    policy.extra = fields.newExtra()
    let made = policy
    try await core.store.write { tx in try PolicyTable.insert(tx, made) }
    return Reply.one(201, "policy") { $0.policy(made, call) }
  }

  private func show(_ call: Call) async throws -> Reply {
    let id = try call.parameter("policy_id")
    let found = try await core.store.read { tx in try PolicyTable.policy(tx, id) }
    guard let found else { throw Fault.noSuch("policy", id) }
    return Reply.one(200, "policy") { $0.policy(found, call) }
  }

  private func update(_ call: Call) async throws -> Reply {
    let id = try call.parameter("policy_id")
    let fields = try call.object("policy")
    try fields.unchanged("id", id)
    let type = fields.has("type") ? try fields.string("type") : nil
    let rules = fields.has("blob") ? try fields.rules() : nil
    let extra = fields.newExtra()
    let changed = try await core.store.write { tx in
      guard var policy = try PolicyTable.policy(tx, id) else { throw Fault.noSuch("policy", id) }
      policy.type = type ?? policy.type
      policy.rules = rules ?? policy.rules
      policy.extra.merge(extra) { $1 }
      try PolicyTable.update(tx, policy)
      return policy
    }
    return Reply.one(200, "policy") { $0.policy(changed, call) }
  }

  private func delete(_ call: Call) async throws -> Reply {
    let id = try call.parameter("policy_id")
    try await core.store.write { tx in
      guard try PolicyTable.policy(tx, id) != nil else { throw Fault.noSuch("policy", id) }
      try PolicyTable.delete(tx, id)
    }
    return .done
  }
}

extension JSONFields {
  fileprivate func rules() throws -> String { try string("blob", 0...Route.bodyBytesMax) }
}

extension JSONWriter {
  mutating func policy(_ policy: Policy, _ call: Call) {
    object {
      $0.field("id", policy.id)
      $0.field("type", policy.type)
      $0.field("blob", policy.rules)
      $0.extra(policy.extra)
      $0.links(call.link("/policies/\(policy.id)"))
    }
  }
}
