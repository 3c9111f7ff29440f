import Drivers
import NodeLink
import Synchronization

/// A network in memory: what stands on it, and faults on demand.
final class SimulatedDataplane: DataplaneDriver {
  struct State {
    var standing: Set<ObjectKey> = []
    var removals: [ObjectKey] = []
    var broken: [ObjectKey: NetworkOutcome] = [:]
    var applies = 0
    var answer: (@Sendable (MetadataRequest) async -> MetadataReply)?
    var listeners: [AsyncStream<Void>.Continuation] = []
    /// `apply` waits while this is true.
    var held = false
  }

  let state = Mutex(State())
  func set(_ change: @Sendable (inout State) -> Void) { state.withLock { change(&$0) } }

  func apply(_ intent: NetworkIntent) async -> [ObjectKey: NetworkOutcome] {
    while state.withLock({ $0.held }) {
      guard (try? await Task.sleep(for: .milliseconds(2))) != nil else { break }
    }
    return state.withLock { state in
      state.applies += 1
      var outcomes: [ObjectKey: NetworkOutcome] = [:]
      let wanted =
        intent.networks.keys.map { ObjectKey(.network, $0) } + intent.ports.keys.map { ObjectKey(.port, $0) }
        + intent.routers.keys.map { ObjectKey(.router, $0) }
      for key in wanted {
        outcomes[key] = state.broken[key] ?? NetworkOutcome(ready: true)
        if outcomes[key]?.ready == true { state.standing.insert(key) }
      }
      for key in intent.removed {
        outcomes[key] = state.broken[key] ?? NetworkOutcome(ready: true)
        if outcomes[key]?.ready == true, state.standing.remove(key) != nil { state.removals.append(key) }
      }
      return outcomes
    }
  }

  func tap(portID: String) -> String { "tap-" + portID.prefix(8) }

  func events() -> AsyncStream<Void> {
    let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    state.withLock { $0.listeners.append(continuation) }
    return stream
  }

  func tell() {
    for listener in state.withLock({ $0.listeners }) { listener.yield() }
  }

  func serveMetadata(_ answer: @escaping @Sendable (MetadataRequest) async -> MetadataReply) async throws {
    state.withLock { $0.answer = answer }
  }

  /// A guest's request.
  func ask(network: String, address: String, path: String) async -> MetadataReply? {
    let answer = state.withLock { $0.answer }
    return await answer?(MetadataRequest(networkID: network, sourceAddress: address, path: path))
  }
}
