import API
import Kit

/// Lets so many requests alike through as records of their own, and counts the others into one: whoever asks a million
/// times is on record, and fills no disk.
///
/// Changes all pass: only a known caller makes them, and each has changed something or was refused by a rule.
struct AuditGate: Sendable {
  /// How long requests are counted together, in seconds.
  static let windowSeconds = 60
  /// Requests alike in one window that are records of their own.
  static let aloneMax = 5
  /// Different ones in one window; what comes beyond is counted as one.
  static let keysMax = 200

  private struct Key: Hashable {
    var kind: AuditRecord.Kind
    var user: String
    var address: String?
    var method: String
    var service: String?
    var route: String?
    var status: Int
  }
  private struct Tally {
    var count = 0
    /// The first of those that were only counted, which tells of them all.
    var first: AuditRecord?
    var left = 0
  }

  private var tallies: [Key: Tally] = [:]
  private var strangers = Tally()
  private var began: SuspendingClock.Instant?

  /// What is to be kept now: the record itself, and what a window that is over has counted.
  mutating func take(_ record: AuditRecord, at now: SuspendingClock.Instant) -> [AuditRecord] {
    if record.kind == .change { return [record] }
    let over = close(at: now)
    if began == nil { began = now }
    let key = Key(
      kind: record.kind, user: record.userID.isEmpty ? record.userName : record.userID, address: record.address,
      method: record.method, service: record.service, route: record.route, status: record.status)
    guard tallies[key] != nil || tallies.count < Self.keysMax else {
      Self.count(record, into: &strangers)
      return over
    }
    var tally = tallies[key] ?? Tally()
    defer { tallies[key] = tally }
    tally.count += 1
    if tally.count <= Self.aloneMax { return over + [record] }
    Self.count(record, into: &tally)
    return over
  }

  /// What was counted, where the window is over or `always`.
  mutating func close(at now: SuspendingClock.Instant, always: Bool = false) -> [AuditRecord] {
    guard let began, always || began.duration(to: now) >= .seconds(Self.windowSeconds) else { return [] }
    var counted = tallies.values.compactMap(Self.record)
    if var others = Self.record(strangers) {
      // Of many users, addresses and paths: nothing of the first one's is said of the others.
      others.userID = ""
      others.userName = ""
      others.projectID = nil
      others.projectName = nil
      others.address = nil
      others.agent = nil
      others.path = "*"
      others.route = nil
      counted.append(others)
    }
    tallies = [:]
    strangers = Tally()
    self.began = nil
    return counted.sorted { $0.began < $1.began }
  }

  private static func count(_ record: AuditRecord, into tally: inout Tally) {
    if tally.first == nil { tally.first = record }
    tally.left += 1
  }

  private static func record(_ tally: Tally) -> AuditRecord? {
    guard var record = tally.first else { return nil }
    record.times = tally.left
    return record
  }
}
