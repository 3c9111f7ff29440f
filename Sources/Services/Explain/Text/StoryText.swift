import Contracts
import Kit
import NodeLink

/// A story for people: the whole in one sentence first, then what is wrong, then everything else.
struct StoryText {
  /// Steps and history shown; JSON has all of them.
  private static let shownMax = 40

  let telling: Telling
  let now: Timestamp

  private var admin: Bool { telling.forAdmin }

  var text: String {
    var page = TextPage()
    head(&page)
    trouble(&page)
    asked(&page)
    observed(&page)
    path(&page)
    history(&page)
    steps(&page)
    settled(&page)
    related(&page)
    return page.text
  }

  private func head(_ page: inout TextPage) {
    let subject = telling.subject
    let name = subject.name.isEmpty ? "" : " \(subject.name)"
    page.line("\(subject.key.kind.replacing("_", with: " "))\(name)  \(telling.status)")
    page.line(telling.summary)
    page.blank()
    page.row("id", subject.key.id)
    if let project = subject.projectID {
      page.row("project", telling.projectName.map { "\($0) (\(project))" } ?? project)
    }
  }

  private func trouble(_ page: inout TextPage) {
    if let fault = telling.fault {
      // Its message is the summary already.
      page.section("FAULT", "\(fault.code), \(Clock.at(fault.at, now: now))")
      if admin, let details = fault.details { page.item(details) }
    }
    for (index, missing) in telling.missing.enumerated() {
      if index == 0 { page.section("NOT AS ASKED") }
      page.item(missing.what)
      page.item(missing.why, deeper: 2)
      var times: [String] = []
      if let since = missing.since { times.append("since \(Clock.at(since, now: now))") }
      if let attempts = missing.attempts { times.append("\(attempts) attempts") }
      if !times.isEmpty { page.item(times.joined(separator: "; "), deeper: 2) }
      page.item("next: " + missing.next, deeper: 2)
    }
    for (index, next) in telling.next.enumerated() {
      if index == 0 { page.section("NEXT", next) } else { page.item(next) }
    }
  }

  private func asked(_ page: inout TextPage) {
    if let asked = telling.asked {
      let who = asked.userName ?? asked.userID ?? "the cloud itself"
      let project = asked.projectName.map { " of project \($0)" } ?? ""
      page.section("ASKED", "by \(who)\(project), \(Clock.at(asked.at, now: now))")
      if let request = asked.request { page.item(request) }
      if let id = asked.requestID { page.item(id) }
    } else {
      page.section("ASKED")
    }
    for fact in telling.facts { page.row("  \(fact.name)", fact.value) }
    for (index, rule) in telling.rules.enumerated() { page.row(index == 0 ? "  rules" : "", rule) }
  }

  private func observed(_ page: inout TextPage) {
    guard !telling.observed.isEmpty || !telling.seen.isEmpty else { return }
    page.section("OBSERVED")
    for seen in telling.seen {
      let host = admin ? seen.hostname : "its host"
      let heard = seen.lastHeard.map { ", heard \(Clock.ago($0, now: now))" } ?? ""
      page.row("  by", "\(host) (\(seen.isUp ? "up" : "DOWN")\(heard))\(Self.verdict(seen, now: now))")
    }
    for fact in telling.observed { page.row("  \(fact.name)", fact.value) }
  }

  private static func verdict(_ seen: Telling.Seen, now: Timestamp) -> String {
    guard let ready = seen.ready, let at = seen.at else { return "" }
    return ": \(ready ? "as asked" : "not as asked") since \(Clock.at(at, now: now))"
  }

  private func path(_ page: inout TextPage) {
    switch telling.path {
    case nil: return
    case .unknown(let why): page.section("PACKETS", why)
    case .known(let path):
      if let hop = telling.blockedAt {
        let name = admin ? " \(hop.name)" : ""
        page.section("PACKETS", "\(hop.passes ? "some are dropped" : "cannot pass") at: \(hop.kind)\(name)")
      } else {
        page.section("PACKETS", "pass every hop, from the guest outwards")
      }
      for hop in path.hops { write(hop, &page) }
    }
  }

