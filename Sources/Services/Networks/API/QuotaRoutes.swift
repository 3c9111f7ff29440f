import API
import Auth
import Kit
import Store

/// Limits of projects.
struct QuotaRoutes: Sendable {
  private static let body = JSONShape.only(
    "quota",
    .object(
      QuotaTable.defaults.map { .init($0.resource, .orNull(.integer(-1...Int(Int32.max), digits: true))) }
        + ["project_id", "tenant_id", "check_limit", "force"].map { .init($0, .any) }))

  let networks: NetworksService

  var routes: [Route] {
    let read = Permission("get_quota", .projectReader)
    let one = "/v2.0/quotas/{project_id}"
    return [
      Route(.get, "/v2.0/quotas", Permission("get_quota", .systemReader), query: .unread, list),
      Route(.get, "/v2.0/quotas.json", Permission("get_quota", .systemReader), query: .unread, list),
      Route(.get, one, read, query: .unread, show),
      Route(.get, one + "/default", read, query: .unread, standard),
      Route(.get, one + "/default.json", read, query: .unread, standard),
      Route(.get, one + "/details", read, query: .unread, details),
      Route(.get, one + "/details.json", read, query: .unread, details),
      Route(.put, one, Permission("update_quota", .admin), query: .unread, body: .needed(Self.body), update),
      Route(.delete, one, Permission("delete_quota", .admin), query: .unread, reset),
    ]
  }

  /// The project in the path: the caller's own, or any for an administrator.
  private func project(_ call: Call) throws -> String {
    let id = try call.resourceID("project_id")
    let principal = try call.principal()
    guard principal.isAdmin || principal.projectID == id else { throw NetworkFault.forbidden("get_quota") }
    return id
  }

  private static func write(_ json: inout JSONWriter, _ limits: [String: Int]) {
    for (resource, limit) in QuotaTable.defaults { json.field(resource, limits[resource] ?? limit) }
  }

  private func list(_ call: Call) async throws -> Reply {
    let all = try await networks.store.read { tx in
      let projects = try tx.query("SELECT DISTINCT project_id FROM network_quota ORDER BY project_id LIMIT 1000") {
        $0.text(0)
      }
      return try projects.map { ($0, try QuotaTable.limits(tx, projectID: $0)) }
    }
    return .json { json in
      json.field("quotas", all) { json, one in
        json.object {
          Self.write(&$0, one.1)
          $0.field("project_id", one.0)
          $0.field("tenant_id", one.0)
        }
      }
    }
  }

  private func show(_ call: Call) async throws -> Reply {
    let asked = try call.resourceID("project_id")
    if asked == "tenant" || asked == "project" {
      let own = try call.projectID()
      return .json { $0.field(asked) { $0.field("\(asked)_id", own) } }
    }
    let id = try project(call)
    let limits = try await networks.store.read { try QuotaTable.limits($0, projectID: id) }
    return .json { $0.field("quota") { Self.write(&$0, limits) } }
  }

  private func standard(_ call: Call) async throws -> Reply {
    _ = try project(call)
    return .json { $0.field("quota") { Self.write(&$0, [:]) } }
  }

  private func details(_ call: Call) async throws -> Reply {
    let id = try project(call)
    let (limits, used) = try await networks.store.read { tx in
      (
        try QuotaTable.limits(tx, projectID: id),
        try QuotaTable.defaults.map { ($0.resource, try QuotaTable.used(tx, $0.resource, projectID: id)) }
      )
    }
    return .json { json in
      json.field("quota") { json in
        for (resource, count) in used {
          json.field(resource) {
            $0.field("limit", limits[resource] ?? -1)
            $0.field("used", count)
            $0.field("reserved", 0)
          }
        }
      }
    }
  }

  private func update(_ call: Call) async throws -> Reply {
    let id = try project(call)
    let fields = try call.object("quota")
    var wanted: [(resource: String, limit: Int)] = []
    for (resource, _) in QuotaTable.defaults {
      if let limit = try fields.optionalInt(resource, -1...Int(Int32.max), lenient: true) {
        wanted.append((resource, limit))
      }
    }
    let limits = try await networks.store.write { [wanted] tx in
      for (resource, limit) in wanted {
        try tx.execute(
          """
          INSERT INTO network_quota (project_id, resource, quota) VALUES (\(id), \(resource), \(limit))
          ON CONFLICT (project_id, resource) DO UPDATE SET quota = excluded.quota
          """)
      }
      return try QuotaTable.limits(tx, projectID: id)
    }
    return .json { $0.field("quota") { Self.write(&$0, limits) } }
  }

  private func reset(_ call: Call) async throws -> Reply {
    let id = try project(call)
    try await networks.store.write { tx in
      try tx.execute("DELETE FROM network_quota WHERE project_id = \(id)")
    }
    return Reply(status: 204)
  }
}
