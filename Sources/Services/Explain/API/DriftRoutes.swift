import API
import Auth
import Kit
import NodeLink
import Store

/// `/drift`: where the world was found other than asked, and `/drift/policies`: what is done about it.
struct DriftRoutes {
  private static let pageDefault = 100
  private static let pageMax = 1000

  let context: ExplainContext

  var routes: [Route] {
    let read = Permission("haneul:drift", .systemReader)
    return [
      Route(.get, "/v1/drift", read, query: .drift) { try await index($0) },
      Route(.get, "/v1/drift/policies", Permission("haneul:drift_policies", .authenticated), query: .nothing) {
        policies($0)
      },
    ]
  }

  private struct Page: Sendable {
    var entries: [DriftTable.Entry]
    var next: Int64?
    var nodes: [String: NodeTable.Node]
    var unkept: Int
  }

  private func index(_ call: Call) async throws -> Reply {
    let filter = DriftTable.Filter(
      node: call.query["node"], subject: call.query["subject"], field: try call.query["field"].map(Self.field),
      open: try call.query.bool("open"))
    let page = try call.page(default: Self.pageDefault, maximum: Self.pageMax)
    let limit = max(1, page.limit ?? Self.pageDefault)
    let after = try page.marker.map { text in
      guard let number = Int64(text) else { throw Fault.badRequest("marker \(text.quoted) is no finding's number.") }
      return number
    }
    let found = try await context.store.read { [context] tx in
      let entries = try DriftTable.all(tx, filter, limit: limit + 1, after: after)
      return Page(
        entries: Array(entries.prefix(limit)), next: entries.count > limit ? entries[limit - 1].number : nil,
        nodes: try context.nodes(tx), unkept: try DriftTable.unkept(tx).values.reduce(0, +))
    }
    if call.wantsText {
      return .text(
        DriftText(
          entries: found.entries, nodes: found.nodes, onlyOpen: filter.open == true, more: found.next != nil,
          now: context.now()
        ).text)
    }
    return .json { json in
      json.field("drift", found.entries) { $0.drift($1, admin: true) }
      json.field("unkept", found.unkept)
      if let next = found.next {
        json.field("drift_links", [call.nextPage(marker: String(next))]) { json, href in
          json.object {
            $0.field("rel", "next")
            $0.field("href", href)
          }
        }
      }
    }
  }

  private static func field(_ text: String) throws -> DriftField {
    guard let field = DriftField(rawValue: text) else {
      throw Fault.badRequest("\(text.quoted) is no field that is compared; see /haneul/v1/drift/policies.")
    }
    return field
  }

  private func policies(_ call: Call) -> Reply {
    if call.wantsText { return .text(DriftText.policies) }
    return .json(bytes: Self.policies)
  }

  /// What is done about each kind of drift, as JSON.
  static var policies: [UInt8] {
    var writer = JSONWriter()
    writer.object { json in
      json.field("policies", DriftField.allCases) { json, field in
        json.object {
          $0.field("field", field.rawValue)
          $0.field("policy", field.policy.rawValue)
          $0.field("meaning", field.meaning)
        }
      }
    }
    return writer.bytes
  }
}
