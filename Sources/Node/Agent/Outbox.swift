import NodeLink

/// What control has yet to hear: the newest observation of each object, and a bounded run of step events.
struct Outbox: Sendable {
  /// Step events kept while control is away; older ones are dropped and counted.
  static let eventsMax = 2000

  private(set) var known: [ObjectKey: Observation] = [:]
  private var unsaid: Set<ObjectKey> = []
  private var events: [StepEvent] = []
  private(set) var eventsDropped = 0

  var isEmpty: Bool { unsaid.isEmpty && events.isEmpty }

  /// Notes what is seen. Says whether it is news.
  mutating func put(_ observation: Observation) -> Bool {
    guard known[observation.key] != observation else { return false }
    known[observation.key] = observation
    unsaid.insert(observation.key)
    return true
  }

  mutating func put(_ event: StepEvent) {
    if events.count >= Self.eventsMax {
      events.removeFirst()
      eventsDropped += 1
    }
    events.append(event)
  }

  /// After a reconnect everything is said again.
  mutating func sayAllAgain() { unsaid = Set(known.keys) }

  mutating func countAnew() { eventsDropped = 0 }

  mutating func forget(_ key: ObjectKey) {
    known[key] = nil
    unsaid.remove(key)
  }

  /// Takes out the next report's part.
  mutating func take() -> (observations: [Observation], events: [StepEvent]) {
    let observations = unsaid.prefix(Report.observationsMax).compactMap { known[$0] }
    unsaid.subtract(observations.map(\.key))
    let part = Array(events.prefix(LinkLimit.eventsPerReportMax))
    events.removeFirst(part.count)
    return (observations, part)
  }

  /// The report was lost: what it said is said again, unless something newer took its place.
  mutating func putBack(_ observations: [Observation], _ lost: [StepEvent]) {
    for observation in observations where known[observation.key] != nil { unsaid.insert(observation.key) }
    let room = max(0, Self.eventsMax - events.count)
    eventsDropped += max(0, lost.count - room)
    events.insert(contentsOf: lost.suffix(room), at: 0)
  }
}
