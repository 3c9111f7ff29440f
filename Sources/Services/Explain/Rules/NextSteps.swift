import Contracts
import Kit
import NodeLink

/// What happens next where something is not as asked, in plain words.
enum NextSteps {
  /// A node that is not heard of.
  static func away(_ hostname: String?, since: Timestamp?) -> Telling.MissingLine {
    let host = hostname.map { "host \($0)" } ?? "its host"
    return .init(
      what: "HostAway", why: "\(host.capitalizedFirst) does not answer; what is told here is what it saw last.",
      since: since, attempts: nil,
      next: "It works on without control and takes up what changed when it is back. On the host: haneul status.")
  }

  /// A node that has not spoken of the newest change yet.
  static func behind(_ hostname: String?) -> Telling.MissingLine {
    .init(
      what: "NotTakenIn", why: "\(hostname.map { "Host \($0)" } ?? "The host") has yet to take in the last change.",
      since: nil, attempts: nil, next: "It does so within seconds while it is up.")
  }

  /// A condition that a node reported. `mayEnd`: an action of a user may be waiting for it.
  static func line(_ condition: Condition, of subject: String? = nil, mayEnd: Bool) -> Telling.MissingLine {
    .init(
      what: subject.map { "\(condition.type) of \($0)" } ?? condition.type, why: condition.message,
      since: condition.since, attempts: condition.attempts > 0 ? condition.attempts : nil,
      next: next(condition.type, attempts: condition.attempts, mayEnd: mayEnd))
  }

  static func next(_ type: String, attempts: Int?, mayEnd: Bool) -> String {
    if let known = byType[type] { return known }
    guard let attempts, attempts > 0 else { return "The host goes on by itself when what it waits for is there." }
    return "The host tries again by itself, at least once a minute"
      + (mayEnd ? "; a user's action that waits for it is given up at its limit." : ", and never gives up.")
  }

  private static let byType = [
    "DataMissing": "Nothing is made in its place. Put the file back on the host and it is taken up again, or delete "
      + "the server.",
    "GuestPaused": "Nothing is done by itself: QEMU paused the guest, mostly for a full or broken disk of the host. "
      + "Make room, then reboot the server hard.",
    "PoweredOff": "It stays off: the guest did it. `openstack server start` boots it.",
  ]

  /// An open finding of drift.
  static func line(_ entry: DriftTable.Entry) -> Telling.MissingLine {
    let finding = entry.finding
    return .init(
      what: finding.field.rawValue, why: "\(finding.subject): asked \(finding.asked), found \(finding.found).",
      since: finding.since, attempts: entry.times > 1 ? entry.times : nil, next: next(entry))
  }

  static func next(_ entry: DriftTable.Entry) -> String {
    let finding = entry.finding
    if finding.field == .unknownObject {
      return "In quarantine: nothing is done until somebody decides. haneul quarantine lists it and says how."
    }
    switch finding.field.policy {
    case .enforce: return "The host puts it back by itself and never gives up. \(finding.field.meaning)"
    case .adopt: return finding.field.meaning
    case .report: return "Nothing is done by itself. \(finding.field.meaning)"
    }
  }

  /// The same for whoever does not see the host part: what is compared, and what follows.
  static func veiled(_ entry: DriftTable.Entry) -> Telling.MissingLine {
    .init(
      what: entry.finding.field.rawValue, why: "The host found it other than asked.", since: entry.finding.since,
      attempts: entry.times > 1 ? entry.times : nil, next: entry.finding.field.meaning)
  }
}

extension String {
  /// With its first letter in upper case.
  var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
