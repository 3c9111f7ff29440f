import Drivers
import Kit
import Logging
import NodeLink

/// Servers: who is looked at when, and what is said of them.
extension NodeAgent {
  func convergeServers() async {
    await withDiscardingTaskGroup { group in
      for await _ in serverSignal.stream {
        while let id = servers.next(atOnce: hypervisor.passesMax) {
          group.addTask { await self.pass(over: id) }
        }
      }
    }
  }

  /// One pass over one server. Never two at once for the same.
  private func pass(over id: String) async {
    let key = ObjectKey(.server, id)
    if let held = manifest.objects[key], !Task.isCancelled, !(journalWorks && awaitsDisk(key)) {
      if held.buried {
        await remove(held)
      } else if case .server(let spec) = held.spec {
        await converge(held, spec)
      }
      if unseenServers.remove(id) != nil, unseenServers.isEmpty { reportSignal.raise() }
    }
    servers.finished(id)
    serverSignal.raise()
  }

  private func converge(_ held: HeldObject, _ spec: ServerSpec) async {
    if let pause = retries.pause(held.key, generation: held.generation) {
      look(at: spec.id, after: pause)
      return await observe(held, spec, condition: retries.condition(held.key), step: nil, seen: nil)
    }
    var converger = ServerConverger(
      spec: spec, requestID: held.requestID, hypervisor: hypervisor, dataplane: dataplane, disks: disks, host: self,
      bootID: bootID, timing: timing, settled: manifest.isSettled(held.key, generation: held.generation),
      record: manifest.records[spec.id] ?? ServerRecord(), moment: moments[spec.id] ?? ServerMoment())
    var condition: Condition?
    var step: String?
    do {
      let next = try await converger.converge()
      step = next.step
      if let type = next.waitingType {
        condition = retries.waiting(held.key, generation: held.generation, type: type, message: next.waitingMessage)
      } else if next.step == nil {
        retries.clear(held.key)
      }
      followUp(&converger, next)
    } catch is Overtaken {
      return
    } catch {
      condition = failed(held, error)
    }
    // A server that was forgotten meanwhile leaves nothing behind.
    guard manifest.objects[held.key] != nil else { return }
    moments[spec.id] = converger.moment
    for field in converger.fine { settle(held.key.description, field) }
    if let condition, step == nil { drift.failed(held.key.description, condition.message) }
    await observe(
      held, spec, condition: condition ?? (step == nil ? nil : retries.condition(held.key)), step: step,
      seen: converger.acts == 0 ? converger.seen : nil)
  }

  /// Looks again where the pass asks for it, and where it has changed something: that ends what it found.
  private func followUp(_ converger: inout ServerConverger, _ next: ServerNext) {
    if let lookAgain = next.lookAgain {
      look(at: converger.spec.id, after: lookAgain)
    } else if converger.acts > 0, next.step == nil, converger.moment.followUps < Self.followUpsMax {
      converger.moment.followUps += 1
      servers.add(converger.spec.id)
    } else {
      converger.moment.followUps = 0
    }
  }

  /// Passes that may follow on each other by themselves.
  private static let followUpsMax = 3

  private func failed(_ held: HeldObject, _ error: any Error) -> Condition {
    let problem = ServerProblem(step: nil, error: error)
    let failed = retries.failed(
      held.key, generation: held.generation, type: problem.type, message: problem.message, timing: timing)
    logger.warning(
      "a server is not as asked",
      metadata: ["server": "\(held.key.id)", "condition": "\(problem.type)", "cause": "\(problem.cause)"])
    look(at: held.key.id, after: failed.pause)
    return failed.condition
  }

  /// Says what is seen; `seen` nil: it is looked at now. Where the hypervisor does not answer, the last that was seen
  /// stands, with the condition: of a guest that cannot be seen nothing is claimed.
  private func observe(
    _ held: HeldObject, _ spec: ServerSpec, condition: Condition?, step: String?, seen: DomainState??
  ) async {
    var condition = condition
    let diskID = await disks.rootDiskID(serverID: spec.id)
    var sight = seen
    if sight == nil, condition?.type != ServerProblem.hypervisorUnavailable {
      do { sight = .some(try await hypervisor.domain(spec.id)) } catch {
        condition = condition ?? failed(held, ServerProblem(step: .lookAtDomain, error: error))
      }
    }
    // Something newer may have come while we looked: its own pass speaks of it.
    guard manifest.objects[held.key] == held else { return }
    let server = sight.map { observation(of: $0, spec, diskID: diskID, step: step) } ?? outbox.known[held.key]?.server
    if case .some(let domain) = sight, domain?.isActive != true { forgetCards(of: spec) }
    let lost = missingDisk(held, spec, diskID: diskID)
    let problem = condition ?? lost
    let ready = problem == nil && step == nil && server.map { isAsAsked(spec, $0) } == true
    // Only a pass that had nothing to do has compared everything.
    if ready, seen != nil { settled(held) }
    say(
      Observation(
        key: held.key, generation: held.generation, ready: ready, server: server, condition: problem))
  }

