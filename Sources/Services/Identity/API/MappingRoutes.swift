import API
import Auth
import Kit
import Store

/// Mappings: rules that make users and groups of ours out of what an identity provider says.
struct MappingRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    let all = "/v3/OS-FEDERATION/mappings"
    let one = all + "/{mapping_id}"
    return [
      Route(.get, all, .identity("list_mappings", IdentityPolicy.adminOrSystemReader), query: .list([])) {
        try await list($0)
      },
      Route(
        .put, one, .identity("create_mapping", IdentityPolicy.admin), query: .unread, body: .needed(.federationMapping)
      ) { try await create($0) },
      Route(.get, one, .identity("get_mapping", IdentityPolicy.adminOrSystemReader), query: .unread) {
        try await show($0)
      },
      Route(
        .patch, one, .identity("update_mapping", IdentityPolicy.admin), query: .unread,
        body: .needed(.federationMapping)
      ) { try await update($0) },
      Route(.delete, one, .identity("delete_mapping", IdentityPolicy.admin), query: .unread) { try await delete($0) },
    ]
  }

  private func list(_ call: Call) async throws -> Reply {
    try await call.list("mappings", from: core.store, read: { try FederationTable.mappings($0, [], $1) }, id: \.id) {
      $0.mapping($1, call)
    }
  }

  /// The request's mapping, whose rules are sound.
  private func asked(_ call: Call, id: String) throws -> FederationMapping {
    let fields = try call.object("mapping")
    let mapping = FederationMapping(
      id: id, rules: .array(try fields.array("rules", countMax: MappingRules.rulesMax)),
      schemaVersion: try fields.optionalString("schema_version", 0...5).flatMap { $0.isEmpty ? nil : $0 }
        ?? MappingRules.Version.standard.rawValue)
    _ = try MappingRules(mapping)
    return mapping
  }

  private func create(_ call: Call) async throws -> Reply {
    let made = try asked(call, id: try call.newID("mapping_id"))
    try await core.write("mapping") { tx in try FederationTable.insert(tx, made) }
    return Reply.one(201, "mapping") { $0.mapping(made, call) }
  }

  private func show(_ call: Call) async throws -> Reply {
    let id = try call.parameter("mapping_id")
    let found = try await core.store.read { tx in try FederationTable.mapping(tx, id) }
    guard let found else { throw Fault.noSuch("mapping", id) }
    return Reply.one(200, "mapping") { $0.mapping(found, call) }
  }

  private func update(_ call: Call) async throws -> Reply {
    let id = try call.parameter("mapping_id")
    let changed = try asked(call, id: id)
    try await core.store.write { tx in
      guard try FederationTable.mapping(tx, id) != nil else { throw Fault.noSuch("mapping", id) }
      try FederationTable.update(tx, changed)
    }
    return Reply.one(200, "mapping") { $0.mapping(changed, call) }
  }

  private func delete(_ call: Call) async throws -> Reply {
    let id = try call.parameter("mapping_id")
    try await core.store.write { tx in
      guard try FederationTable.mapping(tx, id) != nil else { throw Fault.noSuch("mapping", id) }
      try FederationTable.deleteMapping(tx, id)
    }
    return .done
  }
}

extension JSONWriter {
  mutating func mapping(_ mapping: FederationMapping, _ call: Call) {
    object {
      $0.field("id", mapping.id)
      $0.field("rules", mapping.rules)
      $0.field("schema_version", mapping.schemaVersion)
      $0.links(call.link("/OS-FEDERATION/mappings/\(mapping.id)"))
    }
  }
}
