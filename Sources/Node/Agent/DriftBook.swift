import Kit
import NodeLink

/// What this node found different from what was asked: at most one open finding of a subject and field, said when it
/// opens, changes or settles, and all open ones after a reconnect.
struct DriftBook: Sendable {
  /// Open findings kept: what one report can hold. Further ones are counted, and found again by a later look.
  static let openMax = Report.driftMax
  /// Settled findings kept until control has heard of them; older ones are dropped and counted.
  static let settledMax = 1000

  private struct Place: Hashable {
    var subject: String
    var field: DriftField
  }
  private struct Open {
    var finding: DriftFinding
    /// What is said to be done where nothing fails.
    var meant: String
  }
  private var open: [Place: Open] = [:]
  private var unsaid: Set<Place> = []
  private var settled: [DriftFinding] = []
  private var wholeDue = false
  private(set) var dropped = 0

  /// Whether there is something to say. Before `complete`, when not everything was looked at yet, all open findings
  /// cannot be said as the whole.
  func isEmpty(complete: Bool) -> Bool { unsaid.isEmpty && settled.isEmpty && !(wholeDue && complete) }

  func isOpen(_ subject: String, _ field: DriftField) -> Bool { open[Place(subject: subject, field: field)] != nil }
  var openFindings: [DriftFinding] { open.values.map(\.finding) }

  /// Notes a difference. What is open already keeps its beginning, and what was said of it while nothing changes.
  mutating func find(_ finding: DriftFinding) {
    let place = Place(subject: finding.subject, field: finding.field)
    var now = finding
    if let old = open[place] {
      guard (old.finding.asked, old.finding.found, old.meant) != (finding.asked, finding.found, finding.done) else {
        return
      }
      now.since = old.finding.since
    } else if open.count >= Self.openMax {
      dropped += 1
      return
    }
    open[place] = Open(finding: now, meant: finding.done)
    unsaid.insert(place)
  }

  /// The world is as asked again, or the difference was adopted. No effect where nothing is open.
  mutating func settle(_ subject: String, _ field: DriftField) {
    let place = Place(subject: subject, field: field)
    guard let over = open.removeValue(forKey: place) else { return }
    unsaid.remove(place)
    var finding = over.finding
    (finding.settled, finding.done) = (.now(), over.meant)
    keep([finding])
  }

  /// The subject is gone: nothing of it differs any more.
  mutating func settleAll(_ subject: String) {
    for place in open.keys where place.subject == subject { settle(subject, place.field) }
  }

  /// Of this field only these subjects still differ.
  mutating func settle(_ field: DriftField, except subjects: Set<String>) {
    for place in open.keys where place.field == field && !subjects.contains(place.subject) {
      settle(place.subject, field)
    }
  }

  /// What was meant to be done about a subject's findings could not be done yet.
  mutating func failed(_ subject: String, _ problem: String) {
    let done = "not yet: \(problem)"
    for (place, known) in open where place.subject == subject && place.field.policy == .enforce {
      guard known.finding.done != done else { continue }
      open[place]?.finding.done = done
      unsaid.insert(place)
    }
  }

  private mutating func keep(_ findings: [DriftFinding]) {
    for finding in findings {
      // What flaps while nobody listens is said once.
      settled.removeAll { $0.subject == finding.subject && $0.field == finding.field }
      settled.append(finding)
    }
    if settled.count > Self.settledMax {
      dropped += settled.count - Self.settledMax
      settled.removeFirst(settled.count - Self.settledMax)
    }
  }

  mutating func countAnew() { dropped = 0 }

  /// After a reconnect all open findings are said.
  mutating func sayAllAgain() { wholeDue = true }

  /// Takes out the next report's part. What is settled goes first: the same subject and field may be open again.
  mutating func take(complete: Bool) -> (findings: [DriftFinding], whole: Bool) {
    let over = Array(settled.prefix(Report.driftMax))
    settled.removeFirst(over.count)
    let room = Report.driftMax - over.count
    if wholeDue, complete, open.count <= room {
      (wholeDue, unsaid) = (false, [])
      return (over + openFindings, true)
    }
    let part = unsaid.prefix(room)
    unsaid.subtract(part)
    return (over + part.compactMap { open[$0]?.finding }, false)
  }

  /// The report was lost: what it said is said again, unless something newer took its place.
  mutating func putBack(_ findings: [DriftFinding], whole: Bool) {
    if whole { wholeDue = true }
    let newer = settled
    settled = []
    keep(findings.filter { $0.settled != nil })
    keep(newer)
    for finding in findings where finding.settled == nil {
      let place = Place(subject: finding.subject, field: finding.field)
      if open[place] != nil { unsaid.insert(place) }
    }
  }
}
