import API
import Auth
import Contracts
import Kit
import Store

/// `/who-can` and `/why-denied`: rights, from the declared routes and identity's facts.
struct AccessRoutes {
  let context: ExplainContext
  /// Every route there is, of all services.
  let services: @Sendable () -> [ServiceAPI]

  var routes: [Route] {
    guard let access = context.access else { return [] }
    return [
      Route(.get, "/v1/who-can", Permission("haneul:who_can", .systemReader), query: .whoCan) {
        try await whoCan($0, access)
      },
      Route(.get, "/v1/why-denied/{request_id}", Permission("haneul:why_denied", .systemReader), query: .nothing) {
        try await whyDenied($0, access)
      },
    ]
  }

  private var permissions: [Permission] { services().flatMap(\.routes).map(\.permission) }

  private func whoCan(_ call: Call, _ access: any AccessContract) async throws -> Reply {
    guard let action = call.query["action"] else { throw Fault.badRequest("action is required.") }
    let resource = call.query["resource"]
    let principal = try call.principal()
    let permissions = permissions
    let answer = try await context.store.read { [context] tx in
      try WhoCan(
        tx, context, access, permissions: permissions, action: action, resource: resource, principal: principal)
    }
    if call.wantsText { return .text(answer.text) }
    return .json { json in
      json.key("who_can")
      answer.write(&json)
    }
  }

  private func whyDenied(_ call: Call, _ access: any AccessContract) async throws -> Reply {
    let request = try call.parameter("request_id")
    let permissions = permissions
    await context.log.flush()
    let answer = try await context.store.read { tx in
      try WhyDenied(tx, access, permissions: permissions, request: request)
    }
    if call.wantsText { return .text(answer.text) }
    return .json { json in
      json.key("why_denied")
      answer.write(&json)
    }
  }
}
