import Drivers
import Kit
import NodeLink
import Simulation
import Synchronization
import Testing

@testable import Agent

/// Soft reboot: journaled, decided by the life of the QEMU process, never done twice.
@Suite struct OperationTests {
  private func softReboot(_ host: Host, _ id: String, _ portID: String, timeout: Int = 60) -> String {
    let operation = Identifier.uuid()
    host.control.put(
      .server, id,
      host.server(id, ports: [portID]) {
        $0.operation = .init(id: operation, action: .softReboot, timeoutSeconds: timeout)
      })
    return operation
  }

  private func result(_ host: Host, _ id: String) -> ServerObservation.OperationResult? {
    host.control.seen(.server, id)?.server?.operation
  }

  @Test func anObedientGuestIsBootedOnce() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, portID) = try await host.bootServer()
      let operation = softReboot(host, id, portID)
      try await eventually("done") { result(host, id)?.outcome == .done }
      #expect(result(host, id)?.id == operation)
      #expect(host.control.seen(.server, id)?.server?.power == .running)
      #expect(host.hypervisor.count("start") == 2)
      #expect(host.hypervisor.count("destroy") == 0)
      host.hypervisor.tell(nil)
      try await always("it is not repeated") { host.hypervisor.count("start") == 2 }
    }
  }

  @Test func aDeafGuestIsRebootedHardInTime() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, portID) = try await host.bootServer()
      host.hypervisor.set { $0.obeysPowerButton = false }
      _ = softReboot(host, id, portID, timeout: 1)
      try await eventually("begun") { result(host, id)?.outcome == .begun }
      try await eventually("done") { result(host, id)?.outcome == .done }
      #expect(host.hypervisor.count("destroy") == 1)
      #expect(host.hypervisor.count("start") == 2)
    }
  }

  @Test func aStoppedGuestIsNotRebooted() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, portID) = try await host.bootServer()
      host.hypervisor.happen(id, .stopped)
      try await eventually("off") { host.control.seen(.server, id)?.server?.power == .stopped }
      _ = softReboot(host, id, portID)
      try await eventually("failed") { result(host, id)?.outcome == .failed }
      #expect(host.hypervisor.count("start") == 1)
    }
  }

  /// Leaves a begun operation behind, as a crash would, with the guest deaf so far.
  private func crashInTheMiddle(_ host: Host) async throws -> String {
    var id = ""
    try await host.withAgent { _ in
      let (server, portID) = try await host.bootServer()
      id = server
      host.hypervisor.set { $0.obeysPowerButton = false }
      _ = softReboot(host, id, portID)
      try await eventually("begun") { result(host, server)?.outcome == .begun }
    }
    return id
  }

  @Test func aCrashWhileTheGuestWentOffIsCarriedOn() async throws {
    let host = try Host()
    let id = try await crashInTheMiddle(host)
    host.hypervisor.happen(id, .stopped)
    try await host.withAgent { _ in
      try await eventually("done") { result(host, id)?.outcome == .done }
      #expect(host.hypervisor.count("start") == 2)
    }
  }

  @Test func aCrashAfterTheBootIsSeenByTheNewProcess() async throws {
    let host = try Host()
    let id = try await crashInTheMiddle(host)
    host.hypervisor.happen(id, .stopped)
    try await host.hypervisor.start(id)
    try await host.withAgent { _ in
      try await eventually("done") { result(host, id)?.outcome == .done }
      try await always("it is not repeated") { host.hypervisor.count("start") == 2 }
    }
  }

  @Test func aCrashBeforeTheGuestObeyedGoesOn() async throws {
    let host = try Host()
    let id = try await crashInTheMiddle(host)
    host.hypervisor.set { $0.obeysPowerButton = true }
    try await host.withAgent { _ in
      try await eventually("done") { result(host, id)?.outcome == .done }
      #expect(host.hypervisor.count("start") == 2)
    }
  }

  @Test func whatCannotBeKnownIsSaidAndNotRepeated() async throws {
    let host = try Host()
    host.hypervisor.set { $0.tellsInstances = false }
    let id = try await crashInTheMiddle(host)
    let presses = host.hypervisor.count("shutdown")
    try await host.withAgent { _ in
      try await eventually("unknown") { result(host, id)?.outcome == .unknown }
      try await always("not repeated") { host.hypervisor.count("shutdown") == presses }
      #expect(host.hypervisor.count("start") == 1)
    }
  }
}
