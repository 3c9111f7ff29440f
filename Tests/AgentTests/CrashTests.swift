import Drivers
import Kit
import NodeLink
import Simulation
import Synchronization
import Testing

@testable import Agent

/// A crash anywhere is a delay, never a state: each action is run once for every call by which the agent changes
/// something, and killed right before it and right after it. The next agent has the disk as it was at that moment.
@Suite struct CrashTests {
  struct Scenario: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// Whether a server runs before it is asked.
    var onServer = true
    var act: @Sendable (Host, _ id: String, _ port: String) -> Void
    var isDone: @Sendable (Host, _ id: String, _ port: String) -> Bool
    /// How often guests have been booted in the end, the first boot counted.
    var boots: Int
    /// How many of the agent's calls there are at least.
    var callsMin: Int
  }

  static let secondPort = Identifier.uuid()

  private static func ready(_ host: Host, _ id: String, _ power: ServerObservation.Power) -> Bool {
    guard let seen = host.control.seen(.server, id), seen.ready, seen.server?.power == power else { return false }
    return seen.generation == host.control.state.withLock { $0.generations[seen.key] }
  }

  private static func put(_ host: Host, _ id: String, _ ports: [String], _ adjust: (inout ServerSpec) -> Void) {
    host.control.put(.server, id, host.server(id, ports: ports, adjust))
  }

  static let scenarios: [Scenario] = [
    Scenario(
      testDescription: "create", onServer: false,
      act: { host, id, port in
        host.control.put(.network, host.networkID, host.network())
        host.control.put(.port, port, host.port(port, server: id, address: "10.0.0.5"))
        put(host, id, [port]) { $0.configDrive = true }
      }, isDone: { host, id, _ in ready(host, id, .running) }, boots: 1, callsMin: 7),
    Scenario(
      testDescription: "stop", act: { host, id, port in put(host, id, [port]) { $0.power = .stopped } },
      isDone: { host, id, _ in ready(host, id, .stopped) }, boots: 1, callsMin: 2),
    Scenario(
      testDescription: "stop and start",
      act: { host, id, port in
        put(host, id, [port]) { $0.power = .stopped }
        put(host, id, [port]) { $0.bootEpoch = 2 }
      }, isDone: { host, id, _ in ready(host, id, .running) && host.control.seen(.server, id)?.server?.bootEpoch == 2 },
      boots: 2, callsMin: 4),
    Scenario(
      testDescription: "hard reboot", act: { host, id, port in put(host, id, [port]) { $0.bootEpoch = 2 } },
      isDone: { host, id, _ in ready(host, id, .running) && host.control.seen(.server, id)?.server?.bootEpoch == 2 },
      boots: 2, callsMin: 5),
    Scenario(
      testDescription: "soft reboot",
      act: { host, id, port in
        put(host, id, [port]) { $0.operation = .init(id: "operation", action: .softReboot, timeoutSeconds: 60) }
      },
      isDone: { host, id, _ in
        ready(host, id, .running) && host.control.seen(.server, id)?.server?.operation?.outcome == .done
      }, boots: 2, callsMin: 5),
    Scenario(
      testDescription: "attach",
      act: { host, id, port in
        host.control.put(.port, secondPort, host.port(secondPort, server: id, address: "10.0.0.6"))
        put(host, id, [port, secondPort]) { _ in }
      },
      isDone: { host, id, port in
        ready(host, id, .running) && host.control.seen(.server, id)?.server?.portIDs == [port, secondPort]
      }, boots: 1, callsMin: 3),
    Scenario(
      testDescription: "detach",
      act: { host, id, port in
        put(host, id, []) { _ in }
        host.control.bury(.port, port)
      },
      isDone: { host, id, port in
        ready(host, id, .running) && host.control.seen(.server, id)?.server?.portIDs == []
          && host.control.seen(.port, port)?.removed == true
      }, boots: 1, callsMin: 3),
    Scenario(
      testDescription: "delete",
      act: { host, id, port in
        host.control.bury(.server, id)
        host.control.bury(.port, port)
      }, isDone: { host, id, port in isGone(host, id, port) }, boots: 1, callsMin: 5),
    Scenario(
      testDescription: "create and delete", onServer: false,
      act: { host, id, port in
        host.control.put(.network, host.networkID, host.network())
        host.control.put(.port, port, host.port(port, server: id, address: "10.0.0.5"))
        put(host, id, [port]) { _ in }
        host.control.bury(.server, id)
        host.control.bury(.port, port)
      }, isDone: { host, id, port in isGone(host, id, port) }, boots: 0, callsMin: 3),
    Scenario(
      testDescription: "ended by a hand", act: { host, id, _ in host.hypervisor.happen(id, .stopped, "destroyed") },
      isDone: { host, id, _ in
        host.hypervisor.power(id) == .running && ready(host, id, .running) && host.hypervisor.count("start") >= 2
      }, boots: 2, callsMin: 4),
    Scenario(
      testDescription: "undefined by a hand", act: { host, id, _ in host.hypervisor.undefineByHand(id) },
      isDone: { host, id, _ in
        ready(host, id, .running) && host.hypervisor.state.withLock { $0.domains[id]?.spec != nil }
      }, boots: 1, callsMin: 1),
    Scenario(
      testDescription: "a tap taken away",
      act: { host, _, port in
        host.dataplane.set { _ = $0.unplugged.insert(port) }
        host.dataplane.takeAway(ObjectKey(.port, port))
      },
      isDone: { host, id, port in
        // The card hangs loose until it is plugged in anew, whoever sees that.
        let done = host.hypervisor.state.withLock { $0.replugged.contains(port) }
        if done { host.dataplane.set { $0.unplugged = [] } }
        return done && ready(host, id, .running)
      }, boots: 1, callsMin: 2),
  ]

  private static func isGone(_ host: Host, _ id: String, _ port: String) -> Bool {
    host.control.seen(.server, id)?.removed == true && host.control.seen(.port, port)?.removed == true
  }

  @Test(arguments: scenarios) func everyCrashIsADelay(scenario: Scenario) async throws {
    for side in Fuse.Side.allCases {
      var index = 0
      while try await crash(scenario, at: index, side) {
        index += 1
        try #require(index < 100, "the agent never comes to rest")
      }
      #expect(index >= scenario.callsMin, "\(scenario.testDescription): \(index) calls, \(side)")
    }
  }

  /// Runs the scenario with a crash at one call. False where it was over without that many calls.
  private func crash(_ scenario: Scenario, at index: Int, _ side: Fuse.Side) async throws -> Bool {
    let host = try Host()
    var (id, port) = (Identifier.uuid(), Identifier.uuid())
    let place = "\(scenario.testDescription), call \(index), \(side)"
    try await host.withAgent { _ in
      if scenario.onServer { (id, port) = try await host.bootServer() }
      try await rest(host)
      let (id, port) = (id, port)
      host.armCrash(at: index, side)
      scenario.act(host, id, port)
      try await eventually("\(place): the crash or the end") { host.fuse.isBlown || scenario.isDone(host, id, port) }
      try await rest(host)
    }
    let crashed = host.fuse.isBlown
    guard crashed else { return false }
    try host.mendCrash()
    host.control.set { $0.openDrift = [] }
    host.control.cut()
    host.control.set { $0.reachable = true }
    try await host.withAgent { _ in
      let (id, port) = (id, port)
      try await eventually("\(place): the end after the crash") { scenario.isDone(host, id, port) }
    }
    #expect(host.hypervisor.state.withLock { $0.boots } <= scenario.boots, "\(place)")
    #expect(host.disks.state.withLock { $0.everMade.count } <= 1, "\(place)")
    let gone = host.control.seen(.server, id)?.removed == true
    if gone {
      #expect(host.control.openDrift(.unknownObject).isEmpty, "\(place)")
      #expect(host.hypervisor.state.withLock { $0.domains.isEmpty }, "\(place)")
      #expect(host.disks.state.withLock { $0.roots.isEmpty && $0.drives.isEmpty }, "\(place)")
      #expect(host.dataplane.state.withLock { !$0.standing.contains(ObjectKey(.port, port)) }, "\(place)")
    }
    return true
  }

  /// Until nothing has been called for a moment, or the agent is dead.
  private func rest(_ host: Host) async throws {
    var calls = -1
    while host.fuse.calls.count != calls, !host.fuse.isBlown {
      calls = host.fuse.calls.count
      try await Task.sleep(for: .milliseconds(25))
    }
  }
}
