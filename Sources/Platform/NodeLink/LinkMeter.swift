public import Kit

/// Counts what goes over the links to the nodes.
public final class LinkMeter: MetricsSource {
  /// Nodes counted apart; what comes beyond is counted together.
  private static let nodesMax = 1024

  /// What is counted of one node.
  private final class Node: Sendable {
    let opened = Counter()
    let reports = Counter()
    let late = Counter()
    let observations = Counter()
    let sent = Counter()
  }
  private let nodes = LabelledMetrics(seriesMax: nodesMax) { Node() }
  private let streams = Gauge()

  init() {}

  func opened(_ node: String) {
    streams.add(1)
    nodes[node].opened.add()
  }

  func closed() { streams.add(-1) }

  func sent(_ node: String, bytes: Int) { nodes[node].sent.add(bytes) }

  func reported(_ report: Report) {
    let node = nodes[report.nodeID]
    node.reports.add()
    node.observations.add(report.observations.count)
  }

  func late(_ node: String) { nodes[node].late.add() }

  public func write(_ page: inout MetricsPage) {
    let nodes = nodes.all
    func each(_ name: String, _ help: String, _ counter: (Node) -> Counter) {
      page.family(name, "counter", help) { page in
        for (id, node) in nodes { page.sample([("node", id)], counter(node).count) }
      }
    }
    page.family("haneul_node_streams", "gauge", "Streams to nodes that are open.") { $0.sample([], streams.number) }
    each("haneul_node_streams_opened_total", "Streams that the node opened.") { $0.opened }
    each("haneul_node_reports_total", "Reports of the node.") { $0.reports }
    each("haneul_node_late_reports_total", "Reports that came after a newer one and were not believed.") { $0.late }
    each("haneul_node_observations_total", "Objects that the node's reports spoke of.") { $0.observations }
    each("haneul_node_sent_bytes_total", "Bytes sent down the node's streams.") { $0.sent }
  }
}
