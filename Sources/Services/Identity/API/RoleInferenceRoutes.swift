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
    return [
      Route(
        .get, "/v3/role_inferences", Permission("identity:list_role_inference_rules", .systemReader), query: .unread
      ) {
        try await all($0)
      },
      Route(.get, list, Permission("identity:list_implied_roles", .systemReader), query: .unread) {
        try await ofRole($0)
      },
      Route(.get, one, Permission("identity:get_implied_role", .systemReader), query: .unread) { call in
        let pair = try await pair(call)
        let rules = try await core.store.read { tx in try RoleTable.inferences(tx, prior: pair.prior.id) }
        guard rules.first?.implied.contains(pair.implied) == true else {
          throw Fault.noSuch("implied role", pair.implied.id)
        }
        return reply(200, call, pair)
      },
      Route(.put, one, Permission("identity:create_implied_role", .admin), query: .unread) { call in
        let pair = try await pair(call)
        guard pair.implied.name != "admin" else {
          throw Fault.forbidden("The role admin cannot be implied by another.")
        }
        try await core.store.write { tx in try RoleTable.imply(tx, pair.prior.id, pair.implied.id) }
        return reply(201, call, pair)
      },
      Route(.delete, one, Permission("identity:delete_implied_role", .admin), query: .unread) { call in
        let pair = try await pair(call)
        let was = try await core.store.write { tx in try RoleTable.unimply(tx, pair.prior.id, pair.implied.id) }
        guard was else { throw Fault.noSuch("implied role", pair.implied.id) }
        return .done
      },
    ]
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

  /// Both roles of the path. Throws `Fault` 404.
  private func pair(_ call: Call) async throws -> (prior: Named, implied: Named) {
    let ids = (try call.parameter("prior_role_id"), try call.parameter("implied_role_id"))
    let (prior, implied) = try await core.store.read { tx in
      (try RoleTable.find(tx, ids.0), try RoleTable.find(tx, ids.1))
    }
    guard let prior else { throw Fault.noSuch("role", ids.0) }
    guard let implied else { throw Fault.noSuch("role", ids.1) }
    return (Named(id: prior.id, name: prior.name), Named(id: implied.id, name: implied.name))
  }

  private func reply(_ status: Int, _ call: Call, _ pair: (prior: Named, implied: Named)) -> Reply {
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
