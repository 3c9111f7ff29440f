import API
import Kit
import Store

/// `/allocations/{consumer}` and `/usages`: who holds what.
struct AllocationRoutes: Sendable {
  let store: any Store
  /// What every consumer is.
  private static let consumerType = "INSTANCE"

  var routes: [Route] {
    [
      Route(.get, "/allocations/{consumer_uuid}", PlacementVersions.permission("allocations:list"), query: .unread) {
        try await show($0)
      },
      Route(.get, "/usages", since: Microversion(1, 9), PlacementVersions.permission("usages"), query: Self.query) {
        try await usages($0)
      },
    ]
  }

  private static let query = PlacementVersions.query([
    .init("project_id", required: true), "user_id", .init("consumer_type", since: Microversion(1, 38)),
  ])

  private func show(_ call: Call) async throws -> Reply {
    let consumer = try call.parameter("consumer_uuid")
    let allocations = try await store.read { try AllocationTable.list($0, where: ["a.consumer = \(consumer)"]) }
    return PlacementVersions.answer(call) { json in
      json.field("allocations") { json in
        for group in allocations.grouped(by: \.provider) {
          json.field(group.key) { json in
            json.resources(group.allocations)
            json.field("generation", group.allocations.first?.providerGeneration)
          }
        }
      }
      guard let first = allocations.first, call.version >= Microversion(1, 12) else { return }
      json.field("project_id", first.projectID)
      json.field("user_id", first.userID)
      if call.version >= Microversion(1, 28) { json.field("consumer_generation", first.consumerGeneration) }
      if call.version >= Microversion(1, 38) { json.field("consumer_type", Self.consumerType) }
    }
  }

  private func usages(_ call: Call) async throws -> Reply {
    guard let project = call.query["project_id"], !project.isEmpty else {
      throw Fault.badRequest("The query parameter project_id is required.", type: "placement.query.missing_value")
    }
    let user = call.query["user_id"]
    let usage = try await store.read { try AllocationTable.usage($0, projectID: project, userID: user) }
    let amounts = usage.amounts.sorted { $0.key < $1.key }
    return PlacementVersions.answer(call) { json in
      json.field("usages") { json in
        guard call.version >= Microversion(1, 38) else {
          for (resource, amount) in amounts { json.field(resource, amount) }
          return
        }
        let asked = call.query["consumer_type"] ?? Self.consumerType
        guard usage.consumers > 0, asked == Self.consumerType || asked == "all" else { return }
        json.field(asked) { json in
          for (resource, amount) in amounts { json.field(resource, amount) }
          json.field("consumer_count", usage.consumers)
        }
      }
    }
  }
}
