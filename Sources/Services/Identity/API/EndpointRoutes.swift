import API
import Auth
import Kit
import Store

/// Endpoints of the catalogue.
struct EndpointRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    let one = "/v3/endpoints/{endpoint_id}"
    return [
      Route(
        .get, "/v3/endpoints", .identity("list_endpoints", IdentityPolicy.adminOrSystemReader),
        query: .list([.init("interface", .choice(Self.interfaces))] + Self.filters.parameters)
      ) { try await list($0) },
      Route(
        .post, "/v3/endpoints", .identity("create_endpoint", IdentityPolicy.admin), query: .unread,
        body: .needed(.endpoint(changes: false))
      ) { try await create($0) },
      Route(.get, one, .identity("get_endpoint", IdentityPolicy.adminOrSystemReader), query: .unread) {
        try await show($0)
      },
      Route(
        .patch, one, .identity("update_endpoint", IdentityPolicy.admin), query: .unread,
        body: .needed(.endpoint(changes: true))
      ) { try await update($0) },
      Route(.delete, one, .identity("delete_endpoint", IdentityPolicy.admin), query: .unread) { try await delete($0) },
    ]
  }

  private static let interfaces = ["public", "internal", "admin"]

  private static let filters: TextFilters = ["service_id": "e.service_id", "region_id": "e.region_id"]

  private func list(_ call: Call) async throws -> Reply {
    var conditions = Self.filters.conditions(call.query)
    if let interface = call.query["interface"] { conditions.append("e.interface = \(interface)") }
    let fixed = conditions
    return try await call.list(
      "endpoints", from: core.store, read: { try CatalogTable.endpoints($0, fixed, $1) }, id: \.id
    ) { $0.endpoint($1, call, base: core.baseURL) }
  }

  private func create(_ call: Call) async throws -> Reply {
    let fields = try call.object("endpoint")
    guard let interface = try fields.optionalChoice("interface", Self.interfaces) else {
      throw fields.invalid("interface", "it is required")
    }
    let region = try fields.optionalString("region_id", 1...255)
    let legacyRegion = try fields.optionalString("region", 1...255)
    var endpoint = Endpoint(
      id: Identifier.hex(), serviceID: try fields.string("service_id", 1...64), regionID: region ?? legacyRegion,
      interface: interface,
      url: try url(fields), enabled: try fields.flag("enabled") ?? true, extra: [:])
    endpoint.extra = fields.newExtra()
    let made = endpoint
    try await core.write("endpoint") { tx in
      if region == nil, let legacyRegion { try Self.makeRegion(tx, legacyRegion) }
      try Self.checkReferences(tx, made)
      try CatalogTable.insert(tx, made)
    }
    return reply(201, call, made)
  }

  /// Any address with a scheme, as in Keystone, but for those that a browser would run. What it names for a token's
  /// project or user must be known.
  private func url(_ fields: JSONFields) throws -> String {
    let url = try fields.string("url", 1...225)
    let own = url.hasPrefix(Endpoint.base) ? "http:" + url.dropFirst(Endpoint.base.count) : url
    let scheme = own.prefix { $0 != ":" }
    let isScheme = scheme.utf8.allSatisfy { byte in
      UInt8(ascii: "+") == byte || UInt8(ascii: "-") == byte || UInt8(ascii: ".") == byte || Self.isAlphanumeric(byte)
    }
    guard isScheme, !scheme.isEmpty, own.utf8.count > scheme.utf8.count + 1,
      !["javascript", "data", "vbscript"].contains(scheme.lowercased())
    else { throw fields.invalid("url", "it must be a URL") }
    guard EndpointURL(own) != nil else { throw fields.invalid("url", "it names something that is not known") }
    return url
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
  }

  /// A region that is named in the old way is made where it is not there, as in Keystone.
  private static func makeRegion(_ tx: Transaction, _ id: String) throws {
    guard try CatalogTable.region(tx, id) == nil else { return }
    try CatalogTable.insert(tx, Region(id: id, parentRegionID: nil, description: "", extra: [:]))
  }

  /// A service or region that does not exist is the body's mistake: 400.
  private static func checkReferences(_ tx: Transaction, _ endpoint: Endpoint) throws {
    guard try CatalogTable.service(tx, endpoint.serviceID) != nil else {
      throw Fault.badRequest("Could not find service: \(endpoint.serviceID.quoted).")
    }
    if let region = endpoint.regionID, try CatalogTable.region(tx, region) == nil {
      throw Fault.badRequest("Could not find region: \(region.quoted).")
    }
  }

  private func show(_ call: Call) async throws -> Reply {
    let id = try call.parameter("endpoint_id")
    let found = try await core.store.read { tx in try CatalogTable.endpoint(tx, id) }
    guard let found else { throw Fault.noSuch("endpoint", id) }
    return reply(200, call, found)
  }

  private func update(_ call: Call) async throws -> Reply {
    let id = try call.parameter("endpoint_id")
    let fields = try call.object("endpoint")
    try fields.sameID(id)
    let interface = try fields.optionalChoice("interface", Self.interfaces)
    let service = try fields.optionalString("service_id", 1...64)
    let region = try fields.patchString("region_id", 1...255)
    let legacyRegion = try fields.optionalString("region", 1...255)
    let url = fields.has("url") ? try url(fields) : nil
    let enabled = try fields.flag("enabled")
    let extra = fields.newExtra()
    let changed = try await core.write("endpoint") { tx in
      guard var endpoint = try CatalogTable.endpoint(tx, id) else { throw Fault.noSuch("endpoint", id) }
      endpoint.interface = interface ?? endpoint.interface
      endpoint.serviceID = service ?? endpoint.serviceID
      if region.value == nil, let legacyRegion { try Self.makeRegion(tx, legacyRegion) }
      endpoint.regionID = region.value ?? legacyRegion ?? region.applied(to: endpoint.regionID)
      endpoint.url = url ?? endpoint.url
      endpoint.enabled = enabled ?? endpoint.enabled
      endpoint.extra.merge(extra) { $1 }
      try Self.checkReferences(tx, endpoint)
      try CatalogTable.update(tx, endpoint)
      return endpoint
    }
    return reply(200, call, changed)
  }

  private func delete(_ call: Call) async throws -> Reply {
    let id = try call.parameter("endpoint_id")
    try await core.store.write { tx in
      guard try CatalogTable.endpoint(tx, id) != nil else { throw Fault.noSuch("endpoint", id) }
      try CatalogTable.deleteEndpoint(tx, id)
    }
    return .done
  }

  private func reply(_ status: Int, _ call: Call, _ endpoint: Endpoint) -> Reply {
    Reply.one(status, "endpoint") { $0.endpoint(endpoint, call, base: core.baseURL) }
  }
}

extension JSONWriter {
  mutating func endpoint(_ endpoint: Endpoint, _ call: Call, base: String) {
    object {
      $0.field("id", endpoint.id)
      $0.field("interface", endpoint.interface)
      $0.field("region", endpoint.regionID)
      $0.field("region_id", endpoint.regionID)
      $0.field("service_id", endpoint.serviceID)
      $0.field("url", endpoint.url(base: base))
      $0.field("enabled", endpoint.enabled)
      $0.extra(endpoint.extra)
      $0.links(call.link("/endpoints/\(endpoint.id)"))
    }
  }
}
