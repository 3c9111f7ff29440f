import API
import Auth
import Kit
import Store

/// Which role brings which: who has the prior role has the implied ones.
struct RoleInferenceRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    let list = "/v3/roles/{prior_role_id}/implies"
    let one = "/v3/roles/{prior_role_id}/implies/{implied_role_id}"
    let readers = IdentityPolicy.adminOrSystemReader
    return [
      Route(.get, "/v3/role_inferences", .identity("list_role_inference_rules", readers), query: .unread) {
        try await all($0)
      },
      Route(.get, list, .identity("list_implied_roles", readers), query: .unread) { try await ofRole($0) },
      Route(.get, one, .identity("get_implied_role", readers), query: .unread) { call in
        reply(200, call, try await existing(call))
      },
      Route(.head, one, .identity("check_implied_role", readers), query: .unread) { call in
        _ = try await existing(call)
        return .done
      },
      Route(.put, one, .identity("create_implied_role", IdentityPolicy.admin), query: .unread) { call in
        reply(201, call, try await create(call))
      },
      Route(.delete, one, .identity("delete_implied_role", IdentityPolicy.admin), query: .forced) { call in
        try await delete(call)
      },
    ]
  }

  private typealias Pair = (prior: Named, implied: Named)

  /// Both roles of the path. Throws `Fault` 404.
  private func roles(_ tx: Transaction, _ call: Call) throws -> (prior: Role, implied: Role) {
    let ids = (try call.parameter("prior_role_id"), try call.parameter("implied_role_id"))
    guard let prior = try RoleTable.find(tx, ids.0) else { throw Fault.noSuch("role", ids.0) }
    guard let implied = try RoleTable.find(tx, ids.1) else { throw Fault.noSuch("role", ids.1) }
    return (prior, implied)
  }

  private func named(_ roles: (prior: Role, implied: Role)) -> Pair {
    (Named(id: roles.prior.id, name: roles.prior.name), Named(id: roles.implied.id, name: roles.implied.name))
  }

  /// The inference of the path. Throws `Fault` 404.
  private func existing(_ call: Call) async throws -> Pair {
    try await core.store.read { tx in
      let pair = named(try roles(tx, call))
      guard try RoleTable.inferences(tx, prior: pair.prior.id).first?.implied.contains(pair.implied) == true else {
        throw Fault.noSuch("implied role", pair.implied.id)
      }
      return pair
    }
  }

  /// Throws `Fault` 403 for what must not be implied, and for a circle; 409 where it is there already.
  private func create(_ call: Call) async throws -> Pair {
    try await core.store.write { tx in
      let (prior, implied) = try roles(tx, call)
      guard implied.domainID != nil || implied.name != "admin" else {
        throw Fault.forbidden("The role admin cannot be implied by another.")
      }
      guard implied.domainID == nil || prior.domainID != nil else {
        throw Fault.forbidden("A role of the cloud cannot imply one of a domain.")
      }
      let isCircle = try prior.id == implied.id || RoleTable.brings(tx, implied.id, prior.id)
      guard !isCircle else { throw Fault.forbidden("The role \(implied.id.quoted) implies the other already.") }
      guard try RoleTable.imply(tx, prior.id, implied.id) else {
        throw Fault.conflict("The role \(implied.id.quoted) is implied by \(prior.id.quoted) already.")
      }
      return named((prior, implied))
    }
  }

  private func delete(_ call: Call) async throws -> Reply {
    try await core.writeKeepingAdministrators(call) { tx in
      let (prior, implied) = try roles(tx, call)
      guard try RoleTable.unimply(tx, prior.id, implied.id) else { throw Fault.noSuch("implied role", implied.id) }
    }
    return .done
  }

  private func all(_ call: Call) async throws -> Reply {
    let rules = try await core.store.read { tx in try RoleTable.inferences(tx) }
    return call.list("role_inferences", rules) { json, rule in
      json.object { Self.write(&$0, call, rule) }
    }
  }

  private func ofRole(_ call: Call) async throws -> Reply {
    let id = try call.parameter("prior_role_id")
    let (role, rules) = try await core.store.read { tx in
      (try RoleTable.find(tx, id), try RoleTable.inferences(tx, prior: id))
    }
    guard let role else { throw Fault.noSuch("role", id) }
    let rule = rules.first ?? (Named(id: role.id, name: role.name), [])
    return Reply.json { json in
      json.field("role_inference") { Self.write(&$0, call, rule) }
      json.links(call.link("/roles/\(id)/implies"))
    }
  }

  private func reply(_ status: Int, _ call: Call, _ pair: Pair) -> Reply {
    Reply.json(status) { json in
      json.field("role_inference") { json in
        json.field("prior_role") { Self.write(&$0, call, pair.prior) }
        json.field("implies") { Self.write(&$0, call, pair.implied) }
      }
      json.links(call.link("/roles/\(pair.prior.id)/implies/\(pair.implied.id)"))
    }
  }

  private static func write(_ json: inout JSONWriter, _ call: Call, _ rule: (prior: Named, implied: [Named])) {
    json.field("prior_role") { write(&$0, call, rule.prior) }
    json.field("implies", rule.implied) { json, role in json.object { write(&$0, call, role) } }
  }

  private static func write(_ json: inout JSONWriter, _ call: Call, _ role: Named) {
    json.field("id", role.id)
    json.field("name", role.name)
    json.links(call.link("/roles/\(role.id)"))
  }
}
