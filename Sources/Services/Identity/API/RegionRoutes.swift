import API
import Auth
import Kit
import Store

/// Regions of the catalogue.
struct RegionRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    let one = "/v3/regions/{region_id}"
    return [
      Route(
        .get, "/v3/regions", Permission("identity:list_regions", .authenticated),
        query: .list(Self.filters.parameters, others: .refused)
      ) { try await list($0) },
      Route(
        .post, "/v3/regions", .identity("create_region", IdentityPolicy.admin), query: .unread,
        body: .needed(.region(changes: false))
      ) { try await create($0, id: nil) },
      Route(
        .put, one, .identity("create_region", IdentityPolicy.admin), query: .unread,
        body: .needed(.region(changes: false))
      ) { call in
        try await create(call, id: try call.parameter("region_id"))
      },
      Route(.get, one, Permission("identity:get_region", .authenticated), query: .unread) { try await show($0) },
      Route(
        .patch, one, .identity("update_region", IdentityPolicy.admin), query: .unread,
        body: .needed(.region(changes: true))
      ) { try await update($0) },
      Route(.delete, one, .identity("delete_region", IdentityPolicy.admin), query: .unread) { try await delete($0) },
    ]
  }

  private static let filters: TextFilters = ["parent_region_id": "r.parent_region_id"]

  private func list(_ call: Call) async throws -> Reply {
    let fixed = Self.filters.conditions(call.query)
    return try await call.list("regions", from: core.store, read: { try CatalogTable.regions($0, fixed, $1) }, id: \.id)
    { $0.region($1, call) }
  }

  /// Without an id, or with an empty one, the region gets one. An id of the path has no slash, as in Keystone.
  private func create(_ call: Call, id: String?) async throws -> Reply {
    let fields = try call.object("region")
    let asked = try fields.optionalString("id", 0...255)
    guard id == nil || asked == nil || asked == id else { throw fields.invalid("id", "it must be the path's") }
    if let id, id.contains("/") { throw Fault.noSuch("region", id) }
    let chosen = id ?? asked.flatMap { $0.isEmpty ? nil : $0 }
    var region = Region(
      id: chosen ?? Identifier.hex(), parentRegionID: try fields.optionalString("parent_region_id", 1...255),
      description: try fields.description() ?? "", extra: [:])
    guard region.id.count <= 255 else { throw fields.invalid("id", "it is too long") }
    region.extra = fields.newExtra()
    let made = region
    try await core.write("region") { tx in
      try Self.checkParent(tx, made)
      try CatalogTable.insert(tx, made)
    }
    return Reply.one(201, "region") { $0.region(made, call) }
  }

  /// A region stands below one that is there, and not below itself.
  private static func checkParent(_ tx: Transaction, _ region: Region) throws {
    guard let parent = region.parentRegionID else { return }
    guard try CatalogTable.region(tx, parent) != nil else { throw Fault.noSuch("region", parent) }
    guard try !CatalogTable.isBelow(tx, region: parent, root: region.id) else {
      throw Fault.badRequest("A region cannot stand below itself.")
    }
  }

  private func show(_ call: Call) async throws -> Reply {
    let id = try call.parameter("region_id")
    let found = try await core.store.read { tx in try CatalogTable.region(tx, id) }
    guard let found else { throw Fault.noSuch("region", id) }
    return Reply.one(200, "region") { $0.region(found, call) }
  }

  private func update(_ call: Call) async throws -> Reply {
    let id = try call.parameter("region_id")
    let fields = try call.object("region")
    try fields.sameID(id)
    let parent = try fields.patchString("parent_region_id", 1...255)
    let description = try fields.description()
    let extra = fields.newExtra()
    let changed = try await core.write("region") { tx in
      guard var region = try CatalogTable.region(tx, id) else { throw Fault.noSuch("region", id) }
      region.parentRegionID = parent.applied(to: region.parentRegionID)
      region.description = description ?? region.description
      region.extra.merge(extra) { $1 }
      try Self.checkParent(tx, region)
      try CatalogTable.update(tx, region)
      return region
    }
    return Reply.one(200, "region") { $0.region(changed, call) }
  }

  /// Takes the regions below it along, as in Keystone.
  private func delete(_ call: Call) async throws -> Reply {
    let id = try call.parameter("region_id")
    try await core.store.write { tx in
      guard try CatalogTable.region(tx, id) != nil else { throw Fault.noSuch("region", id) }
      guard try !CatalogTable.hasEndpoints(tx, region: id) else {
        throw Fault.forbidden("The region, or one below it, has endpoints.")
      }
      try CatalogTable.deleteRegion(tx, id)
    }
    return .done
  }
}

extension JSONWriter {
  mutating func region(_ region: Region, _ call: Call) {
    object {
      $0.field("id", region.id)
      $0.field("description", region.description)
      $0.field("parent_region_id", region.parentRegionID)
      $0.extra(region.extra)
      $0.links(call.link("/regions/\(region.id)"))
    }
  }
}