  private func write(_ hop: PacketPath.Hop, _ page: inout TextPage) {
    let counted = hop.packets.map { packets in
      "  \(packets) packets" + (hop.bytes.map { ", \($0) bytes" } ?? "")
    }
    let kind = hop.kind.padded(16)
    page.line("  \(hop.passes ? "ok" : "NO")  \(kind) \(admin ? hop.name : "")\(counted ?? "")", hang: 25)
    if admin, !hop.state.isEmpty { page.item(hop.state, deeper: 11) }
    for drop in hop.drops { page.item("dropped: \(drop)", deeper: 11) }
  }

  private func history(_ page: inout TextPage) {
    guard !telling.history.isEmpty else { return }
    page.section("HISTORY", "of what was asked, oldest first" + left(telling.history.count))
    for past in telling.history.suffix(Self.shownMax) {
      let who = past.userName ?? past.userID ?? "the cloud itself"
      let at = past.at.iso8601.replacing("T", with: " ")
      page.line("  \(at)  \(short(past.what))  by \(who)\(outcome(past))", hang: 22)
      page.item(past.requestID, deeper: 12)
      if let message = past.message { page.item(message, deeper: 12) }
    }
  }

  /// A request's path without the id that stands at the story's head.
  private func short(_ what: String) -> String { what.replacing(telling.subject.key.id, with: "{id}") }

  private func outcome(_ past: Telling.Past) -> String {
    let status = past.status.map { ", answered \($0)" } ?? ""
    guard let ended = past.ended else { return "\(status), GOES ON since \(Clock.ago(past.at, now: now))" }
    let took = Clock.span(ended.seconds(since: past.at))
    return past.failed ? "\(status), FAILED after \(took)" : "\(status), done in \(took)"
  }

  private func left(_ count: Int) -> String {
    count > Self.shownMax ? " (the last \(Self.shownMax) of \(count); --json has all)" : ""
  }

  private func steps(_ page: inout TextPage) {
    guard !telling.steps.isEmpty else { return }
    page.section("STEPS", "on control and host, UTC" + left(telling.steps.count))
    let hostnames = Dictionary(telling.seen.map { ($0.nodeID, $0.hostname) }, uniquingKeysWith: { $1 })
    var day = ""
    var request: String?
    for step in telling.steps.suffix(Self.shownMax) {
      let today = String(step.at.iso8601.prefix(10))
      if today != day { page.line("  \(today)") }
      if let id = step.requestID, id != request { page.item(id, deeper: 12) }
      (day, request) = (today, step.requestID ?? request)
      let place = step.nodeID.map { admin ? hostnames[$0] ?? $0 : "host" } ?? "control"
      let took = Clock.span(step.ended.seconds(since: step.at)).padded(8)
      page.line("  \(Clock.ofDay(step.at))  \(took)  \(place.padded(10)) \(short(step.what))", hang: 35)
      guard let error = step.error else { continue }
      page.item("FAILED: " + (admin || step.nodeID == nil ? error : "an administrator sees why"), deeper: 12)
    }
  }

  /// Drift that is over; what is open stands above.
  private func settled(_ page: inout TextPage) {
    let settled = telling.drift.filter { $0.finding.settled != nil }
    guard !settled.isEmpty else { return }
    page.section("DRIFT", "that was settled, newest first")
    for entry in settled.prefix(Self.shownMax) {
      let finding = entry.finding
      let took = finding.settled.map { Clock.span($0.seconds(since: finding.since)) } ?? ""
      page.line("  \(Clock.at(finding.since, now: now))  \(finding.field.rawValue)  settled after \(took)")
      page.item(admin ? "found \(finding.found); \(finding.done)" : finding.field.meaning, deeper: 2)
    }
  }

  private func related(_ page: inout TextPage) {
    guard !telling.related.isEmpty else { return }
    page.section("RELATED", "haneul explain tells of each")
    for related in telling.related.prefix(Self.shownMax) {
      let name = related.name.flatMap { $0.isEmpty ? nil : "  \($0)" } ?? ""
      page.line("  \(related.relation.padded(20)) \(related.key.id)\(name)")
    }
    if telling.related.count > Self.shownMax {
      page.line("  and \(telling.related.count - Self.shownMax) more (--json has them)")
    }
  }
}
