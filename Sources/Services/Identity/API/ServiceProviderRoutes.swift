import API
import Auth
import Kit
import Store

/// Clouds that trust this one. Tokens list those that are enabled.
struct ServiceProviderRoutes: Sendable {
  /// What Keystone puts before the relay state where a service provider says nothing.
  private static let relayStatePrefix = "ss:mem:"
  let core: IdentityCore

  var routes: [Route] {
    let all = "/v3/OS-FEDERATION/service_providers"
    let one = all + "/{service_provider_id}"
    return [
      Route(
        .get, all, .identity("list_service_providers", IdentityPolicy.adminOrSystemReader),
        query: .list(Self.filters.parameters + [.init("enabled", .boolean)])
      ) { try await list($0) },
      Route(
        .put, one, .identity("create_service_provider", IdentityPolicy.admin), query: .unread,
        body: .needed(.serviceProvider(changes: false))
      ) { try await create($0) },
      Route(.get, one, .identity("get_service_provider", IdentityPolicy.adminOrSystemReader), query: .unread) {
        try await show($0)
      },
      Route(
        .patch, one, .identity("update_service_provider", IdentityPolicy.admin), query: .unread,
        body: .needed(.serviceProvider(changes: true))
      ) { try await update($0) },
      Route(.delete, one, .identity("delete_service_provider", IdentityPolicy.admin), query: .unread) {
        try await delete($0)
      },
    ]
  }

  private static let filters: TextFilters = ["id": "s.id"]

  private func list(_ call: Call) async throws -> Reply {
    var conditions = Self.filters.conditions(call.query)
    if let enabled = try call.query.bool("enabled") { conditions.append("s.enabled = \(enabled)") }
    let fixed = conditions
    return try await call.list(
      "service_providers", from: core.store, read: { try FederationTable.serviceProviders($0, fixed, $1) }, id: \.id
    ) { $0.serviceProvider($1, call) }
  }

  /// An address as Keystone takes it: a scheme, a colon, and something.
  private static func url(_ fields: JSONFields, _ name: String) throws -> String? {
    guard fields.has(name) else { return nil }
    let text = try fields.string(name, 1...225)
    let scheme = text.prefix { $0 != ":" }
    let isSound =
      !scheme.isEmpty && scheme.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "+.-".contains($0)) }
      && text.count > scheme.count + 1
    guard isSound else { throw fields.invalid(name, "it must be a URL") }
    return text
  }

  private func create(_ call: Call) async throws -> Reply {
    let fields = try call.object("service_provider")
    let (auth, service) = (try Self.url(fields, "auth_url"), try Self.url(fields, "sp_url"))
    guard let auth else { throw fields.invalid("auth_url", "it is required") }
    guard let service else { throw fields.invalid("sp_url", "it is required") }
    let made = ServiceProvider(
      id: try call.newID("service_provider_id"), enabled: try fields.flag("enabled") ?? false,
      description: try fields.optionalString("description", 0...65536), authURL: auth, spURL: service,
      relayStatePrefix: try fields.optionalString("relay_state_prefix", 0...256) ?? Self.relayStatePrefix)
    try fields.finish()
    try await core.write("service_provider") { tx in try FederationTable.insert(tx, made) }
    return Reply.one(201, "service_provider") { $0.serviceProvider(made, call) }
  }

  private func show(_ call: Call) async throws -> Reply {
    let id = try call.parameter("service_provider_id")
    let found = try await core.store.read { tx in try FederationTable.serviceProvider(tx, id) }
    guard let found else { throw Fault.noSuch("service provider", id) }
    return Reply.one(200, "service_provider") { $0.serviceProvider(found, call) }
  }

  private func update(_ call: Call) async throws -> Reply {
    let id = try call.parameter("service_provider_id")
    let fields = try call.object("service_provider")
    let (auth, service) = (try Self.url(fields, "auth_url"), try Self.url(fields, "sp_url"))
    let enabled = try fields.flag("enabled")
    let description = try fields.patchString("description", 0...65536)
    let prefix = try fields.patchString("relay_state_prefix", 0...256)
    try fields.finish()
    let changed = try await core.store.write { tx in
      guard var found = try FederationTable.serviceProvider(tx, id) else { throw Fault.noSuch("service provider", id) }
      found.authURL = auth ?? found.authURL
      found.spURL = service ?? found.spURL
      found.enabled = enabled ?? found.enabled
      found.description = description.applied(to: found.description)
      found.relayStatePrefix = prefix.applied(to: found.relayStatePrefix) ?? Self.relayStatePrefix
      try FederationTable.update(tx, found)
      return found
    }
    return Reply.one(200, "service_provider") { $0.serviceProvider(changed, call) }
  }

  private func delete(_ call: Call) async throws -> Reply {
    let id = try call.parameter("service_provider_id")
    try await core.store.write { tx in
      guard try FederationTable.serviceProvider(tx, id) != nil else { throw Fault.noSuch("service provider", id) }
      try FederationTable.deleteServiceProvider(tx, id)
    }
    return .done
  }
}

extension JSONWriter {
  mutating func serviceProvider(_ provider: ServiceProvider, _ call: Call) {
    object {
      $0.field("id", provider.id)
      $0.field("enabled", provider.enabled)
      $0.field("description", provider.description)
      $0.field("auth_url", provider.authURL)
      $0.field("sp_url", provider.spURL)
      $0.field("relay_state_prefix", provider.relayStatePrefix)
      $0.links(call.link("/OS-FEDERATION/service_providers/\(provider.id)"))
    }
  }
}
