import Drivers
import Kit
import NodeLink
import Simulation
import Synchronization
import Testing

@testable import Agent

/// A delete waits for the step that is under way, and for nothing else.
@Suite struct DeleteWinsTests {
  /// A call of the agent, held; what makes it; what may be called after it by a delete that wins.
  struct Moment: Sendable, CustomTestStringConvertible {
    var call: String
    var testDescription: String
    var onServer = true
    var act: @Sendable (Host, _ id: String, _ port: String) -> Void
  }

  private static func put(_ host: Host, _ id: String, _ ports: [String], _ adjust: (inout ServerSpec) -> Void) {
    host.control.put(.server, id, host.server(id, ports: ports, adjust))
  }

  private static let create: @Sendable (Host, String, String) -> Void = { host, id, port in
    host.control.put(.network, host.networkID, host.network())
    host.control.put(.port, port, host.port(port, server: id, address: "10.0.0.5"))
    put(host, id, [port]) { $0.configDrive = true }
  }

  private static let second = Identifier.uuid()

  static let moments: [Moment] =
    ["ensureRoot", "configDrive", "define", "start"].map {
      Moment(call: $0, testDescription: "create at \($0)", onServer: false, act: create)
    } + [
      Moment(call: "shutdown", testDescription: "soft reboot") { host, id, port in
        put(host, id, [port]) { $0.operation = .init(id: "o", action: .softReboot, timeoutSeconds: 60) }
      },
      Moment(call: "shutdown", testDescription: "stop") { host, id, port in
        put(host, id, [port]) { $0.power = .stopped }
      },
      Moment(call: "destroy", testDescription: "hard reboot") { host, id, port in
        put(host, id, [port]) { $0.bootEpoch = 2 }
      },
      Moment(call: "attach", testDescription: "attach") { host, id, port in
        host.control.put(.port, second, host.port(second, server: id, address: "10.0.0.6"))
        put(host, id, [port, second]) { _ in }
      },
      Moment(call: "detach", testDescription: "detach") { host, id, _ in put(host, id, []) { _ in } },
      Moment(call: "resume", testDescription: "resume") { host, id, _ in host.hypervisor.happen(id, .paused, "user") },
      Moment(call: "define", testDescription: "repair of the definition") { host, id, _ in
        host.hypervisor.undefineByHand(id)
      },
      Moment(call: "start", testDescription: "repair of power") { host, id, _ in
        host.hypervisor.happen(id, .stopped, "destroyed")
      },
      Moment(call: "replug", testDescription: "repair of a tap") { host, _, port in
        host.dataplane.takeAway(ObjectKey(.port, port))
      },
    ]

  @Test(arguments: moments) func aDeleteIsNextAfterTheStepUnderWay(moment: Moment) async throws {
    let host = try Host()
    try await host.withAgent { _ in
      var (id, port) = (Identifier.uuid(), Identifier.uuid())
      if moment.onServer { (id, port) = try await host.bootServer() }
      host.fuse.hold(moment.call)
      moment.act(host, id, port)
      try await eventually("\(moment.call) is under way") { host.fuse.waiting(moment.call) == 1 }
      let before = host.hypervisor.calls.filter { $0 != "domain" }.count
      let generation = host.control.bury(.server, id)
      host.control.bury(.port, port)
      try await eventually("it has heard") {
        await host.agent?.manifest.objects[ObjectKey(.server, id)]?.generation == generation
      }
      host.fuse.letGo(moment.call)
      try await eventually("gone") { host.control.seen(.server, id)?.removed == true }
      let after = host.hypervisor.calls.filter { $0 != "domain" }.dropFirst(before)
      let others = after.filter { $0 != moment.call && $0 != "destroy" && $0 != "undefine" }
      #expect(others.isEmpty, "\(after)")
      #expect(host.hypervisor.state.withLock { $0.domains.isEmpty })
      #expect(host.disks.state.withLock { $0.roots.isEmpty && $0.drives.isEmpty })
      try await eventually("its finding is over") { host.control.state.withLock { $0.openDrift.isEmpty } }
    }
  }

  @Test func aDeleteDoesNotWaitForTheImage() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      host.fuse.hold("ensureBase")
      let (id, _) = host.askForServer()
      try await eventually("fetching") { host.fuse.waiting("ensureBase") == 1 }
      host.control.bury(.server, id)
      try await eventually("gone") { host.control.seen(.server, id)?.removed == true }
      #expect(host.fuse.waiting("ensureBase") == 1)
      // Another server wants the same image meanwhile.
      let (other, _) = host.askForServer()
      try await eventually("it waits") { host.control.seen(.server, other)?.server?.step == "fetching_image" }
      host.fuse.letGo("ensureBase")
      try await eventually("it runs") { host.control.seen(.server, other)?.ready == true }
      #expect(host.hypervisor.power(id) == nil)
    }
  }

  @Test func aDeleteDoesNotWaitForThePort() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      host.dataplane.set { $0.held = true }
      let (id, _) = host.askForServer()
      try await eventually("it waits") { host.control.seen(.server, id)?.server?.step == "plugging" }
      host.control.bury(.server, id)
      try await eventually("gone") { host.control.seen(.server, id)?.removed == true }
      host.dataplane.set { $0.held = false }
    }
  }

  @Test func aDeleteDoesNotWaitForARetry() async throws {
    let host = try Host { ($0.retryFirst, $0.retryMax) = (.seconds(3600), .seconds(3600)) }
    try await host.withAgent { _ in
      host.hypervisor.set { $0.failures["start"] = 1 }
      let (id, _) = host.askForServer()
      try await eventually("failed") { host.control.seen(.server, id)?.condition?.type == "BootFailed" }
      host.control.bury(.server, id)
      try await eventually("gone") { host.control.seen(.server, id)?.removed == true }
    }
  }

  @Test func aDeleteGoesBeforeTheOthersInLine() {
    var queue = WorkQueue()
    for id in ["a", "b", "c"] { queue.add(id) }
    #expect(queue.next(atOnce: 1) == "a")
    queue.add("a", first: true)
    queue.add("c", first: true)
    queue.add("a")
    queue.finished("a")
    #expect([queue.next(atOnce: 1)] == ["a"])
    queue.finished("a")
    #expect(queue.next(atOnce: 1) == "c")
    queue.finished("c")
    #expect(queue.next(atOnce: 1) == "b")
    queue.finished("b")
    #expect(queue.next(atOnce: 1) == nil)
  }
}
