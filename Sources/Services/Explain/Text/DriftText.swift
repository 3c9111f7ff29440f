import Kit
import NodeLink

/// Findings of drift for people, newest first.
struct DriftText {
  let entries: [DriftTable.Entry]
  let nodes: [String: NodeTable.Node]
  /// Whether settled findings were left out.
  let onlyOpen: Bool
  let more: Bool
  let now: Timestamp

  var text: String {
    var page = TextPage()
    if entries.isEmpty {
      page.line(onlyOpen ? "No open drift: the world is as asked. (haneul drift --all shows what was.)" : "No drift.")
      return page.text
    }
    for entry in entries {
      if !page.lines.isEmpty { page.blank() }
      Self.write(entry, nodes: nodes, now: now, to: &page)
    }
    if more {
      page.blank()
      page.line("There is more: haneul drift --json --all, or GET /haneul/v1/drift with limit and marker.")
    }
    return page.text
  }

  /// A finding with what was asked, found and done.
  static func write(
    _ entry: DriftTable.Entry, nodes: [String: NodeTable.Node], now: Timestamp, to page: inout TextPage
  ) {
    let finding = entry.finding
    let state = finding.settled.map { "settled \(Clock.ago($0, now: now))" } ?? "OPEN"
    page.line("\(state)  \(finding.field.rawValue) (\(finding.field.policy.rawValue))  \(finding.subject)")
    page.row("  host", nodes[entry.nodeID]?.facts.hostname ?? entry.nodeID)
    page.row("  since", Clock.at(finding.since, now: now) + (entry.times > 1 ? ", \(entry.times) times" : ""))
    page.row("  asked", finding.asked)
    page.row("  found", finding.found)
    page.row("  done", finding.done)
    if let settled = finding.settled {
      page.row("  took", Clock.span(settled.seconds(since: finding.since)))
    } else {
      page.row("  next", NextSteps.next(entry))
    }
  }

  /// What is done about each kind of drift.
  static var policies: String {
    var page = TextPage()
    page.line("enforce: it is put back.  adopt: reality is what is asked from now on.  report: shown, left alone.")
    let width = (DriftField.allCases.map(\.rawValue.count).max() ?? 0) + 1
    for policy in DriftPolicy.allCases {
      page.blank()
      page.line(policy.rawValue)
      for field in DriftField.allCases where field.policy == policy {
        page.line("  \(field.rawValue.padded(width)) \(field.meaning)", hang: width + 1)
      }
    }
    return page.text
  }
}

/// What stands in quarantine, for people.
struct QuarantineText {
  let entries: [DriftTable.Entry]
  let nodes: [String: NodeTable.Node]
  let now: Timestamp

  var text: String {
    var page = TextPage()
    guard !entries.isEmpty else { return "Nothing is in quarantine: every object on the hosts is known.\n" }
    let count = entries.count == 1 ? "One object carries" : "\(entries.count) objects carry"
    page.line(
      "\(count) this cloud's mark, and control does not know of it. Nothing is done to it, running or not, until you "
        + "decide.")
    for entry in entries {
      let key = entry.finding.key?.description ?? entry.finding.subject
      page.blank()
      page.line(key)
      page.row("  host", nodes[entry.nodeID]?.facts.hostname ?? entry.nodeID)
      page.row("  node", entry.nodeID)
      page.row("  since", Clock.at(entry.finding.since, now: now))
      page.row("  found", entry.finding.found)
      page.line("  haneul quarantine --remove \(key) --node \(Self.shortest(entry.nodeID, nodes))")
    }
    page.blank()
    page.line("Removing takes a guest's disk with it. To keep one, restore a store that knows it.")
    return page.text
  }

  /// The node's hostname, or its id where another has the same.
  private static func shortest(_ id: String, _ nodes: [String: NodeTable.Node]) -> String {
    guard let hostname = nodes[id]?.facts.hostname else { return id }
    return nodes.values.count { $0.facts.hostname == hostname } == 1 ? hostname : id
  }
}
