import Drivers
import NodeLink

/// What one look at the host has come to so far: what cannot be as asked, and what was different and put right.
struct Look: Sendable {
  /// Problems that mean: the repair itself did not work.
  private static let failures: Set<String> = [
    "DeviceFailed", "DaemonFailed", "DiskFailed", "NamespaceMissing", "ToolFailed", "HostUnreadable", "RulesRejected",
    "ExternalBridgeMissing",
  ]

  private(set) var problems: [ObjectKey: Refusal] = [:]
  private(set) var changes: [NetworkChange] = []
  /// Ports whose tap is up and held by nobody.
  var unplugged: Set<String> = []
  private var places: [Place: Int] = [:]

  private struct Place: Hashable {
    var key: ObjectKey?
    var field: DriftField
  }

  init(problems: [ObjectKey: Refusal] = [:]) { self.problems = problems }

  subscript(key: ObjectKey) -> Refusal? { problems[key] }

  /// The first problem of an object is the one that is told.
  mutating func refuse(_ key: ObjectKey, _ refusal: Refusal) {
    if problems[key] == nil { problems[key] = refusal }
  }

  mutating func refuse(_ refused: [ObjectKey: Refusal]) {
    for (key, refusal) in refused { refuse(key, refusal) }
  }

  /// A difference; what differs in one field of one object is one change.
  mutating func note(_ change: NetworkChange) {
    let place = Place(key: change.key, field: change.field)
    guard let index = places[place] else {
      places[place] = changes.count
      changes.append(change)
      return
    }
    changes[index].asked = Self.joined(changes[index].asked, change.asked)
    changes[index].found = Self.joined(changes[index].found, change.found)
    changes[index].done = Self.joined(changes[index].done, change.done)
  }

  mutating func note(_ key: ObjectKey?, _ field: DriftField, asked: String, found: String, done: String) {
    note(NetworkChange(key: key, field: field, asked: asked, found: found, done: done))
  }

  mutating func merge(_ other: Look) {
    refuse(other.problems)
    for change in other.changes { note(change) }
    unplugged.formUnion(other.unplugged)
  }

  /// The changes, each saying what really came of it.
  var outcome: [NetworkChange] {
    changes.map { change in
      guard let key = change.key, let refusal = problems[key], Self.failures.contains(refusal.type) else {
        return change
      }
      var failed = change
      failed.done = "not done: \(refusal.message)"
      return failed
    }
  }

  private static let joinedMax = 500

  private static func joined(_ first: String, _ second: String) -> String {
    first == second || first.utf8.count > joinedMax ? first : "\(first); \(second)"
  }
}
