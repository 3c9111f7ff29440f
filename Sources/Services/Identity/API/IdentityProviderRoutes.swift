import API
import Auth
import Kit
import Store

/// Identity providers.
struct IdentityProviderRoutes: Sendable {
  /// Remote ids of one identity provider at the most.
  static let remoteIDsMax = 100
  static let path = "/v3/OS-FEDERATION/identity_providers"
  let core: IdentityCore

  var routes: [Route] {
    let one = Self.path + "/{idp_id}"
    return [
      Route(
        .get, Self.path, .identity("list_identity_providers", IdentityPolicy.adminOrSystemReader),
        query: .list(Self.filters.parameters + [.init("enabled", .boolean)])
      ) { try await list($0) },
      Route(
        .put, one, .identity("create_identity_provider", IdentityPolicy.admin), query: .unread,
        body: .needed(.identityProvider(changes: false))
      ) { try await create($0) },
      Route(.get, one, .identity("get_identity_provider", IdentityPolicy.adminOrSystemReader), query: .unread) {
        try await show($0)
      },
      Route(
        .patch, one, .identity("update_identity_provider", IdentityPolicy.admin), query: .unread,
        body: .needed(.identityProvider(changes: true))
      ) { try await update($0) },
      Route(.delete, one, .identity("delete_identity_provider", IdentityPolicy.admin), query: .unread) {
        try await delete($0)
      },
    ]
  }

  private static let filters: TextFilters = ["id": "p.id"]

  private func list(_ call: Call) async throws -> Reply {
    var conditions = Self.filters.conditions(call.query)
    if let enabled = try call.query.bool("enabled") { conditions.append("p.enabled = \(enabled)") }
    let fixed = conditions
    return try await call.list(
      "identity_providers", from: core.store, read: { try IdentityProviderTable.list($0, fixed, $1) }, id: \.id
    ) { $0.identityProvider($1, call) }
  }

  private func create(_ call: Call) async throws -> Reply {
    let id = try call.newID("idp_id")
    let fields = try call.body().optionalObject("identity_provider") ?? JSONFields([:], path: "identity_provider")
    let domainID = try fields.optionalString("domain_id", 1...64)
    let made = IdentityProvider(
      id: id, domainID: domainID ?? Identifier.hex(), enabled: try fields.flag("enabled") ?? false,
      description: try fields.optionalString("description", 0...65536),
      authorizationTTL: try fields.optionalInt("authorization_ttl", 0...Int.max),
      remoteIDs: try Self.remoteIDs(fields).value ?? [])
    try fields.finish()
    try await core.write("identity_provider") { tx in
      if domainID == nil {
        // Where the request names none, it gets a domain of its own.
        try ProjectTable.insert(
          tx,
          Project(
            id: made.domainID, name: made.domainID, domainID: nil, parentID: nil, isDomain: true, enabled: true,
            description: "Users of the identity provider \(id).", options: [:], extra: [:], tags: []))
      } else if try ProjectTable.domain(tx, made.domainID) == nil {
        throw Fault.noSuch("domain", made.domainID)
      }
      try IdentityProviderTable.insert(tx, made)
    }
    return Reply.one(201, "identity_provider") { $0.identityProvider(made, call) }
  }

  private func show(_ call: Call) async throws -> Reply {
    let id = try call.parameter("idp_id")
    let found = try await core.store.read { tx in try IdentityProviderTable.find(tx, id) }
    guard let found else { throw Fault.noSuch("identity provider", id) }
    return Reply.one(200, "identity_provider") { $0.identityProvider(found, call) }
  }

  /// Disabling it voids the tokens of all its users at once.
  private func update(_ call: Call) async throws -> Reply {
    let id = try call.parameter("idp_id")
    let fields = try call.object("identity_provider")
    let enabled = try fields.flag("enabled")
    let description = try fields.patchString("description", 0...65536)
    let ttl = try fields.patchInt("authorization_ttl", 0...Int.max)
    let remoteIDs = try Self.remoteIDs(fields)
    try fields.finish()
    let changed = try await core.write("identity_provider") { tx in
      guard var provider = try IdentityProviderTable.find(tx, id) else { throw Fault.noSuch("identity provider", id) }
      let wasEnabled = provider.enabled
      provider.enabled = enabled ?? provider.enabled
      provider.description = description.applied(to: provider.description)
      provider.authorizationTTL = ttl.applied(to: provider.authorizationTTL)
      provider.remoteIDs = (remoteIDs.applied(to: provider.remoteIDs) ?? []).sorted()
      try IdentityProviderTable.update(tx, provider)
      if wasEnabled && !provider.enabled { try FederatedUserTable.voidTokens(tx, idp: id) }
      return provider
    }
    return Reply.one(200, "identity_provider") { $0.identityProvider(changed, call) }
  }

  /// Its users go with it, as in Keystone; its domain stays.
  private func delete(_ call: Call) async throws -> Reply {
    let id = try call.parameter("idp_id")
    try await core.store.write { tx in
      guard try IdentityProviderTable.find(tx, id) != nil else { throw Fault.noSuch("identity provider", id) }
      try FederatedUserTable.deleteUsers(tx, idp: id, protocol: nil)
      try IdentityProviderTable.delete(tx, id)
    }
    return .done
  }

  /// Different ones, in order.
  private static func remoteIDs(_ fields: JSONFields) throws -> Patch<[String]> {
    let patch = try fields.patchStrings("remote_ids", countMax: remoteIDsMax)
    guard case .value(let ids) = patch else { return patch }
    guard Set(ids).count == ids.count else { throw fields.invalid("remote_ids", "one of them is there twice") }
    for id in ids {
      guard id.count <= 255 else { throw fields.invalid("remote_ids", "an id has at most 255 characters") }
    }
    return .value(ids.sorted())
  }
}

extension Call {
  /// The id of a new resource, which the client chooses in the path. Throws `Fault` 400 where it is too long.
  func newID(_ name: String) throws -> String {
    let id = try parameter(name)
    guard (1...64).contains(id.count), !id.utf8.contains(0) else {
      throw Fault.badRequest("Invalid input for \(name): its length must be 1 to 64 characters.")
    }
    return id
  }
}

extension JSONWriter {
  mutating func identityProvider(_ provider: IdentityProvider, _ call: Call) {
    let link = call.link("/OS-FEDERATION/identity_providers/\(provider.id)")
    object {
      $0.field("id", provider.id)
      $0.field("domain_id", provider.domainID)
      $0.field("enabled", provider.enabled)
      $0.field("description", provider.description)
      $0.field("authorization_ttl", provider.authorizationTTL)
      $0.field("remote_ids", provider.remoteIDs)
      $0.field("links") {
        $0.field("self", link)
        $0.field("protocols", link + "/protocols")
      }
    }
  }
}
