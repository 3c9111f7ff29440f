import Drivers
import Kit
import Logging
import NodeLink

/// How a port stood after the last look, and at which generation.
struct PortOutcome: Sendable {
  var generation: Int64
  var outcome: NetworkOutcome
}

extension NodeAgent {
  /// One look at a time at the whole network; what changes meanwhile makes another.
  func convergeNetwork() async {
    for await _ in networkSignal.stream {
      while networkDirty, !Task.isCancelled {
        networkDirty = false
        await convergeNetworkOnce()
      }
    }
  }

  private func convergeNetworkOnce() async {
    let plan = NetworkPlan(manifest, gone: goneObjects())
    let (began, beganAt) = (Timestamp.now(), ContinuousClock.now)
    let result = await dataplane.apply(plan.intent)
    noteChanges(result, plan)
    var pause: Duration?
    var freed = false
    for (key, generation) in plan.generations {
      guard let held = manifest.objects[key], held.generation == generation else { continue }
      let outcome = result.outcomes[key] ?? NetworkOutcome(ready: key.kind == .securityGroup || key.kind == .addressSet)
      let news = outcomes[key].map { $0.generation != generation || $0.outcome != outcome } ?? true
      outcomes[key] = PortOutcome(generation: generation, outcome: outcome)
      if let wait = judge(held, outcome) { pause = min(pause ?? wait, wait) }
      if news { traceWiring(held, outcome, began) }
      if news, held.buried, outcome.ready { freed = true }
      if outcome.ready { settled(held) }
    }
    noteNetwork(result)
    noteCards(NetworkLook(began: beganAt, unplugged: result.unplugged))
    for id in serversAwaitingPorts { servers.add(id) }
    serversAwaitingPorts = []
    serverSignal.raise()
    if freed, !plan.deferred.isEmpty { networkDirty = true }
    if let pause { lookAtNetwork(after: pause) }
  }

  // MARK: drift

  /// What the look changed is drift where it stood before as it was asked now; else it was the first making.
  private func noteChanges(_ result: NetworkResult, _ plan: NetworkPlan) {
    for change in result.changes {
      let subject = change.key?.description ?? Self.hostSubject
      if let key = change.key {
        guard let generation = plan.generations[key], manifest.isSettled(key, generation: generation) else { continue }
      } else {
        guard manifest.networkEpoch == manifest.epoch else { continue }
      }
      find(subject, change.key, change.field, asked: change.asked, found: change.found, done: change.done)
      if change.field == .tap, change.done.contains(NetworkChange.madeAgain), let port = change.key?.id,
        runningServer(ofPort: port) != nil
      {
        remadeTaps[port] = .now
        continue
      }
      if change.key.map({ result.outcomes[$0]?.ready != false }) ?? true { settle(subject, change.field) }
    }
  }

  private static let hostSubject = "host"

  /// A whole look is over: its findings that waited for their object are over where that is ready.
  private func noteNetwork(_ result: NetworkResult) {
    for finding in drift.openFindings {
      guard let key = finding.key, key.kind != .server, finding.field.policy == .enforce,
        remadeTaps[key.id] == nil, looseCards[key.id] == nil, let outcome = result.outcomes[key]
      else { continue }
      if outcome.ready {
        settle(finding.subject, finding.field)
      } else {
        drift.failed(finding.subject, outcome.problem ?? "it could not be made again yet")
      }
    }
    tell(.foreignBridge, result.foreignBridges.map { "bridge \($0)" }, found: "a bridge of somebody else")
    guard synced, manifest.networkEpoch != manifest.epoch else { return }
    manifest.settleNetwork()
    write(.network(epoch: manifest.epoch))
  }

  /// The object is as asked at its generation: from now on a difference is drift.
  func settled(_ held: HeldObject) {
    if manifest.settle(held.key, generation: held.generation) {
      write(.settled(key: held.key, generation: held.generation))
    }
  }

  /// Buried objects of which the last look left nothing.
  private func goneObjects() -> Set<ObjectKey> {
    Set(
      manifest.objects.values.filter { held in
        held.buried && outcomes[held.key].map { $0.generation == held.generation && $0.outcome.ready } == true
      }.map(\.key))
  }

  /// Says how one object stands. Returns the pause before the next try where it is not as asked.
  private func judge(_ held: HeldObject, _ outcome: NetworkOutcome) -> Duration? {
    var condition: Condition?
    var pause: Duration?
    if outcome.ready {
      retries.clear(held.key)
    } else if let left = retries.pause(held.key, generation: held.generation) {
      // Somebody else's change made us look: that is no try of this one.
      (condition, pause) = (retries.condition(held.key), left)
    } else {
      let failed = retries.failed(
        held.key, generation: held.generation, type: outcome.problemType ?? "NotReady",
        message: outcome.problem ?? "The host's network is not as asked yet.", timing: timing)
      (condition, pause) = (failed.condition, failed.pause)
    }
    say(
      Observation(
        key: held.key, generation: held.generation, ready: outcome.ready, removed: held.buried && outcome.ready,
        condition: condition))
    return pause
  }

  private func traceWiring(_ held: HeldObject, _ outcome: NetworkOutcome, _ began: Timestamp) {
    trace(
      StepEvent(
        key: held.key, requestID: held.requestID, step: (held.buried ? "remove_" : "wire_") + held.key.kind.rawValue,
        began: began, ended: .now(), error: outcome.ready ? nil : outcome.problem ?? "not ready"))
  }

  private func lookAtNetwork(after pause: Duration) {
    timers[Self.networkTimer]?.cancel()
    timers[Self.networkTimer] = Task {
      guard (try? await Task.sleep(for: pause)) != nil else { return }
      networkDirty = true
      networkSignal.raise()
    }
  }

  private static let networkTimer = "the network"

  // MARK: metadata

  func serveMetadata() async {
    while !Task.isCancelled {
      do {
        return try await dataplane.serveMetadata { request in await self.metadata(request) }
      } catch {
        logger.error("metadata cannot be served", metadata: ["error": "\(error)"])
        guard (try? await Task.sleep(for: timing.retryMax)) != nil else { return }
      }
    }
  }

  private func metadata(_ request: MetadataRequest) -> MetadataReply {
    let index = portIndex ?? PortIndex(manifest)
    portIndex = index
    guard let serverID = index.server(networkID: request.networkID, address: request.sourceAddress),
      let server = manifest.server(serverID)
    else { return MetadataDocuments.notFound }
    return MetadataDocuments(metadata: server.metadata).reply(path: request.path)
  }
}
