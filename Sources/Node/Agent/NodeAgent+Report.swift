import Drivers
import Kit
import Logging
import NodeLink

/// What goes up to control.
extension NodeAgent {
  func say(_ observation: Observation) {
    let key = observation.key
    // Control forgets what is removed. Were the tombstone not on our disk then, a crash would bring the object back.
    let waits = observation.removed && awaitsDisk(key)
    unsaidRemovals[key] = waits ? observation : nil
    if !waits, outbox.put(observation) { reportSignal.raise() }
  }

  /// Whether the last that was asked of an object is not on the disk yet.
  func awaitsDisk(_ key: ObjectKey) -> Bool {
    unwritten.contains { if case .held(let held) = $0 { held.key == key } else { false } }
  }

  /// What waited for the disk is said.
  func sayRemovals() {
    for observation in unsaidRemovals.values where !awaitsDisk(observation.key) { say(observation) }
  }

  func sendReports() async {
    for await _ in reportSignal.stream {
      guard (try? await Task.sleep(for: timing.coalesce)) != nil else { return }
      while connected, heartbeatDue || unsaidFacts || !outbox.isEmpty || !drift.isEmpty(complete: hasSeenAll) {
        guard await sendReport() else {
          guard (try? await Task.sleep(for: timing.retryFirst)) != nil else { return }
          reportSignal.raise()
          break
        }
      }
    }
  }

  private func sendReport() async -> Bool {
    let (observations, events) = outbox.take()
    let (findings, whole) = drift.take(complete: hasSeenAll)
    let withFacts = unsaidFacts
    let isBare = events.isEmpty && findings.isEmpty && !whole
    (heartbeatDue, unsaidFacts) = (false, false)
    // Said again after a loss, it is another report: the lost one may still arrive.
    reportsOfLife += 1
    let order = ReportOrder(life: life, number: reportsOfLife)
    CrashPoint.pass(.sendReport, .before)
    do {
      try await link.report(
        Report(
          nodeID: nodeID, facts: withFacts ? facts : nil, observations: observations, events: events,
          drift: findings, driftIsWhole: whole, order: order))
    } catch LinkError.refused(let status, let reason) where [400, 413, 422].contains(status) && !isBare {
      // What is told for people must not keep what is seen from control: an older one may not know these words.
      logger.error("control does not understand a report", metadata: ["status": "\(status)", "reason": "\(reason)"])
      outbox.putBack(observations, [])
      (heartbeatDue, unsaidFacts) = (true, unsaidFacts || withFacts)
      return false
    } catch {
      outbox.putBack(observations, events)
      drift.putBack(findings, whole: whole)
      (heartbeatDue, unsaidFacts) = (true, unsaidFacts || withFacts)
      if case LinkError.refused(409, _) = error, order.life == life { (outlived, connected) = (true, false) }
      if !Task.isCancelled { logger.info("a report was lost", metadata: ["error": "\(error)"]) }
      return false
    }
    CrashPoint.pass(.sendReport, .after)
    for observation in observations where observation.removed { forget(observation) }
    return true
  }

  /// Control has stored that it is gone: nothing of it need be remembered.
  private func forget(_ observation: Observation) {
    let key = observation.key
    guard let held = manifest.objects[key], held.buried,
      manifest.forget(key, upTo: observation.generation)
    else { return }
    write(.forget(key: key, generation: observation.generation))
    outbox.forget(key)
    unsaidRemovals[key] = nil
    retries.clear(key)
    outcomes[key] = nil
    drift.settleAll(key.description)
    if key.kind == .port { forgetCard(key.id) }
    if key.kind == .server { dropServer(key.id) }
  }

  func beat() async {
    while (try? await Task.sleep(for: timing.heartbeat)) != nil {
      heartbeatDue = true
      reportSignal.raise()
      if outbox.eventsDropped > 0 {
        logger.warning("step events were dropped", metadata: ["count": "\(outbox.eventsDropped)"])
        outbox.countAnew()
      }
      if drift.dropped > 0 {
        logger.warning("findings of drift were dropped", metadata: ["count": "\(drift.dropped)"])
        drift.countAnew()
      }
    }
  }

  func refreshFacts() async {
    while (try? await Task.sleep(for: timing.facts)) != nil {
      guard let fresh = try? await hypervisor.facts(), fresh != facts else { continue }
      facts = fresh
      unsaidFacts = true
      reportSignal.raise()
    }
  }

  func trace(_ event: StepEvent) {
    outbox.put(event)
    reportSignal.raise()
  }
}