  private func observation(
    of domain: DomainState?, _ spec: ServerSpec, diskID: String?, step: String?
  ) -> ServerObservation {
    ServerObservation(
      power: domain?.power ?? .absent, bootEpoch: domain?.bootEpoch ?? 0, rootDiskID: diskID, step: step,
      portIDs: domain?.portIDs ?? [], operation: operationResult(spec))
  }

  private func isAsAsked(_ spec: ServerSpec, _ seen: ServerObservation) -> Bool {
    if seen.operation?.outcome == .begun { return false }
    switch spec.power {
    case .stopped: return seen.power != .running && seen.power != .paused
    case .running:
      return seen.power == .running && seen.bootEpoch >= spec.bootEpoch
        && Set(seen.portIDs) == Set(spec.nics.map(\.portID))
    }
  }

  /// A disk that was made and whose file is gone, though the guest may still run on it.
  private func missingDisk(_ held: HeldObject, _ spec: ServerSpec, diskID: String?) -> Condition? {
    let made = spec.rootDisk.made || manifest.records[spec.id]?.madeDiskID == spec.rootDisk.id
    let subject = held.key.description
    guard made, diskID != spec.rootDisk.id else {
      settle(subject, .rootDisk)
      return nil
    }
    find(
      subject, held.key, .rootDisk, asked: "root disk \(spec.rootDisk.id)",
      found: diskID.map { "disk \($0)" } ?? "no file", done: "nothing is made in its place")
    let problem = ServerProblem.dataMissing
    if let known = retries.condition(held.key), known.type == problem.type { return known }
    return retries.waiting(held.key, generation: held.generation, type: problem.type, message: problem.message)
  }

  private func operationResult(_ spec: ServerSpec) -> ServerObservation.OperationResult? {
    manifest.records[spec.id]?.operation.map { .init(id: $0.id, outcome: $0.outcome, message: $0.message) }
  }

  // MARK: removal

  private func remove(_ held: HeldObject) async {
    let id = held.key.id
    // Gone already, and only waiting for control to hear of it: removing causes events that must not cause removing.
    if let last = unsaidRemovals[held.key] ?? outbox.known[held.key], last.removed, last.generation == held.generation {
      return
    }
    if let pause = retries.pause(held.key, generation: held.generation) { return look(at: id, after: pause) }
    do {
      try await removalStep(.destroyDomain, held) { try await hypervisor.destroy(id) }
      try await removalStep(.undefineDomain, held) { try await hypervisor.undefine(id) }
      try await removalStep(.removeDisks, held) { try await disks.remove(serverID: id) }
      retries.clear(held.key)
      drift.settleAll(held.key.description)
      say(
        Observation(
          key: held.key, generation: held.generation, ready: true, removed: true,
          server: ServerObservation(
            power: .absent, bootEpoch: 0, rootDiskID: nil, step: nil, portIDs: [], operation: nil)))
    } catch {
      let condition = failed(held, error)
      say(Observation(key: held.key, generation: held.generation, ready: false, condition: condition))
    }
  }

  private func removalStep(_ step: Step, _ held: HeldObject, _ body: () async throws -> Void) async throws {
    let began = Timestamp.now()
    var problem: ServerProblem?
    CrashPoint.pass(step, .before, held.key.id)
    do { try await body() } catch { problem = ServerProblem(step: step, error: error) }
    CrashPoint.pass(step, .after, held.key.id)
    trace(
      StepEvent(
        key: held.key, requestID: held.requestID, step: step.rawValue, began: began, ended: .now(),
        error: problem?.message))
    if let problem { throw problem }
  }

  /// Nothing is remembered of a server that is gone.
  func dropServer(_ id: String) {
    moments[id] = nil
    unseenServers.remove(id)
    timers.removeValue(forKey: id)?.cancel()
    serversAwaitingPorts.remove(id)
  }

  private func look(at id: String, after pause: Duration) {
    timers[id]?.cancel()
    timers[id] = Task {
      guard (try? await Task.sleep(for: pause)) != nil else { return }
      servers.add(id)
      serverSignal.raise()
    }
  }
}
