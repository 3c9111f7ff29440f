import Kit
import NodeLink
import Store

/// Tells a traced request of what nodes did for it: how long each object waited to be taken up, and each step.
struct StepSpans {
  let tracer: Tracer

  /// Spans get their ids from what they tell of: a report that comes twice says nothing new.
  func tell(_ tx: Transaction, node: String, _ events: [StepEvent]) throws {
    for (key, events) in Dictionary(grouping: events, by: \.key) {
      for (request, steps) in Dictionary(grouping: events, by: \.requestID) {
        guard let request, let place = tracer.context(of: request) else { continue }
        let manifest = try manifest(tx, node, key, request, place, steps)
        for step in steps { tracer.keep(span(step, node, request, place, below: manifest)) }
      }
    }
  }

  /// The span of the manifest's row, from when it was asked for until the first step for it; nil where the row is
  /// another request's by now and nothing was told of this one. It is told with its first steps alone.
  private func manifest(
    _ tx: Transaction, _ node: String, _ key: ObjectKey, _ request: String, _ place: TraceContext, _ steps: [StepEvent]
  ) throws -> TraceContext? {
    let own = place.child(named: Self.number("manifest \(node) \(key) \(request)"))
    let isTold = try tx.exists(
      """
      SELECT 1 FROM step_event WHERE kind = \(key.kind.rawValue) AND object_id = \(key.id) AND request_id = \(request)
        AND node_id = \(node) LIMIT 1
      """)
    if isTold { return own }
    let asked = try tx.first(
      """
      SELECT c.at FROM manifest m JOIN changes c ON c.revision = m.generation
      WHERE m.node_id = \(node) AND m.kind = \(key.kind.rawValue) AND m.object_id = \(key.id)
        AND m.request_id = \(request)
      """
    ) { $0.time(0) }
    guard let asked, let first = steps.map(\.began).min() else { return nil }
    tracer.keep(
      Span(
        context: own, parentID: place.spanID, name: "manifest \(key.kind.rawValue)", began: asked,
        ended: max(asked, first), attributes: attributes(key, node, request)))
    return own
  }

  private func span(
    _ step: StepEvent, _ node: String, _ request: String, _ place: TraceContext, below manifest: TraceContext?
  ) -> Span {
    let name = "\(step.step) \(node) \(step.key) \(step.began.microseconds)"
    return Span(
      context: place.child(named: Self.number(name)), parentID: manifest?.spanID ?? place.spanID,
      name: "node \(step.step)", kind: .consumer, began: step.began, ended: max(step.began, step.ended),
      attributes: attributes(step.key, node, request), error: step.error.map(Scrubbed.text))
  }

  private func attributes(_ key: ObjectKey, _ node: String, _ request: String) -> [(String, Span.Attribute)] {
    [
      ("openstack.request_id", .text(request)), ("haneul.node", .text(node)),
      ("haneul.object.kind", .text(key.kind.rawValue)), ("haneul.object.id", .text(key.id)),
    ]
  }

  /// FNV-1a: the same text gives the same number in every process.
  private static func number(_ text: String) -> UInt64 {
    text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
  }
}
