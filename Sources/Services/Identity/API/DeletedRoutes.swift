import API
import Auth
import Kit
import Store

/// What was deleted and can be restored. Only administrators restore: what comes back may be more than who restores it
/// could give.
struct DeletedRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    let one = "/v3/haneul/deleted/{deleted_id}"
    return [
      Route(
        .get, "/v3/haneul/deleted", Permission("haneul:list_deleted", .any(IdentityPolicy.adminOrSystemReader)),
        query: .deleted
      ) {
        try await list($0)
      },
      Route(.get, one, Permission("haneul:get_deleted", .any(IdentityPolicy.adminOrSystemReader)), query: .unread) {
        try await show($0)
      },
      Route(.post, one + "/restore", Permission("haneul:restore_deleted", .any(IdentityPolicy.admin)), query: .unread) {
        try await restore($0)
      },
      Route(.delete, one, Permission("haneul:purge_deleted", .any(IdentityPolicy.admin)), query: .unread) {
        try await purge($0)
      },
    ]
  }

  static let filters: TextFilters = ["object_id": "e.object_id", "name": "e.name", "domain_id": "e.domain_id"]

  private func list(_ call: Call) async throws -> Reply {
    let kind: [SQL] = call.query["kind"].map { ["e.kind = \($0)"] } ?? []
    let fixed = kind + Self.filters.conditions(call.query)
    return try await call.list("deleted", from: core.store, read: { try DeletedTable.list($0, fixed, $1) }, id: \.id) {
      $0.deleted($1)
    }
  }

  private func show(_ call: Call) async throws -> Reply {
    let id = try call.parameter("deleted_id")
    let found = try await core.store.read { tx in try DeletedTable.find(tx, id) }
    guard let found else { throw Fault.noSuch("deleted thing", id) }
    return Reply.one(200, "deleted") { $0.deleted(found) }
  }

  private func restore(_ call: Call) async throws -> Reply {
    let id = try call.parameter("deleted_id")
    let outcome = try await core.store.write { tx in try RestoreRules.restore(tx, id) }
    return Reply.one(200, "restored") { $0.restored(outcome) }
  }

  private func purge(_ call: Call) async throws -> Reply {
    let id = try call.parameter("deleted_id")
    let was = try await core.store.write { tx in try DeletedTable.purge(tx, id) }
    guard was else { throw Fault.noSuch("deleted thing", id) }
    return .done
  }
}

extension JSONWriter {
  mutating func deleted(_ entry: DeletedEntry) {
    object {
      $0.field("id", entry.id)
      $0.field("kind", entry.kind.rawValue)
      $0.field("object_id", entry.objectID)
      $0.field("name", entry.name)
      $0.field("domain_id", entry.domainID)
      $0.field("deleted_at", entry.deletedAt.iso8601Microseconds)
      $0.field("deleted_by", entry.deletedBy)
      $0.field("request_id", entry.requestID)
      $0.field("purge_after", entry.purgeAfter.iso8601Microseconds)
      $0.field("rows", entry.rows)
    }
  }

  mutating func restored(_ outcome: RestoreRules.Outcome) {
    object {
      $0.field("kind", outcome.entry.kind.rawValue)
      $0.field("id", outcome.entry.objectID)
      $0.field("name", outcome.entry.name)
      $0.field("rows") { json in
        for (table, count) in outcome.restored.sorted(by: { $0.key < $1.key }) {
          json.field(RestoreRules.word(table), count)
        }
      }
      $0.remnants("waiting", outcome.waiting)
      $0.remnants("dropped", outcome.dropped)
    }
  }

  private mutating func remnants(_ name: String, _ all: [RestoreRules.Remnant]) {
    field(name + "_count", all.count)
    field(name, all.prefix(RestoreRules.remnantsMax)) { json, remnant in
      json.object {
        $0.field("what", remnant.what)
        if let with = remnant.with { $0.field("with", with) }
        for (member, value) in remnant.members.sorted(by: { $0.key < $1.key }) { $0.field(member, value) }
      }
    }
  }
}
