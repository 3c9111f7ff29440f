import API
import Kit
import Store

/// `/allocation_candidates`: where a claim of so much would fit now.
struct CandidateRoutes: Sendable {
  /// Candidates in one answer at the most.
  static let limitMax = 1000
  let store: any Store
  let now: @Sendable () -> Timestamp

  var routes: [Route] {
    [
      Route(
        .get, "/allocation_candidates", since: Microversion(1, 10),
        PlacementVersions.permission("allocation_candidates:list"), query: Self.query
      ) { try await list($0) }
    ]
  }

  private static let query = PlacementVersions.query([
    .init("resources", required: true), .init("limit", .natural, since: Microversion(1, 16)),
    .init("required", since: Microversion(1, 17)), .init("member_of", since: Microversion(1, 21)),
    .init("in_tree", .uuid, since: Microversion(1, 31)),
  ])

  private func list(_ call: Call) async throws -> Reply {
    let filter = try ProviderFilter(call.query)
    guard !filter.amounts.isEmpty else {
      throw Fault.badRequest("The query parameter resources is required.", type: "placement.query.missing_value")
    }
    let limit = try call.query.natural("limit")
    guard limit != 0 else {
      throw Fault.badRequest("The query parameter limit must be at least 1.", type: "placement.query.bad_value")
    }
    let since = now().adding(seconds: -PlacementRules.silenceSecondsMax)
    let providers = try await store.read { try ProviderTable.list($0, where: [ProviderTable.seen(since: since)]) }
      .filter(filter.admits).prefix(min(limit ?? Self.limitMax, Self.limitMax))
    return PlacementVersions.answer(call) { json in
      json.field("allocation_requests", providers) { json, provider in
        json.object { Self.request(&$0, provider, filter.amounts, call.version) }
      }
      json.field("provider_summaries") { json in
        for provider in providers {
          json.field(provider.uuid) { Self.summary(&$0, provider, filter.amounts, call.version) }
        }
      }
    }
  }

  private static func request(
    _ json: inout JSONWriter, _ provider: ResourceProvider, _ amounts: Amounts, _ version: Microversion
  ) {
    if version >= Microversion(1, 12) {
      json.field("allocations") { json in json.field(provider.uuid) { $0.resources(amounts) } }
    } else {
      json.field("allocations", [provider]) { json, provider in
        json.object { json in
          json.field("resource_provider") { $0.field("uuid", provider.uuid) }
          json.resources(amounts)
        }
      }
    }
    if version >= Microversion(1, 34) {
      json.field("mappings") { $0.field("", [provider.uuid]) }
    }
  }

  private static func summary(
    _ json: inout JSONWriter, _ provider: ResourceProvider, _ amounts: Amounts, _ version: Microversion
  ) {
    json.field("resources") { json in
      for (resource, inventory) in provider.byClass
      where version >= Microversion(1, 27) || amounts[resource] != nil {
        json.field(resource.rawValue) {
          $0.field("capacity", inventory.capacity)
          $0.field("used", inventory.used)
        }
      }
    }
    if version >= Microversion(1, 17) { json.field("traits", provider.traits) }
    if version >= Microversion(1, 29) {
      json.field("parent_provider_uuid", String?.none)
      json.field("root_provider_uuid", provider.uuid)
    }
  }
}
