import API
import Auth
import Kit
import Store

/// `/servers/{id}/os-instance-actions`: what was done to a server.
struct InstanceActionRoutes {
  private static let pageMax = 1000

  let context: ComputeContext

  private static let path = "/v2.1/servers/{server_id}/os-instance-actions"

  var routes: [Route] {
    [
      Route(.get, Self.path, ComputePermissions.read("os-instance-actions:list"), query: .instanceActions) {
        try await index($0)
      },
      Route(.get, Self.path + "/{request_id}", ComputePermissions.read("os-instance-actions:show"), query: .unread) {
        try await show($0)
      },
    ]
  }

  /// Refuses who may not see the server; from 2.21 the actions of one that is gone are still there.
  private static func check(_ tx: Transaction, _ call: Call, _ context: ComputeContext, id: String) throws {
    let principal = try call.principal()
    if call.at(21), try ServerTable.find(tx, id: id) == nil,
      let project = try ActionTable.projectOfGone(tx, server: id),
      principal.isAdmin || project == principal.projectID
    {
      return
    }
    _ = try context.server(tx, id: id, for: principal)
  }

  private func index(_ call: Call) async throws -> Reply {
    let id = try call.parameter("server_id")
    var limit = Self.pageMax
    var marker: String?
    var since: Timestamp?
    var before: Timestamp?
    if call.at(58) {
      let page = try call.page(default: Self.pageMax, maximum: Self.pageMax)
      (limit, marker) = (page.limit ?? Self.pageMax, page.marker)
      since = try call.query["changes-since"].map(ServerFilter.time)
      if call.at(66) { before = try call.query["changes-before"].map(ServerFilter.time) }
      if let since, let before, before < since {
        throw Fault.badRequest("The value of changes-since must be less than or equal to changes-before.")
      }
    }
    let actions = try await context.store.read { [context, limit, marker, since, before] tx in
      try Self.check(tx, call, context, id: id)
      var last: InstanceAction?
      if let marker {
        last = try ActionTable.find(tx, server: id, requestID: marker)
        if last == nil { throw Fault.badRequest("marker [\(marker.prefix(64))] not found") }
      }
      return try ActionTable.list(tx, server: id, after: last, since: since, before: before, limit: limit)
    }
    let next = call.at(58) && limit > 0 && actions.count == limit ? actions.last?.requestID : nil
    return .json { json in
      json.field("instanceActions", actions) { json, action in
        json.object { Self.write(&$0, action, call) }
      }
      if let next {
        json.field("links", [call.nextPage(marker: next)]) { json, href in
          json.object {
            $0.field("rel", "next")
            $0.field("href", href)
          }
        }
      }
    }
  }

  private func show(_ call: Call) async throws -> Reply {
    let id = try call.parameter("server_id")
    let requestID = try call.parameter("request_id")
    let action = try await context.store.read { [context] tx in
      try Self.check(tx, call, context, id: id)
      return try ActionTable.find(tx, server: id, requestID: requestID)
    }
    guard let action else { throw Fault.notFound("Action for request_id \(requestID.quoted) not found") }
    let admin = call.caller?.isAdmin ?? false
    return .json { json in
      json.field("instanceAction") { json in
        Self.write(&json, action, call)
        // Before 2.51 only administrators saw events.
        if admin || call.at(51) {
          json.field("events", [action]) { Self.writeEvent(&$0, $1, call, admin: admin) }
        }
      }
    }
  }

  private static func write(_ json: inout JSONWriter, _ action: InstanceAction, _ call: Call) {
    json.field("action", action.action)
    json.field("instance_uuid", action.serverID)
    json.field("request_id", action.requestID)
    json.field("user_id", action.userID)
    json.field("project_id", action.projectID)
    json.field("start_time", action.startedAt.iso8601Naive)
    json.field("message", action.message)
    if call.at(58) { json.field("updated_at", action.updatedAt.iso8601Naive) }
  }

  private static func writeEvent(_ json: inout JSONWriter, _ action: InstanceAction, _ call: Call, admin: Bool) {
    json.object {
      $0.field("event", "compute_\(action.action)")
      $0.field("start_time", action.startedAt.iso8601Naive)
      $0.field("finish_time", action.finishedAt?.iso8601Naive)
      $0.field("result", action.result)
      if admin { $0.field("traceback", String?.none) }
      if call.at(62) {
        $0.field("hostId", action.host.map { ServerView.hostID(project: action.projectID, host: $0) } ?? "")
        if admin { $0.field("host", action.host) }
      }
      if call.at(84) { $0.field("details", action.details) }
    }
  }
}
