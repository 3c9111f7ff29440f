import Drivers
import Kit
import Logging
import NodeLink

/// What goes up to control.
extension NodeAgent {
  func say(_ observation: Observation) {
    if outbox.put(observation) { reportSignal.raise() }
  }

  func sendReports() async {
    for await _ in reportSignal.stream {
      guard (try? await Task.sleep(for: timing.coalesce)) != nil else { return }
      while connected, heartbeatDue || unsaidFacts || !outbox.isEmpty {
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
    let withFacts = unsaidFacts
    (heartbeatDue, unsaidFacts) = (false, false)
    do {
      try await link.report(
        Report(nodeID: nodeID, facts: withFacts ? facts : nil, observations: observations, events: events))
    } catch {
      outbox.putBack(observations, events)
      (heartbeatDue, unsaidFacts) = (true, unsaidFacts || withFacts)
      if !Task.isCancelled { logger.info("a report was lost", metadata: ["error": "\(error)"]) }
      return false
    }
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
    retries.clear(key)
    outcomes[key] = nil
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
