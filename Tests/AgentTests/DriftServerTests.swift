import Drivers
import Kit
import NodeLink
import Simulation
import Synchronization
import Testing

@testable import Agent

/// What somebody does to a guest behind our back: noticed, told, and put right, adopted or shown, as its policy says.
@Suite struct DriftServerTests {
  private func subject(_ id: String) -> String { "server/\(id)" }

  /// Waits until a field's finding has been told and is over, with nothing of it open.
  private func over(_ host: Host, _ field: DriftField, _ id: String) async throws -> DriftFinding {
    try await eventually("\(field) is over") {
      host.settled(field, subject(id)) != nil && host.control.openDrift(field).isEmpty
    }
    return try #require(host.settled(field, subject(id)))
  }

  /// Whether control has heard that the server is as asked, in this power state.
  private func isSeen(_ host: Host, _ id: String, _ power: ServerObservation.Power) -> Bool {
    let seen = host.control.seen(.server, id)
    return seen?.ready == true && seen?.server?.power == power
  }

  private func runs(_ host: Host, _ id: String) async throws {
    try await eventually("it runs") {
      host.hypervisor.power(id) == .running && host.control.seen(.server, id)?.ready == true
        && host.control.seen(.server, id)?.server?.power == .running
    }
  }

  @Test(arguments: [("destroyed", ServerObservation.Power.stopped), ("failed", .stopped), ("crashed", .crashed)])
  func aGuestEndedByOthersIsBootedAgain(reason: String, power: ServerObservation.Power) async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, _) = try await host.bootServer()
      host.hypervisor.happen(id, power, reason)
      let finding = try await over(host, .power, id)
      #expect(finding.asked == "running")
      #expect(finding.found == "off (\(reason))")
      #expect(finding.done == "booted again")
      #expect(finding.key == ObjectKey(.server, id))
      #expect(host.hypervisor.count("start") == 2)
      try await runs(host, id)
      #expect(host.control.drift(.guestPowerOff).isEmpty)
    }
  }

  @Test func aDomainThatIsGoneIsMadeAgain() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, _) = try await host.bootServer()
      host.hypervisor.set { $0.domains[id] = nil }
      host.hypervisor.tell(id)
      let finding = try await over(host, .power, id)
      #expect(finding.found == "its domain is gone")
      try await runs(host, id)
      #expect(host.disks.state.withLock { $0.everMade.count } == 1)
    }
  }

  @Test func whoEndedAGuestIsRememberedWhenLibvirtForgets() async throws {
    let host = try Host()
    var (itself, others) = ("", "")
    try await host.withAgent { _ in
      (itself, _) = try await host.bootServer()
      (others, _) = try await host.bootServer()
      host.hypervisor.set { $0.failures["start"] = 1_000_000 }
      host.hypervisor.happen(itself, .stopped, "shutdown")
      host.hypervisor.happen(others, .stopped, "destroyed")
      let (itself, others) = (itself, others)
      try await eventually("both are told") {
        host.control.seen(.server, itself)?.condition?.type == "PoweredOff"
          && host.control.seen(.server, others)?.condition?.type == "BootFailed"
      }
      #expect(host.control.openDrift(.power).map(\.subject) == [subject(others)])
    }
    // libvirtd was restarted: it has no reasons any more. So was the agent.
    host.hypervisor.set {
      $0.failures = [:]
      for id in $0.domains.keys { $0.domains[id]?.reason = "unknown" }
    }
    try await host.withAgent { _ in
      let (itself, others) = (itself, others)
      try await runs(host, others)
      try await always("it stays off") { host.hypervisor.power(itself) == .stopped }
      try await eventually("nothing is open but the one") {
        host.control.openDrift(.power).isEmpty && host.control.openDrift(.guestPowerOff).count == 1
      }
    }
  }

  @Test func aPowerOffIsOverWhenControlHasAdoptedIt() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, portID) = try await host.bootServer()
      host.hypervisor.happen(id, .stopped, "shutdown")
      try await eventually("told") { host.control.openDrift(.guestPowerOff).count == 1 }
      #expect(host.control.drift(.power).isEmpty)
      host.control.put(.server, id, host.server(id, ports: [portID]) { $0.power = .stopped })
      _ = try await over(host, .guestPowerOff, id)
      host.control.put(.server, id, host.server(id, ports: [portID]))
      try await runs(host, id)
      #expect(host.control.drift(.guestPowerOff).filter { $0.settled != nil }.count == 1)
    }
  }

  @Test func aRebootOfTheHostIsNoDrift() async throws {
    let host = try Host()
    var id = ""
    try await host.withAgent { _ in (id, _) = try await host.bootServer() }
    host.hypervisor.happen(id, .stopped, "destroyed")
    host.dataplane.set { $0.standing = [] }
    try await host.withAgent(bootID: "boot-2") { _ in
      try await runs(host, id)
      #expect(host.control.state.withLock { $0.drift.isEmpty })
    }
  }

  @Test func aStoppedServerStartedByAHandIsStopped() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, portID) = try await host.bootServer()
      host.control.put(.server, id, host.server(id, ports: [portID]) { $0.power = .stopped })
      try await eventually("stopped") { isSeen(host, id, .stopped) }
      try await host.comesToRest(id)
      #expect(host.control.drift(.power).isEmpty, "a stop that was asked is no drift")
      host.hypervisor.startByHand(id)
      let finding = try await over(host, .power, id)
      #expect((finding.asked, finding.found) == ("stopped", "running"))
      try await eventually("stopped") { host.hypervisor.power(id) == .stopped }
    }
  }

  @Test func aPausedGuestRunsOn() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, _) = try await host.bootServer()
      host.hypervisor.happen(id, .paused, "user")
      let finding = try await over(host, .pause, id)
      #expect(finding.done == "resumed")
      try await runs(host, id)
      #expect(host.hypervisor.count("resume") == 1)
      #expect(host.control.steps(id).contains("resume_domain"))
    }
  }

  @Test func aGuestWhoseDiskFailsIsShownAndTriedNowAndThen() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, _) = try await host.bootServer()
      host.hypervisor.set { $0.resumes = false }
      host.hypervisor.happen(id, .paused, "ioerror")
      try await eventually("told") { host.control.seen(.server, id)?.condition?.type == "GuestPaused" }
      #expect(host.control.seen(.server, id)?.condition?.message.contains("disk") == true)
      try await eventually("tried again") { host.hypervisor.count("resume") >= 3 }
      #expect(host.control.openDrift(.pause).count == 1)
      host.hypervisor.set { $0.resumes = true }
      _ = try await over(host, .pause, id)
      try await runs(host, id)
      #expect(host.control.seen(.server, id)?.condition == nil)
    }
  }

  /// The disk fails again at once each time: no circle as fast as the guest can write.
  @Test func aGuestThatPausesAgainAndAgainDoesNotKeepUsBusy() async throws {
    let host = try Host { ($0.retryFirst, $0.retryMax) = (.seconds(3600), .seconds(3600)) }
    try await host.withAgent { _ in
      let (id, _) = try await host.bootServer()
      for _ in 0..<5 {
        host.hypervisor.happen(id, .paused, "ioerror")
        try await eventually("seen") {
          host.control.seen(.server, id)?.condition?.type == "GuestPaused" || host.hypervisor.power(id) == .running
        }
        try await Task.sleep(for: .milliseconds(20))
      }
      try await eventually("told") { host.control.seen(.server, id)?.condition?.type == "GuestPaused" }
      #expect(host.hypervisor.count("resume") == 1)
    }
  }

  static let edits: [(String, @Sendable (inout SimulatedHypervisor.Domain) -> Void)] = [
    ("name web1", { $0.name = "web1" }),
    ("undefined", { $0.spec = nil }),
    ("vcpus 7", { $0.spec?.vcpus = 7 }),
    ("memory 9999 MiB", { $0.spec?.memoryMiB = 9999 }),
    ("disk /elsewhere", { $0.spec?.rootDisk.overlayPath = "/elsewhere" }),
    ("base /other", { $0.spec?.rootDisk.basePath = "/other" }),
    ("cards none", { $0.spec?.cards = [] }),
  ]

  @Test(arguments: edits.indices) func aChangedDefinitionIsMadeAgainUnderARunningGuest(edit: Int) async throws {
    let (found, change) = Self.edits[edit]
    let host = try Host()
    try await host.withAgent { _ in
      let (id, _) = try await host.bootServer()
      host.hypervisor.change(id, change)
      let finding = try await over(host, .definition, id)
      #expect(finding.found == found)
      try await eventually("as asked") { isDefined(host, id) }
      #expect(host.hypervisor.count("start") == 1)
      #expect(host.hypervisor.count("define") == 2)
      try await always("and once") { host.hypervisor.count("define") == 2 }
    }
  }

  @Test(arguments: edits.indices) func aChangedDefinitionOfAStoppedServerIsMadeAgain(edit: Int) async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, portID) = try await host.bootServer()
      host.control.put(.server, id, host.server(id, ports: [portID]) { $0.power = .stopped })
      try await eventually("stopped") { isSeen(host, id, .stopped) }
      try await host.comesToRest(id)
      if Self.edits[edit].0 == "undefined" {
        host.hypervisor.undefineByHand(id)
      } else {
        host.hypervisor.change(id, Self.edits[edit].1)
      }
      _ = try await over(host, .definition, id)
      try await eventually("as asked") { isDefined(host, id) }
      #expect(host.hypervisor.power(id) == .stopped)
    }
  }

  private func isDefined(_ host: Host, _ id: String) -> Bool {
    guard let domain = host.hypervisor.state.withLock({ $0.domains[id] }), let spec = domain.spec else { return false }
    return domain.name == nil && spec.vcpus == 1 && spec.memoryMiB == 128 && spec.cards.count == 1
      && spec.rootDisk.overlayPath == "/roots/\(id)" && spec.rootDisk.basePath == "/bases/\(host.digest)"
  }

  @Test func aDefinitionThatWillNotBecomeAsAskedIsTriedNowAndThen() async throws {
    let host = try Host { ($0.retryFirst, $0.retryMax) = (.seconds(3600), .seconds(3600)) }
    try await host.withAgent { _ in
      let (id, _) = try await host.bootServer()
      host.hypervisor.set { $0.defines = false }
      host.hypervisor.change(id) { $0.name = "web1" }
      try await eventually("told") { host.control.openDrift(.definition).count == 1 }
      for _ in 0..<10 {
        host.hypervisor.tell(id)
        try await Task.sleep(for: .milliseconds(10))
      }
      #expect(host.hypervisor.count("define") == 2)
    }
  }

  @Test func whatIsAskedIsNoDrift() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, first) = try await host.bootServer()
      let second = Identifier.uuid()
      host.control.put(.port, second, host.port(second, server: id, address: "10.0.0.6"))
      host.control.put(.server, id, host.server(id, ports: [first, second]))
      try await eventually("two cards") {
        host.control.seen(.server, id)?.server?.portIDs == [first, second]
          && host.control.seen(.server, id)?.ready == true
      }
      host.control.put(.server, id, host.server(id, ports: [first, second]) { $0.bootEpoch = 2 })
      try await eventually("rebooted") {
        host.control.seen(.server, id)?.server?.bootEpoch == 2 && host.control.seen(.server, id)?.ready == true
      }
      host.control.put(.server, id, host.server(id, ports: [second]) { $0.bootEpoch = 2 })
      host.control.bury(.port, first)
      try await eventually("one card") {
        host.control.seen(.server, id)?.server?.portIDs == [second] && host.control.seen(.server, id)?.ready == true
      }
      host.control.bury(.server, id)
      try await eventually("gone") { host.control.seen(.server, id)?.removed == true }
      try await Task.sleep(for: .milliseconds(150))
      #expect(host.control.state.withLock { $0.drift } == [])
    }
  }

  @Test func aStoppedServerIsDefinedWithItsNewCards() async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, first) = try await host.bootServer()
      host.control.put(.server, id, host.server(id, ports: [first]) { $0.power = .stopped })
      try await eventually("stopped") { host.control.seen(.server, id)?.server?.power == .stopped }
      host.control.put(.server, id, host.server(id, ports: []) { $0.power = .stopped })
      try await eventually("without the card") {
        host.hypervisor.state.withLock { $0.domains[id]?.spec?.cards.isEmpty == true }
      }
      #expect(host.control.drift(.definition).isEmpty)
    }
  }

  @Test(arguments: [true, false]) func cardsThatNobodyAskedToChangeAreSetRight(missing: Bool) async throws {
    let host = try Host()
    try await host.withAgent { _ in
      let (id, portID) = try await host.bootServer()
      let stranger = Identifier.uuid()
      host.hypervisor.change(id) { domain in
        if missing {
          domain.live?.cards = []
        } else {
          domain.live?.cards.append(.init(tap: "x", mac: "fa:16:3e:99:99:99", slot: 9, mtu: 1500, portID: stranger))
        }
      }
      let finding = try await over(host, .cards, id)
      #expect(finding.asked == "cards of \(portID)")
      #expect(finding.found == (missing ? "no card" : "cards of \(portID), \(stranger)"))
      try await eventually("as asked") {
        host.hypervisor.state.withLock { $0.domains[id]?.live?.cards.map(\.portID) } == [portID]
      }
    }
  }

  @Test func aLostRootDiskIsShownUntilItIsBack() async throws {
    let host = try Host()
    try await host.withAgent { agent in
      let (id, _) = try await host.bootServer()
      host.disks.set { $0.roots[id] = nil }
      host.hypervisor.tell(id)
      try await eventually("told") {
        host.control.openDrift(.rootDisk).count == 1 && host.control.seen(.server, id)?.condition?.type == "DataMissing"
      }
      #expect(host.hypervisor.power(id) == .running)
      host.disks.set { $0.roots[id] = "disk-" + id }
      await agent.lookAtEverything()
      _ = try await over(host, .rootDisk, id)
      try await eventually("well") { host.control.seen(.server, id)?.ready == true }
    }
  }

  @Test func aLostBaseIsFetchedAgain() async throws {
    let host = try Host { $0.sweep = .milliseconds(30) }
    try await host.withAgent { _ in
      _ = try await host.bootServer()
      host.disks.set { [digest = host.digest] in
        $0.unavailable = [digest]
        $0.bases = []
      }
      try await eventually("told, with why not") {
        host.control.openDrift(.baseImage).first?.done.hasPrefix("not yet") == true
      }
      host.disks.set { $0.unavailable = [] }
      try await eventually("back") { host.disks.state.withLock { $0.bases.contains(host.digest) } }
      try await eventually("over") { host.settled(.baseImage, "base image \(host.digest)") != nil }
      #expect(host.settled(.baseImage)?.done == "fetched again")
      #expect(host.hypervisor.count("start") == 1)
    }
  }
}
