import Drivers
import Kit
import Logging
import NodeLink

/// Servers: who is looked at when, and what is said of them.
extension NodeAgent {
  func convergeServers() async {
    await withDiscardingTaskGroup { group in
      for await _ in serverSignal.stream {
        while let id = servers.next() {
          group.addTask { await self.pass(over: id) }
        }
      }
    }
  }

  /// One pass over one server. Never two at once for the same.
  private func pass(over id: String) async {
    if let held = manifest.objects[ObjectKey(.server, id)], !Task.isCancelled {
      if held.buried {
        await remove(held)
      } else if case .server(let spec) = held.spec {
        await converge(held, spec)
      }
    }
    servers.finished(id)
    serverSignal.raise()
  }

  private func converge(_ held: HeldObject, _ spec: ServerSpec) async {
    if let pause = retries.pause(held.key, generation: held.generation) {
      look(at: spec.id, after: pause)
      return await observe(held, spec, condition: retries.condition(held.key), step: nil)
    }
    var converger = ServerConverger(
      spec: spec, requestID: held.requestID, hypervisor: hypervisor, dataplane: dataplane, disks: disks, host: self,
      bootID: bootID, timing: timing, record: manifest.records[spec.id] ?? ServerRecord(),
      moment: moments[spec.id] ?? ServerMoment())
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
      if let lookAgain = next.lookAgain { look(at: spec.id, after: lookAgain) }
    } catch {
      condition = failed(held, error)
    }
    moments[spec.id] = converger.moment
    await observe(held, spec, condition: condition ?? (step == nil ? nil : retries.condition(held.key)), step: step)
  }

  private func failed(_ held: HeldObject, _ error: any Error) -> Condition {
    let problem = ServerProblem(step: "", error: error)
    let failed = retries.failed(
      held.key, generation: held.generation, type: problem.type, message: problem.message, timing: timing)
    logger.warning(
      "a server is not as asked",
      metadata: ["server": "\(held.key.id)", "condition": "\(problem.type)", "cause": "\(problem.cause)"])
    look(at: held.key.id, after: failed.pause)
    return failed.condition
  }

  /// Says what is seen. Where the hypervisor does not answer, the last that was seen stands, with the condition.
  private func observe(_ held: HeldObject, _ spec: ServerSpec, condition: Condition?, step: String?) async {
    let seen: ServerObservation
    if let domain = try? await hypervisor.domain(spec.id) {
      seen = ServerObservation(
        power: domain.power, bootEpoch: domain.bootEpoch, rootDiskID: await disks.rootDiskID(serverID: spec.id),
        step: step, portIDs: domain.portIDs, operation: operationResult(spec))
    } else if condition?.type == "HypervisorUnavailable", let last = outbox.known[held.key]?.server {
      seen = last
    } else {
      seen = ServerObservation(
        power: .absent, bootEpoch: 0, rootDiskID: await disks.rootDiskID(serverID: spec.id), step: step, portIDs: [],
        operation: operationResult(spec))
    }
    // Something newer may have come while we looked: its own pass speaks of it.
    guard manifest.objects[held.key] == held else { return }
    let lost = condition == nil ? missingDisk(held, spec, seen) : nil
    say(
      Observation(
        key: held.key, generation: held.generation,
        ready: condition == nil && lost == nil && step == nil && isAsAsked(spec, seen), server: seen,
        condition: condition ?? lost))
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
  private func missingDisk(_ held: HeldObject, _ spec: ServerSpec, _ seen: ServerObservation) -> Condition? {
    let made = spec.rootDisk.made || manifest.records[spec.id]?.madeDiskID == spec.rootDisk.id
    guard made, seen.rootDiskID != spec.rootDisk.id else { return nil }
    let problem = ServerProblem.dataMissing
    return retries.waiting(held.key, generation: held.generation, type: problem.type, message: problem.message)
  }

  private func operationResult(_ spec: ServerSpec) -> ServerObservation.OperationResult? {
    manifest.records[spec.id]?.operation.map { .init(id: $0.id, outcome: $0.outcome, message: $0.message) }
  }

  // MARK: removal

  private func remove(_ held: HeldObject) async {
    let id = held.key.id
    // Gone already, and only waiting for control to hear of it: removing causes events that must not cause removing.
    if let last = outbox.known[held.key], last.removed, last.generation == held.generation { return }
    if let pause = retries.pause(held.key, generation: held.generation) { return look(at: id, after: pause) }
    do {
      try await removalStep("destroy_domain", held) { try await hypervisor.destroy(id) }
      try await removalStep("undefine_domain", held) { try await hypervisor.undefine(id) }
      try await removalStep("remove_disks", held) { try await disks.remove(serverID: id) }
      retries.clear(held.key)
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

  private func removalStep(_ name: String, _ held: HeldObject, _ body: () async throws -> Void) async throws {
    let began = Timestamp.now()
    var problem: ServerProblem?
    do { try await body() } catch { problem = ServerProblem(step: name, error: error) }
    trace(
      StepEvent(
        key: held.key, requestID: held.requestID, step: name, began: began, ended: .now(), error: problem?.message))
    if let problem { throw problem }
  }

  /// Nothing is remembered of a server that is gone.
  func dropServer(_ id: String) {
    moments[id] = nil
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
