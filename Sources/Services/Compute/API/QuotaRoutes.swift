import API
import Auth
import Kit
import Store

/// `/limits` and `/os-quota-sets`.
struct QuotaRoutes {
  let context: ComputeContext

  private static let path = "/v2.1/os-quota-sets/{project_id}"

  var routes: [Route] {
    [
      Route(.get, "/v2.1/limits", ComputePermissions.read("limits"), query: .nova(["tenant_id", "reserved"])) {
        try await limits($0)
      },
      Route(.get, Self.path, ComputePermissions.read("os-quota-sets:show"), query: .quotaSet) {
        try await show($0, detailed: false)
      },
      Route(.get, Self.path + "/detail", ComputePermissions.admin("os-quota-sets:detail"), query: .quotaSet) {
        try await show($0, detailed: true)
      },
      Route(
        .get, Self.path + "/defaults", Permission("os_compute_api:os-quota-sets:defaults", .authenticated),
        query: .unread
      ) { try await defaults($0) },
      Route(
        .put, Self.path, ComputePermissions.admin("os-quota-sets:update"), query: .quotaSet, body: .needed(.quotaSet)
      ) { try await update($0) },
      Route(.delete, Self.path, ComputePermissions.admin("os-quota-sets:delete"), query: .quotaSet) {
        try await delete($0)
      },
    ]
  }

  // MARK: Limits

  private static let maxima = [
    ("ram", ["maxTotalRAMSize"]), ("instances", ["maxTotalInstances"]), ("cores", ["maxTotalCores"]),
    ("key_pairs", ["maxTotalKeypairs"]), ("floating_ips", ["maxTotalFloatingIps"]),
    ("metadata_items", ["maxServerMeta", "maxImageMeta"]), ("injected_files", ["maxPersonality"]),
    ("injected_file_content_bytes", ["maxPersonalitySize"]), ("security_groups", ["maxSecurityGroups"]),
    ("security_group_rules", ["maxSecurityGroupRules"]), ("server_groups", ["maxServerGroups"]),
    ("server_group_members", ["maxServerGroupMembers"]),
  ]
  private static let used = [
    ("totalRAMUsed", "ram"), ("totalCoresUsed", "cores"), ("totalInstancesUsed", "instances"),
    ("totalFloatingIpsUsed", "floating_ips"), ("totalSecurityGroupsUsed", "security_groups"),
    ("totalServerGroupsUsed", "server_groups"),
  ]

  private func limits(_ call: Call) async throws -> Reply {
    var project = try call.principal().projectID ?? ""
    if let other = call.query["tenant_id"], other != project {
      try call.require(ComputePermissions.system("limits:other_project"))
      project = other
    }
    let (limits, use) = try await context.store.read { [project] tx in
      (try ComputeQuota.limits(tx, project: project), try ComputeQuota.use(tx, project: project))
    }
    let hidden = Self.hidden(call)
    return .json { json in
      json.field("limits") { json in
        json.field("rate", [String]())
        json.field("absolute") { json in
          for (resource, names) in Self.maxima where !hidden.contains(resource) {
            for name in names where name != "maxImageMeta" || !call.at(39) {
              json.field(name, limits[resource] ?? -1)
            }
          }
          for (name, resource) in Self.used where !hidden.contains(resource) { json.field(name, use[resource]) }
        }
      }
    }
  }

  /// Resources that the microversion shows no more.
  private static func hidden(_ call: Call) -> Set<String> {
    Set(ComputeQuota.last.filter { call.at($0.value + 1) }.keys)
  }

  // MARK: Quota sets

  /// The project named; its own for those who are no administrators. Throws `Fault` 403.
  private func project(_ call: Call) throws -> String {
    let id = try call.parameter("project_id")
    let principal = try call.principal()
    guard principal.isAdmin || principal.projectID == id else {
      throw Fault.forbidden("Policy doesn't allow os_compute_api:os-quota-sets:show to be performed.")
    }
    return id
  }

  private func show(_ call: Call, detailed: Bool) async throws -> Reply {
    let project = try project(call)
    let (limits, use) = try await context.store.read { tx in
      (try ComputeQuota.limits(tx, project: project), try ComputeQuota.use(tx, project: project))
    }
    return Self.reply(call, id: project, limits, use: detailed ? use : nil)
  }

  private func defaults(_ call: Call) async throws -> Reply {
    Self.reply(
      call, id: try call.parameter("project_id"),
      Dictionary(ComputeQuota.standard.map { ($0.name, $0.limit) }, uniquingKeysWith: { $1 }), use: nil)
  }

  private static func reply(
    _ call: Call, id: String?, _ limits: [String: Int], use: ComputeQuota.Use?
  ) -> Reply {
    let hidden = hidden(call)
    return .json { json in
      json.field("quota_set") { json in
        if let id { json.field("id", id) }
        for (name, _) in ComputeQuota.standard where !hidden.contains(name) {
          guard let use else {
            json.field(name, limits[name] ?? -1)
            continue
          }
          json.field(name) {
            $0.field("limit", limits[name] ?? -1)
            $0.field("in_use", use[name])
            $0.field("reserved", 0)
          }
        }
      }
    }
  }

  private func update(_ call: Call) async throws -> Reply {
    if call.query.has("user_id") { throw Fault.badRequest("Quotas of single users are not supported.") }
    let project = try call.parameter("project_id")
    let fields = try call.object("quota_set")
    let hidden = Self.hidden(call)
    let force = try fields.optionalBool("force", lenient: true) ?? false
    var asked: [String: Int] = [:]
    for (name, _) in ComputeQuota.standard where !hidden.contains(name) {
      if let limit = try fields.optionalInt(name, -1...Int(Int32.max), lenient: true) { asked[name] = limit }
    }
    let limits = try await context.store.write { [asked] tx in
      let use = try ComputeQuota.use(tx, project: project)
      for (name, limit) in asked {
        if !force, limit >= 0, limit < use[name] {
          throw Fault.badRequest(
            "Quota limit \(limit) for \(name) must be greater than or equal to already used \(use[name]).")
        }
        try tx.execute(
          """
          INSERT INTO compute_quota (project_id, resource, hard_limit) VALUES (\(project), \(name), \(limit))
          ON CONFLICT (project_id, resource) DO UPDATE SET hard_limit = excluded.hard_limit
          """)
      }
      return try ComputeQuota.limits(tx, project: project)
    }
    return Self.reply(call, id: nil, limits, use: nil)
  }

  private func delete(_ call: Call) async throws -> Reply {
    let project = try call.parameter("project_id")
    try await context.store.write { try $0.execute("DELETE FROM compute_quota WHERE project_id = \(project)") }
    return Reply(status: 202)
  }
}
