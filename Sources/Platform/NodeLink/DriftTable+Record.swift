import Kit
import Store

/// What a report says of drift, written down in the transaction that stores the report.
extension DriftTable {
  /// Settled rows dropped at once when there are too many.
  private static let dropMax = 5000

  private struct Known {
    var number: Int64
    var again: Timestamp
    var settled: Timestamp?
  }

  /// Takes in a node's findings; where they are all it has (`whole`), others of it that are open are over.
  /// Returns how many open findings of the node were not kept for want of room.
  @discardableResult
  static func record(
    _ tx: Transaction, node: String, _ findings: [DriftFinding], whole: Bool, at now: Timestamp
  ) throws -> Int {
    if whole { try closeOthers(tx, node, findings, now) }
    guard !findings.isEmpty || whole else { return 0 }
    var room = openPerNodeMax - (try tx.count("SELECT count(*) FROM drift WHERE node_id = \(node) AND settled IS NULL"))
    var unkept = 0
    for finding in findings {
      switch try put(tx, node, finding, room: room) {
      case .opened: room -= 1
      case .settled: room += 1
      case .noRoom: unkept += 1
      case .same: break
      }
    }
    try note(tx, node, unkept: unkept, whole: whole)
    try dropOldest(tx)
    return unkept
  }

  private enum Outcome { case opened, settled, same, noRoom }

  private static func put(_ tx: Transaction, _ node: String, _ finding: DriftFinding, room: Int) throws -> Outcome {
    let known = try newest(tx, node, finding)
    let opens = finding.settled == nil && (known == nil || known?.settled != nil)
    if opens, room <= 0 { return .noRoom }
    guard let known else {
      try insert(tx, node, finding)
      return opens ? .opened : .same
    }
    // The same moment is the same finding said again: after a lost answer, or because it changed or settled.
    let again = finding.since != known.again
    if again, let settled = known.settled, abs(finding.since.seconds(since: settled)) > sameWithinSeconds {
      try insert(tx, node, finding)
      return opens ? .opened : .same
    }
    try tx.execute(
      """
      UPDATE drift SET asked = \(cut(finding.asked)), found = \(cut(finding.found)), done = \(cut(finding.done)),
        again = \(finding.since), settled = \(finding.settled), times = times + \(again ? 1 : 0)
      WHERE number = \(known.number)
      """)
    if finding.settled != nil, known.settled == nil { return .settled }
    return opens ? .opened : .same
  }

  private static func newest(_ tx: Transaction, _ node: String, _ finding: DriftFinding) throws -> Known? {
    try tx.first(
      """
      SELECT number, again, settled FROM drift
      WHERE node_id = \(node) AND subject = \(cut(finding.subject)) AND field = \(finding.field.rawValue)
      ORDER BY number DESC LIMIT 1
      """
    ) { Known(number: Int64($0.int(0)), again: $0.time(1), settled: $0.timeOrNil(2)) }
  }

  private static func insert(_ tx: Transaction, _ node: String, _ finding: DriftFinding) throws {
    try tx.execute(
      """
      INSERT INTO drift (node_id, subject, field, kind, object_id, asked, found, done, since, again, settled, times)
      VALUES (\(node), \(cut(finding.subject)), \(finding.field.rawValue), \(finding.key?.kind.rawValue),
        \(finding.key?.id), \(cut(finding.asked)), \(cut(finding.found)), \(cut(finding.done)), \(finding.since),
        \(finding.since), \(finding.settled), 1)
      """)
  }

  private static func closeOthers(
    _ tx: Transaction, _ node: String, _ findings: [DriftFinding], _ now: Timestamp
  ) throws {
    struct Name: Hashable {
      var subject: String
      var field: String
    }
    let named = Set(findings.map { Name(subject: cut($0.subject), field: $0.field.rawValue) })
    let open = try tx.query("SELECT number, subject, field FROM drift WHERE node_id = \(node) AND settled IS NULL") {
      ($0.int(0), Name(subject: $0.text(1), field: $0.text(2)))
    }
    for (number, name) in open where !named.contains(name) {
      try tx.execute("UPDATE drift SET settled = \(now), done = 'seen no more' WHERE number = \(number)")
    }
  }

  private static func note(_ tx: Transaction, _ node: String, unkept: Int, whole: Bool) throws {
    if whole { try tx.execute("DELETE FROM drift_unkept WHERE node_id = \(node)") }
    guard unkept > 0 else { return }
    try tx.execute(
      """
      INSERT INTO drift_unkept (node_id, count) VALUES (\(node), \(unkept))
      ON CONFLICT (node_id) DO UPDATE SET count = drift_unkept.count + excluded.count
      """)
  }

  private static func dropOldest(_ tx: Transaction) throws {
    try tx.execute(
      """
      DELETE FROM drift WHERE number IN (
        SELECT number FROM drift WHERE settled IS NOT NULL ORDER BY settled DESC, number DESC
        LIMIT \(dropMax) OFFSET \(settledMax))
      """)
  }

  private static func cut(_ text: String) -> String { String(text.prefix(textMax)) }
}
