import API
import Auth
import Kit
import Store

/// `/audit`: who asked for what, and who was refused, as CADF events.
struct AuditRoutes {
  private static let pageDefault = 100
  private static let pageMax = 1000

  let context: ExplainContext

  var routes: [Route] {
    [Route(.get, "/v1/audit", Permission("haneul:audit", .systemReader), query: .audit) { try await index($0) }]
  }

  private func index(_ call: Call) async throws -> Reply {
    let filter = try Self.filter(call.query)
    let page = try call.page(default: Self.pageDefault, maximum: Self.pageMax)
    let limit = max(1, page.limit ?? Self.pageDefault)
    let after = try page.marker.map { text in
      guard let number = Int64(text) else { throw Fault.badRequest("marker \(text.quoted) is no record's number.") }
      return number
    }
    await context.log.flush()
    let found = try await context.store.read { try AuditTable.list($0, filter, limit: limit + 1, after: after) }
    let records = found.prefix(limit)
    let next = found.count > limit ? records.last?.number : nil
    if call.wantsText {
      return .text(AuditText(records: Array(records), more: next != nil, now: context.now()).text)
    }
    return .json { json in
      json.field("events", records) { AuditEvent.write($1, to: &$0) }
      if let next {
        json.field("events_links", [call.nextPage(marker: String(next))]) { json, href in
          json.object {
            $0.field("rel", "next")
            $0.field("href", href)
          }
        }
      }
    }
  }

  private static func filter(_ query: Query) throws -> AuditTable.Filter {
    func wrong(_ name: String, _ hint: String) -> Fault {
      Fault.badRequest("\(name) \((query[name] ?? "").quoted) is none of \(hint).")
    }
    var filter = AuditTable.Filter(
      initiator: query["initiator"], target: query["target"], request: query["request"])
    switch query["outcome"] {
    case nil: break
    case "success": filter.succeeded = true
    case "failure": filter.succeeded = false
    default: throw wrong("outcome", "success, failure")
    }
    if let word = query["kind"] {
      guard let kind = AuditRecord.Kind(rawValue: word) else {
        throw wrong("kind", AuditRecord.Kind.allCases.map(\.rawValue).joined(separator: ", "))
      }
      filter.kind = kind
    }
    if let text = query["since"] {
      guard let time = Timestamp(iso8601: text) else { throw wrong("since", "times like 2026-08-01T12:00:00Z") }
      filter.since = time
    }
    return filter
  }
}
