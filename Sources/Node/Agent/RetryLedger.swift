import Kit
import NodeLink

/// Why each object is not as asked, how often that was tried, and when it may be tried again.
struct RetryLedger: Sendable {
  private struct Entry {
    var condition: Condition
    var generation: Int64
    var notBefore: ContinuousClock.Instant
  }
  private var entries: [ObjectKey: Entry] = [:]

  /// A try failed. Returns its condition and the pause before the next one: growing, and from the start again where
  /// something new was asked.
  mutating func failed(
    _ key: ObjectKey, generation: Int64, type: String, message: String, timing: AgentTiming
  ) -> (condition: Condition, pause: Duration) {
    let old = entries[key].flatMap { $0.generation == generation && $0.condition.type == type ? $0.condition : nil }
    let attempts = (old?.attempts ?? 0) + 1
    let condition = Condition(type: type, message: message, since: old?.since ?? .now(), attempts: attempts)
    let pause = min(timing.retryMax, timing.retryFirst * (1 << min(attempts - 1, 16)))
    entries[key] = Entry(condition: condition, generation: generation, notBefore: .now + pause)
    return (condition, pause)
  }

  /// Nothing failed, but the object waits for something outside: no attempts are counted.
  mutating func waiting(_ key: ObjectKey, generation: Int64, type: String, message: String) -> Condition {
    let since = entries[key].flatMap { $0.condition.type == type ? $0.condition.since : nil } ?? .now()
    let condition = Condition(type: type, message: message, since: since, attempts: 0)
    entries[key] = Entry(condition: condition, generation: generation, notBefore: .now)
    return condition
  }

  /// What stood behind these conditions is over: they may be tried again at once.
  mutating func forgive(type: String) {
    for (key, entry) in entries where entry.condition.type == type { entries[key]?.notBefore = .now }
  }

  mutating func clear(_ key: ObjectKey) { entries[key] = nil }

  func condition(_ key: ObjectKey) -> Condition? { entries[key]?.condition }

  /// How long this generation still has to wait; nil where it may be tried now.
  func pause(_ key: ObjectKey, generation: Int64) -> Duration? {
    guard let entry = entries[key], entry.generation == generation, entry.notBefore > .now else { return nil }
    return entry.notBefore - .now
  }
}
