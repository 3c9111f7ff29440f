import API
import Auth
import Contracts
import Kit
import NodeLink
import Store

/// `/metrics`: counts for Prometheus, for an administrator's token.
struct MetricsRoutes {
  let context: ExplainContext

  var routes: [Route] {
    [Route(.get, "/v1/metrics", Permission("haneul:metrics", .systemReader), query: .nothing) { try await metrics($0) }]
  }

  private func metrics(_ call: Call) async throws -> Reply {
    return .text(try await page(), type: MetricsPage.contentType)
  }

  /// What this process counts, and what the store says of the cloud.
  func page() async throws -> String {
    var page = MetricsPage()
    context.metrics.write(&page)
    let dropped = context.log.dropped
    page.family("haneul_request_log_dropped_total", "counter", "Requests that could not be kept, since the start.") {
      $0.sample([("place", "store")], dropped.store)
      $0.sample([("place", "file")], dropped.file)
    }
    let counted = page
    return try await context.store.read { [context] tx in
      var page = counted
      try Self.nodes(tx, &page)
      try Self.drift(tx, &page)
      try Self.resources(tx, context, &page)
      try Self.steps(tx, &page)
      for fact in context.facts { try fact(tx, &page) }
      let rows = try RequestTable.counts(tx)
      page.family("haneul_request_log_rows", "gauge", "Requests kept in the request log, by kind.") { page in
        for (kind, count) in rows { page.sample([("kind", kind)], count) }
      }
      return page.text
    }
  }

  private static func nodes(_ tx: Transaction, _ page: inout MetricsPage) throws {
    let nodes = try NodeTable.all(tx)
    page.family("haneul_node_up", "gauge", "Whether the node was heard of lately.") {
      for node in nodes { $0.sample([("node", node.id), ("hostname", node.facts.hostname)], node.up ? 1 : 0) }
    }
    page.family("haneul_node_last_heard_seconds", "gauge", "When the node was heard last, in seconds since 1970.") {
      for node in nodes {
        $0.sample([("node", node.id), ("hostname", node.facts.hostname)], Int(node.lastSeen.microseconds / 1_000_000))
      }
    }
    page.family("haneul_node_disk_free_gib", "gauge", "Free disk of the node, in GiB.") {
      for node in nodes { $0.sample([("node", node.id), ("hostname", node.facts.hostname)], node.facts.diskFreeGiB) }
    }
  }

  private static func drift(_ tx: Transaction, _ page: inout MetricsPage) throws {
    let counts = Dictionary(try DriftTable.counts(tx).map { ($0.field, $0) }, uniquingKeysWith: { $1 })
    page.family("haneul_drift_open", "gauge", "Differences between asked and found that are open.") {
      for field in DriftField.allCases {
        $0.sample([("field", field.rawValue), ("policy", field.policy.rawValue)], counts[field]?.open ?? 0)
      }
    }
    page.family("haneul_drift_settled", "gauge", "Settled findings that are kept.") {
      for field in DriftField.allCases {
        $0.sample([("field", field.rawValue), ("policy", field.policy.rawValue)], counts[field]?.settled ?? 0)
      }
    }
    // Findings are numbered one after the other, so the newest number tells how many there ever were.
    let newest = try DriftTable.all(tx, .init(), limit: 1).first?.number ?? 0
    page.family("haneul_drift_findings_total", "counter", "Findings there ever were.") { $0.sample([], Int(newest)) }
    let unkept = try DriftTable.unkept(tx)
    page.family("haneul_drift_unkept", "gauge", "Open findings that were not kept for want of room.") {
      for (node, count) in unkept.sorted(by: { $0.key < $1.key }) { $0.sample([("node", node)], count) }
    }
  }

  private static func resources(_ tx: Transaction, _ context: ExplainContext, _ page: inout MetricsPage) throws {
    let counts = try context.tellers.flatMap { try $0.counts(tx) }
    page.family("haneul_resources", "gauge", "Resources by kind and status.") {
      for count in counts { $0.sample([("kind", count.kind), ("status", count.status)], count.count) }
    }
    let sights = try SightTable.counts(tx)
    page.family("haneul_objects_ready", "gauge", "Objects on hosts that are as asked.") {
      for sight in sights { $0.sample([("kind", sight.kind)], sight.ready) }
    }
    page.family("haneul_objects", "gauge", "Objects that hosts have spoken of.") {
      for sight in sights { $0.sample([("kind", sight.kind)], sight.all) }
    }
  }

  private static func steps(_ tx: Transaction, _ page: inout MetricsPage) throws {
    let counts = try StepCountTable.all(tx)
    page.family("haneul_steps_total", "counter", "Steps that nodes took.") {
      for count in counts { $0.sample([("step", count.step)], count.taken) }
    }
    page.family("haneul_steps_failed_total", "counter", "Steps that failed.") {
      for count in counts { $0.sample([("step", count.step)], count.failed) }
    }
    page.family("haneul_steps_seconds_total", "counter", "Time that steps took.") {
      for count in counts { $0.sample([("step", count.step)], Double(count.microseconds) / 1_000_000) }
    }
  }
}
