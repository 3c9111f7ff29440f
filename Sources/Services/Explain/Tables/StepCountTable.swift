import Kit
import NodeLink
import Store

/// How often each step was taken, how often it failed, and how long it took in all: for metrics, it never shrinks.
enum StepCountTable {
  /// Steps told apart at the most, and characters of a name: nodes name their steps, and one that errs must not fill
  /// the table.
  static let stepsMax = 100
  private static let nameMax = 64

  struct Count: Sendable, Hashable {
    var step: String
    var taken = 0
    var failed = 0
    var microseconds: Int64 = 0
  }

  static func add(_ tx: Transaction, _ events: [StepEvent]) throws {
    var counts: [String: Count] = [:]
    var known = Set(try all(tx).map(\.step))
    for event in events {
      var step = String(event.step.prefix(nameMax))
      if !known.contains(step) {
        if known.count < stepsMax { known.insert(step) } else { step = "other" }
      }
      counts[step, default: Count(step: step)].taken += 1
      if event.error != nil { counts[step, default: Count(step: step)].failed += 1 }
      counts[step, default: Count(step: step)].microseconds +=
        max(0, event.ended.microseconds - event.began.microseconds)
    }
    for count in counts.values {
      try tx.execute(
        """
        INSERT INTO step_count (step, taken, failed, microseconds)
        VALUES (\(count.step), \(count.taken), \(count.failed), \(count.microseconds))
        ON CONFLICT (step) DO UPDATE SET taken = step_count.taken + excluded.taken,
          failed = step_count.failed + excluded.failed, microseconds = step_count.microseconds + excluded.microseconds
        """)
    }
  }

  static func all(_ tx: Transaction) throws -> [Count] {
    try tx.query("SELECT step, taken, failed, microseconds FROM step_count ORDER BY step") {
      Count(step: $0.text(0), taken: $0.int(1), failed: $0.int(2), microseconds: Int64($0.int(3)))
    }
  }
}
