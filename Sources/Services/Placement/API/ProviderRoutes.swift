import API
import Contracts
import Kit
import Store

/// `/resource_providers`: the hosts, what they have, and what is taken of it.
struct ProviderRoutes: Sendable {
  let store: any Store

  var routes: [Route] {
    let one = "/resource_providers/{uuid}"
    return [
      Route(.get, "/resource_providers", PlacementVersions.permission("resource_providers:list"), query: Self.query) {
        try await list($0)
      },
      Route(.get, one, PlacementVersions.permission("resource_providers:show"), query: .unread) { call in
        let provider = try await find(call)
        return PlacementVersions.answer(call) { $0.providerFields(provider, call.version) }
      },
      Route(
        .get, one + "/inventories", PlacementVersions.permission("resource_providers:inventories:list"), query: .unread
      ) { call in
        let provider = try await find(call)
        return PlacementVersions.answer(call) { json in
          json.field("inventories") { json in
            for (resource, inventory) in provider.byClass {
              json.field(resource.rawValue) { $0.inventoryFields(inventory) }
            }
          }
          json.field("resource_provider_generation", provider.generation)
        }
      },
      Route(
        .get, one + "/inventories/{class}", PlacementVersions.permission("resource_providers:inventories:show"),
        query: .unread
      ) {
        try await showInventory($0)
      },
      Route(.get, one + "/usages", PlacementVersions.permission("resource_providers:usages"), query: .unread) { call in
        let provider = try await find(call)
        return PlacementVersions.answer(call) { json in
          json.field("resource_provider_generation", provider.generation)
          json.field("usages") { json in
            for (resource, inventory) in provider.byClass { json.field(resource.rawValue, inventory.used) }
          }
        }
      },
      Route(
        .get, one + "/aggregates", since: Microversion(1, 1),
        PlacementVersions.permission("resource_providers:aggregates:list"), query: .unread
      ) { call in
        let provider = try await find(call)
        return PlacementVersions.answer(call) { json in
          json.field("aggregates", [String]())
          if call.version >= Microversion(1, 19) {
            json.field("resource_provider_generation", provider.generation)
          }
        }
      },
      Route(
        .get, one + "/traits", since: Microversion(1, 6),
        PlacementVersions.permission("resource_providers:traits:list"), query: .unread
      ) {
        call in
        let provider = try await find(call)
        return PlacementVersions.answer(call) { json in
          json.field("traits", provider.traits)
          json.field("resource_provider_generation", provider.generation)
        }
      },
      Route(
        .get, one + "/allocations", PlacementVersions.permission("resource_providers:allocations:list"), query: .unread
      ) {
        try await allocations($0)
      },
    ]
  }

  private static let query = PlacementVersions.query([
    "name", .init("uuid", .uuid), .init("member_of", since: Microversion(1, 3)),
    .init("resources", since: Microversion(1, 4)), .init("in_tree", .uuid, since: Microversion(1, 14)),
    .init("required", since: Microversion(1, 18)),
  ])

  private func list(_ call: Call) async throws -> Reply {
    let filter = try ProviderFilter(call.query)
    var conditions: [SQL] = []
    if let name = call.query["name"] { conditions.append("p.name = \(name)") }
    if let uuid = call.query["uuid"] {
      guard Identifier.isUUID(uuid) else {
        throw Fault.badRequest("\(uuid.quoted) is no UUID.", type: "placement.query.bad_value")
      }
      conditions.append("p.uuid = \(uuid.lowercased())")
    }
    let wanted = conditions
    let providers = try await store.read { try ProviderTable.list($0, where: wanted) }.filter(filter.admits)
    return PlacementVersions.answer(call) { json in
      json.field("resource_providers", providers) { json, provider in
        json.object { $0.providerFields(provider, call.version) }
      }
    }
  }

  private func find(_ call: Call) async throws -> ResourceProvider {
    let uuid = try call.parameter("uuid")
    guard let provider = try await store.read({ try ProviderTable.find($0, uuid) }) else { throw Self.missing(uuid) }
    return provider
  }

  private static func missing(_ uuid: String) -> Fault {
    Fault.notFound(
      "No resource provider with uuid \(uuid.quoted) was found.", type: "placement.resource_provider.not_found")
  }

  private func showInventory(_ call: Call) async throws -> Reply {
    let provider = try await find(call)
    let name = try call.parameter("class")
    guard let inventory = ResourceClass(rawValue: name).flatMap({ provider.inventories[$0] }) else {
      throw Fault.notFound("The resource provider has no inventory of \(name.quoted).")
    }
    return PlacementVersions.answer(call) { json in
      json.inventoryFields(inventory)
      json.field("resource_provider_generation", provider.generation)
    }
  }

  private func allocations(_ call: Call) async throws -> Reply {
    let uuid = try call.parameter("uuid")
    let (provider, allocations) = try await store.read { tx in
      guard let provider = try ProviderTable.find(tx, uuid) else { throw Self.missing(uuid) }
      return (provider, try AllocationTable.list(tx, where: ["a.provider = \(uuid)"]))
    }
    return PlacementVersions.answer(call) { json in
      json.field("allocations") { json in
        for group in allocations.grouped(by: \.consumer) {
          json.field(group.key) { json in
            json.resources(group.allocations)
            if call.version >= Microversion(1, 28), let first = group.allocations.first {
              json.field("consumer_generation", first.consumerGeneration)
            }
          }
        }
      }
      json.field("resource_provider_generation", provider.generation)
    }
  }
}
