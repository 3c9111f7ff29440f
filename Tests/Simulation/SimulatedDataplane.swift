package import Drivers
package import NodeLink
package import Synchronization

/// A network in memory: what stands on it, what somebody did to it, and faults on demand.
package final class SimulatedDataplane: DataplaneDriver {
  package struct State: Sendable {
    package var standing: Set<ObjectKey> = []
    package var removals: [ObjectKey] = []
    package var broken: [ObjectKey: NetworkOutcome] = [:]
    package var applies = 0
    package var answer: (@Sendable (MetadataRequest) async -> MetadataReply)?
    package var listeners: [AsyncStream<Void>.Continuation] = []
    /// `apply` waits while this is true.
    package var held = false
    /// What the next look finds changed by somebody's hand.
    package var damage: [NetworkChange] = []
    package var foreignBridges: [String] = []
    package var unplugged: Set<String> = []
    package var paths: [String: PacketPath] = [:]
  }

  package let state = Mutex(State())
  package let fuse: Fuse

  package init(fuse: Fuse = Fuse()) { self.fuse = fuse }

  package func set(_ change: @Sendable (inout State) -> Void) { state.withLock { change(&$0) } }

  package func apply(_ intent: NetworkIntent) async -> NetworkResult {
    while state.withLock({ $0.held }) {
      guard (try? await Task.sleep(for: .milliseconds(2))) != nil else { break }
    }
    return (try? await fuse.act("apply") { carryOut(intent) }) ?? NetworkResult()
  }

  private func carryOut(_ intent: NetworkIntent) -> NetworkResult {
    state.withLock { state in
      state.applies += 1
      var result = NetworkResult(changes: state.damage, foreignBridges: state.foreignBridges)
      state.damage = []
      result.unplugged = state.unplugged
      let wanted =
        intent.networks.keys.map { ObjectKey(.network, $0) } + intent.ports.keys.map { ObjectKey(.port, $0) }
        + intent.routers.keys.map { ObjectKey(.router, $0) }
      for key in wanted {
        let outcome = state.broken[key] ?? NetworkOutcome(ready: true)
        result.outcomes[key] = outcome
        guard outcome.ready, state.standing.insert(key).inserted, let field = Self.field(key.kind) else { continue }
        result.changes.append(
          NetworkChange(key: key, field: field, asked: "it stands", found: "nothing", done: "made again"))
      }
      for key in intent.removed {
        let outcome = state.broken[key] ?? NetworkOutcome(ready: true)
        result.outcomes[key] = outcome
        if outcome.ready, state.standing.remove(key) != nil { state.removals.append(key) }
      }
      return result
    }
  }

  private static func field(_ kind: ObjectKind) -> DriftField? {
    switch kind {
    case .network: .bridge
    case .port: .tap
    case .router: .routerNamespace
    default: nil
    }
  }

  package func packetPath(portID: String) async -> PacketPath? { state.withLock { $0.paths[portID] } }

  package func tap(portID: String) -> String { "tap-" + portID.prefix(8) }

  package func events() -> AsyncStream<Void> {
    let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    state.withLock { $0.listeners.append(continuation) }
    return stream
  }

  package func tell() {
    for listener in state.withLock({ $0.listeners }) { listener.yield() }
  }

  /// Somebody takes a thing away behind our back.
  package func takeAway(_ key: ObjectKey) {
    set { $0.standing.remove(key) }
    tell()
  }

  package func serveMetadata(_ answer: @escaping @Sendable (MetadataRequest) async -> MetadataReply) async throws {
    state.withLock { $0.answer = answer }
  }

  /// A guest's request.
  package func ask(network: String, address: String, path: String) async -> MetadataReply? {
    let answer = state.withLock { $0.answer }
    return await answer?(MetadataRequest(networkID: network, sourceAddress: address, path: path))
  }
}
