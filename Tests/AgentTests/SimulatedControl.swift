import NodeLink
import Synchronization

/// Control in memory: holds a manifest, streams it, remembers what is reported.
final class SimulatedControl: ControlLink {
  struct Gone: Error {}

  struct State {
    var cloudID: String
    var epoch: Int64 = 1
    var generation: Int64 = 0
    var reachable = true
    var objects: [ObjectKey: LinkMessage] = [:]
    var generations: [ObjectKey: Int64] = [:]
    var stream: AsyncThrowingStream<LinkMessage, any Error>.Continuation?
    var hellos: [Hello] = []
    var seen: [ObjectKey: Observation] = [:]
    var history: [Observation] = []
    var events: [StepEvent] = []
    var answers: [NodeAnswer] = []
    var reports = 0
    var refuseReports = false
  }

  let state: Mutex<State>

  init(cloudID: String) { state = Mutex(State(cloudID: cloudID)) }

  func set(_ change: @Sendable (inout State) -> Void) { state.withLock { change(&$0) } }
  func seen(_ kind: ObjectKind, _ id: String) -> Observation? { state.withLock { $0.seen[ObjectKey(kind, id)] } }
  func history(_ kind: ObjectKind, _ id: String) -> [Observation] {
    state.withLock { $0.history.filter { $0.key == ObjectKey(kind, id) } }
  }
  func steps(_ id: String) -> [String] { state.withLock { $0.events.filter { $0.key.id == id }.map(\.step) } }

  /// Asks for an object; returns its generation.
  @discardableResult
  func put(_ kind: ObjectKind, _ id: String, _ spec: ObjectSpec) -> Int64 {
    send(ObjectKey(kind, id)) {
      .object(ManifestObject(key: ObjectKey(kind, id), generation: $0, requestID: "req-\($0)", spec: spec))
    }
  }

  @discardableResult
  func bury(_ kind: ObjectKind, _ id: String) -> Int64 {
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

  func ask(_ query: NodeQuery) { state.withLock { _ = $0.stream?.yield(.query(query)) } }

  /// Cuts the link; it stays down until `reachable` is set again.
  func cut() {
    state.withLock { state in
      state.reachable = false
      state.stream?.finish(throwing: Gone())
      state.stream = nil
    }
  }

  func messages(hello: Hello) -> AsyncThrowingStream<LinkMessage, any Error> {
    let (stream, continuation) = AsyncThrowingStream.makeStream(of: LinkMessage.self)
    state.withLock { state in
      guard state.reachable else { return continuation.finish(throwing: Gone()) }
      state.hellos.append(hello)
      continuation.yield(.welcome(cloudID: state.cloudID, epoch: state.epoch))
      for key in state.objects.keys {
        let held = hello.held.first { $0.key == key }
        if held?.generation != state.generations[key], let message = state.objects[key] { continuation.yield(message) }
      }
      continuation.yield(.synced)
      state.stream = continuation
    }
    return stream
  }

  func report(_ report: Report) async throws {
    try state.withLock { state in
      guard state.reachable, !state.refuseReports else { throw Gone() }
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
    }
  }

  func answer(_ answer: NodeAnswer) async throws { set { $0.answers.append(answer) } }

  func blob(digest: String, write: @Sendable ([UInt8]) async throws -> Void) async throws {
    guard state.withLock({ $0.reachable }) else { throw Gone() }
    try await write(Array(digest.utf8))
  }
}
