package import NodeLink
package import Synchronization

/// Control in memory: holds a manifest, streams it, remembers what is reported.
package final class SimulatedControl: ControlLink {
  package struct Gone: Error {}

  package struct State: Sendable {
    package var cloudID: String
    package var epoch: Int64 = 1
    package var generation: Int64 = 0
    package var reachable = true
    package var objects: [ObjectKey: LinkMessage] = [:]
    package var generations: [ObjectKey: Int64] = [:]
    package var stream: AsyncThrowingStream<LinkMessage, any Error>.Continuation?
    package var hellos: [Hello] = []
    package var seen: [ObjectKey: Observation] = [:]
    package var history: [Observation] = []
    package var events: [StepEvent] = []
    package var answers: [NodeAnswer] = []
    package var reports = 0
    package var refuseReports = false
    /// Places of the reports that were taken, in order.
    package var orders: [ReportOrder] = []
    /// Another life has greeted since: reports of this one are late.
    package var outlived: String?
    /// Findings as they came, and those open now.
    package var drift: [DriftFinding] = []
    package var wholes = 0
    package var openDrift: [DriftFinding] = []
  }

  package let state: Mutex<State>
  package let fuse: Fuse

  package init(cloudID: String, fuse: Fuse = Fuse()) {
    state = Mutex(State(cloudID: cloudID))
    self.fuse = fuse
  }

  package func set(_ change: @Sendable (inout State) -> Void) { state.withLock { change(&$0) } }
  package func seen(_ kind: ObjectKind, _ id: String) -> Observation? {
    state.withLock { $0.seen[ObjectKey(kind, id)] }
  }
  package func history(_ kind: ObjectKind, _ id: String) -> [Observation] {
    state.withLock { $0.history.filter { $0.key == ObjectKey(kind, id) } }
  }
  package func steps(_ id: String) -> [String] {
    state.withLock { $0.events.filter { $0.key.id == id }.map(\.step) }
  }

  /// Findings of a field as they were told, in order.
  package func drift(_ field: DriftField) -> [DriftFinding] {
    state.withLock { $0.drift.filter { $0.field == field } }
  }
  package func openDrift(_ field: DriftField) -> [DriftFinding] {
    state.withLock { $0.openDrift.filter { $0.field == field } }
  }

  /// Asks for an object; returns its generation.
  @discardableResult
  package func put(_ kind: ObjectKind, _ id: String, _ spec: ObjectSpec) -> Int64 {
    send(ObjectKey(kind, id)) {
      .object(ManifestObject(key: ObjectKey(kind, id), generation: $0, requestID: "req-\($0)", spec: spec))
    }
  }

  @discardableResult
  package func bury(_ kind: ObjectKind, _ id: String) -> Int64 {
    send(ObjectKey(kind, id)) {
      .tombstone(Tombstone(key: ObjectKey(kind, id), generation: $0, requestID: "req-\($0)"))
    }
  }

  private func send(_ key: ObjectKey, _ message: (Int64) -> LinkMessage) -> Int64 {
    state.withLock { state in
      state.generation += 1
      let made = message(state.generation)
      state.objects[key] = made
      state.generations[key] = state.generation
      state.stream?.yield(made)
      return state.generation
    }
  }

  package func ask(_ query: NodeQuery) { state.withLock { _ = $0.stream?.yield(.query(query)) } }

  /// Cuts the link; it stays down until `reachable` is set again.
  package func cut() {
    state.withLock { state in
      state.reachable = false
      state.stream?.finish(throwing: Gone())
      state.stream = nil
    }
  }

  package func messages(hello: Hello) -> AsyncThrowingStream<LinkMessage, any Error> {
    let (stream, continuation) = AsyncThrowingStream.makeStream(of: LinkMessage.self)
    state.withLock { state in
      guard state.reachable, !fuse.isBlown else { return continuation.finish(throwing: Gone()) }
      state.hellos.append(hello)
      continuation.yield(.welcome(cloudID: state.cloudID, epoch: state.epoch))
      let known = hello.epoch == state.epoch ? hello.held : []
      for key in state.objects.keys {
        let held = known.first { $0.key == key }
        if held?.generation != state.generations[key], let message = state.objects[key] { continuation.yield(message) }
      }
      let unknown = hello.held.map(\.key).filter { state.objects[$0] == nil }
      if !unknown.isEmpty { continuation.yield(.unknown(unknown)) }
      continuation.yield(.synced)
      state.stream = continuation
    }
    return stream
  }

  package func report(_ report: Report) async throws {
    if report.observations.isEmpty, report.events.isEmpty, report.drift?.isEmpty ?? true {
      try await fuse.read("heartbeat")
      return try state.withLock { try Self.take(report, &$0) }
    }
    try await fuse.act("report") { try state.withLock { try Self.take(report, &$0) } }
  }

  private static func take(_ report: Report, _ state: inout State) throws {
    guard state.reachable, !state.refuseReports else { throw Gone() }
    if let order = report.order {
      if order.life == state.outlived { throw LinkError.refused(status: 409, reason: "late") }
      state.orders.append(order)
    }
    state.reports += 1
    state.events += report.events
    for observation in report.observations {
      state.seen[observation.key] = observation
      state.history.append(observation)
      if observation.removed, state.generations[observation.key] == observation.generation {
        state.objects[observation.key] = nil
        state.generations[observation.key] = nil
      }
    }
    takeDrift(report, &state)
  }

  private static func takeDrift(_ report: Report, _ state: inout State) {
    let findings = report.drift ?? []
    state.drift += findings
    if report.driftIsWhole == true {
      state.wholes += 1
      state.openDrift = []
    }
    for finding in findings {
      state.openDrift.removeAll { $0.subject == finding.subject && $0.field == finding.field }
      if finding.settled == nil { state.openDrift.append(finding) }
    }
  }

  package func answer(_ answer: NodeAnswer) async throws { set { $0.answers.append(answer) } }

  package func blob(digest: String, write: @Sendable ([UInt8]) async throws -> Void) async throws {
    guard state.withLock({ $0.reachable }) else { throw Gone() }
    try await write(Array(digest.utf8))
  }
}
