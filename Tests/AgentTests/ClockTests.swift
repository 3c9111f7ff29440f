import Drivers
import Kit
import Logging
import NodeLink
import Simulation
import Synchronization
import Testing

@testable import Agent

/// The host's clock is set by an hour: no wait becomes longer than it was meant to be.
@Suite struct ClockTests {
  /// A soft reboot that another process began, when the clock showed something else.
  @Test(arguments: [-3600.0, 3600.0]) func aRebootBegunInAnotherHourEnds(offset: Double) async throws {
    let host = try Host()
    var (id, port) = ("", "")
    try await host.withAgent { agent in
      (id, port) = try await host.bootServer()
      try await eventually("written") { await agent.unwritten.isEmpty }
    }
    var logger = Logger(label: "journal")
    logger.logLevel = .critical
    let journal = ManifestJournal(directory: host.directory + "/manifest", logger: logger)
    var record = try #require(try await journal.open().records[id])
    let instance = try await host.hypervisor.domain(id)?.instance
    record.operation = .init(
      id: "o", outcome: .begun, message: nil, begun: Timestamp.now().adding(seconds: offset), instance: instance)
    try await journal.append([.record(serverID: id, record: record)])
    await journal.close()
    host.hypervisor.set { $0.obeysPowerButton = false }
    host.control.put(
      .server, id,
      host.server(id, ports: [port]) { $0.operation = .init(id: "o", action: .softReboot, timeoutSeconds: 1) })
    try await host.withAgent { _ in
      let id = id
      try await eventually("done") { host.control.seen(.server, id)?.server?.operation?.outcome == .done }
      #expect(host.hypervisor.count("destroy") == 1)
    }
  }

  /// The button was pressed once, long ago, and the guest was asked to run on: its patience then is not that of now.
  @Test func anOldPressDoesNotShortenALaterStop() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, port) = try await host.bootServer()
      host.hypervisor.set { $0.obeysPowerButton = false }
      func ask(_ power: ServerSpec.Power) {
        host.control.put(
          .server, id,
          host.server(id, ports: [port]) {
            $0.power = power
            $0.shutdownTimeoutSeconds = 1
          })
      }
      ask(.stopped)
      try await eventually("pressed") { host.hypervisor.count("shutdown") >= 1 }
      ask(.running)
      try await eventually("runs on") { host.control.seen(.server, id)?.ready == true }
      try await Task.sleep(for: .milliseconds(1200))
      let before = host.hypervisor.calls.count
      ask(.stopped)
      try await eventually("ended") { host.hypervisor.count("destroy") == 1 }
      let after = host.hypervisor.calls.dropFirst(before).filter { $0 == "shutdown" || $0 == "destroy" }
      #expect(after.first == "shutdown")
    }
  }

  /// A guest that did not hear the button and goes off much later did so by itself.
  @Test func anOldPressDoesNotExplainAPowerOff() async throws {
    let host = try Host { $0.sweep = .milliseconds(50) }
    try await host.withAgent { agent in
      let (id, port) = try await host.bootServer()
      host.hypervisor.set { $0.obeysPowerButton = false }
      func ask(_ power: ServerSpec.Power) {
        host.control.put(
          .server, id,
          host.server(id, ports: [port]) {
            $0.power = power
            $0.shutdownTimeoutSeconds = 1
          })
      }
      ask(.stopped)
      try await eventually("pressed") { host.hypervisor.count("shutdown") >= 1 }
      ask(.running)
      try await eventually("forgotten") { await agent.manifest.records[id]?.pressed == false }
      host.hypervisor.happen(id, .stopped, "shutdown")
      try await eventually("adopted") { host.control.seen(.server, id)?.condition?.type == "PoweredOff" }
      #expect(host.hypervisor.count("start") == 1)
    }
  }
}
