import API
import Auth
import Kit
import NodeLink
import Store

/// `/quarantine`: what hosts hold that carries this cloud's mark and that control does not know, and the operator's
/// word about it.
struct QuarantineRoutes {
  /// Objects listed at the most.
  private static let listMax = 1000

  let context: ExplainContext

  var routes: [Route] {
    [
      Route(.get, "/v1/quarantine", Permission("haneul:quarantine:list", .systemReader), query: .strict(["node"])) {
        try await index($0)
      },
      Route(
        .post, "/v1/quarantine/{node}/{kind}/{id}", Permission("haneul:quarantine:decide", .admin), query: .nothing,
        body: .needed(.quarantineDecision)
      ) {
        try await decide($0)
      },
    ]
  }

  private func index(_ call: Call) async throws -> Reply {
    let named = call.query["node"]
    let (entries, nodes) = try await context.store.read { [context] tx in
      (
        try DriftTable.all(
          tx, .init(node: named.map { try Self.node(tx, $0) }, field: .unknownObject, open: true), limit: Self.listMax),
        try context.nodes(tx)
      )
    }
    if call.wantsText { return .text(QuarantineText(entries: entries, nodes: nodes, now: context.now()).text) }
    return .json { json in json.field("quarantine", entries) { $0.drift($1, admin: true) } }
  }

  /// `{"action": "remove"}`: the host is told to remove the object with everything made for it.
  private func decide(_ call: Call) async throws -> Reply {
    let fields = try call.body()
    guard try fields.string("action") == "remove" else { throw fields.invalid("action", "it is not known") }
    let named = try call.parameter("node")
    let id = try call.parameter("id")
    guard let kind = ObjectKind(rawValue: try call.parameter("kind")) else {
      throw Fault.notFound("There is no such kind of object.")
    }
    let key = ObjectKey(kind, id)
    try await context.store.write { tx in
      let node = try Self.node(tx, named)
      let held = try DriftTable.all(tx, .init(node: node, field: .unknownObject, open: true), limit: Self.listMax)
      guard held.contains(where: { $0.finding.key == key || $0.finding.subject == key.description }) else {
        throw Fault.notFound("\(key.description.quoted) is not in quarantine on node \(named.quoted).")
      }
      guard try ManifestTable.condemn(tx, node: node, key: key, requestID: call.requestID) else {
        throw Fault.conflict("\(key.description.quoted) is known to its service by now: delete it there.")
      }
    }
    return Reply(status: 202)
  }

  /// The node's id, by its id or by a hostname that only one has.
  private static func node(_ tx: Transaction, _ named: String) throws -> String {
    let nodes = try NodeTable.all(tx)
    if nodes.contains(where: { $0.id == named }) { return named }
    let called = nodes.filter { $0.facts.hostname == named }
    guard called.count == 1 else { throw Fault.notFound("No node, or more than one, is called \(named.quoted).") }
    return called[0].id
  }
}
