import Drivers
import Kit
import NodeLink

/// How far a base image is, and who waits for it.
struct BaseEntry: Sendable {
  enum Stage: Sendable {
    case fetching
    case ready
    case failed(ServerProblem)
  }
  var stage: Stage
  var waiting: Set<String> = []
  /// Who has been told of the failure: its next call is a new try.
  var told: Set<String> = []
}

/// What convergence of a server needs of the agent.
extension NodeAgent: ServerHost {
  func isAsked(serverID: String) -> Bool {
    manifest.objects[ObjectKey(.server, serverID)].map { !$0.buried } ?? false
  }

  func base(_ image: ServerSpec.BaseImage, for serverID: String) -> BaseState {
    var entry = bases[image.digest]
    if case .failed(let problem) = entry?.stage {
      if entry?.told.insert(serverID).inserted == true {
        bases[image.digest] = entry
        return .failed(problem)
      }
      entry = nil
    }
    if case .ready = entry?.stage { return .ready }
    var fetching = entry ?? BaseEntry(stage: .fetching)
    fetching.waiting.insert(serverID)
    bases[image.digest] = fetching
    if baseTasks[image.digest] == nil, baseTasks.count < Self.basesAtOnce { fetch(image) }
    return .fetching
  }

  func doubtBase(digest: String) {
    if case .ready = bases[digest]?.stage { bases[digest] = nil }
  }

  /// Ends fetches that no server waits for any more.
  func endUselessFetches() {
    guard !baseTasks.isEmpty else { return }
    let wanted = manifest.baseDigests
    for (digest, task) in baseTasks where !wanted.contains(digest) { task.cancel() }
  }

  func fetch(_ image: ServerSpec.BaseImage) {
    let digest = image.digest
    let began = Timestamp.now()
    baseTasks[digest] = Task {
      var stage = BaseEntry.Stage.ready
      CrashPoint.pass(.fetchImage, .before, digest)
      do {
        _ = try await disks.ensureBase(image) { digest, write in
          try await self.link.blob(digest: digest, write: write)
        }
      } catch {
        let known = error as? DiskError ?? .baseUnavailable(reason: "\(error)")
        stage = .failed(ServerProblem(step: .fetchImage, error: known))
      }
      CrashPoint.pass(.fetchImage, .after, digest)
      self.fetched(digest, stage, began)
    }
  }

  private func fetched(_ digest: String, _ stage: BaseEntry.Stage, _ began: Timestamp) {
    baseTasks[digest] = nil
    let waiting = bases[digest]?.waiting ?? []
    bases[digest] = BaseEntry(stage: stage)
    var problem: String?
    if case .failed(let reason) = stage { problem = reason.message }
    baseFetched(digest, problem: problem)
    for id in waiting {
      servers.add(id)
      let key = ObjectKey(.server, id)
      trace(
        StepEvent(
          key: key, requestID: manifest.objects[key]?.requestID, step: Step.fetchImage.rawValue, began: began,
          ended: .now(),
          error: problem))
    }
    // A place is free: those that found none come again.
    for (other, entry) in bases where baseTasks[other] == nil {
      if case .fetching = entry.stage { for id in entry.waiting { servers.add(id) } }
    }
    serverSignal.raise()
  }

  func ports(_ portIDs: [String], for serverID: String) -> PortsState {
    var pending = false
    for id in portIDs {
      let key = ObjectKey(.port, id)
      guard let held = manifest.objects[key], !held.buried, let seen = outcomes[key],
        seen.generation == held.generation
      else {
        pending = true
        continue
      }
      if seen.outcome.ready { continue }
      guard seen.outcome.problem != nil || seen.outcome.problemType != nil else {
        pending = true
        continue
      }
      serversAwaitingPorts.insert(serverID)
      return .failed(ServerProblem("PortNotReady", seen.outcome.problem ?? "A port of the server cannot be wired."))
    }
    if pending { serversAwaitingPorts.insert(serverID) }
    return pending ? .pending : .ready
  }

  func keep(_ record: ServerRecord, serverID: String) async throws {
    try await journal.append([.record(serverID: serverID, record: record)])
    manifest.keep(record, serverID: serverID)
  }

  func keepInTime(_ record: ServerRecord, serverID: String) {
    manifest.keep(record, serverID: serverID)
    write(.record(serverID: serverID, record: record))
  }

  func progress(_ step: String, serverID: String) {
    let key = ObjectKey(.server, serverID)
    guard let held = manifest.objects[key], !held.buried else { return }
    var seen =
      outbox.known[key]?.server
      ?? ServerObservation(power: .absent, bootEpoch: 0, rootDiskID: nil, step: nil, portIDs: [], operation: nil)
    seen.step = step
    say(
      Observation(
        key: key, generation: held.generation, ready: false, server: seen, condition: retries.condition(key)))
  }
}
