import Drivers
import Foundation
import Kit
import NodeLink
import Testing

@testable import Hypervisor

/// Real guests on the machine's own libvirtd. One after the other: booting is bound by the processor.
@Suite(.serialized) struct LibvirtHypervisorTests {
  @Test func daemonIsBroughtUp() async throws {
    try await LibvirtDaemon.ensureRunning()
    try await LibvirtDaemon.ensureRunning()
  }

  @Test func factsAreOfThisHost() async throws {
    let lab = try Lab()
    let facts = try await lab.hypervisor.facts()
    #expect(facts.vcpus == ProcessInfo.processInfo.activeProcessorCount)
    #expect(abs(facts.memoryMiB - Int(ProcessInfo.processInfo.physicalMemory >> 20)) < 64)
    #expect(facts.diskGiB > 0 && facts.diskFreeGiB <= facts.diskGiB)
    #expect(facts.hypervisorVersion >= 7_000_000 && facts.libvirtVersion >= 9_000_000)
    #expect(["kvm", "qemu"].contains(facts.accelerator))
    await lab.end()
  }

  @Test func aGuestRunsUnprivilegedUnderAnyName() async throws {
    let lab = try Lab()
    let card = try await lab.card(slot: 3)
    let spec = try await lab.spec(name: DomainXMLTests.hostile, cards: [card])
    let seen = Seen(lab.hypervisor.events())
    #expect(try await lab.hypervisor.domain(spec.serverID) == nil)

    _ = try await lab.hypervisor.facts()
    let began = ContinuousClock.now
    try await lab.hypervisor.define(spec)
    #expect(try await lab.hypervisor.domain(spec.serverID)?.power == .stopped)
    try await lab.hypervisor.start(spec.serverID)
    let running = ContinuousClock.now - began
    #expect(try await lab.console(spec, says: "tiny: init"))
    print("define and start: \(running); first line of console: \(ContinuousClock.now - began)")

    let status = try String(contentsOfFile: "/proc/\(try lab.process(spec.serverID))/status", encoding: .utf8)
    let ids = try #require(status.split(separator: "\n").first { $0.hasPrefix("Uid:") }).split(separator: "\t")
      .dropFirst()
    #expect(ids.allSatisfy { $0 == "\(lab.user.uid)" } && ids.count == 4)
    #expect(lab.user.uid != 0)
    let state = try #require(try await lab.hypervisor.domain(spec.serverID))
    #expect(state.power == .running && state.bootEpoch == 1 && state.portIDs == [card.portID])
    #expect(state.reason == nil)
    #expect(state.definition == lab.hypervisor.definition(of: spec))
    #expect(try await lab.hypervisor.domains() == [state])
    // One life of QEMU: the process that libvirt wrote down, since its start.
    let instance = try #require(state.instance)
    #expect(instance.contains(":\(try lab.process(spec.serverID)):") && instance.hasPrefix(GuestInstance.bootID))

    // The link of a tap is the dataplane's to bring up, and libvirt leaves its MTU.
    let link = try await command("ip", ["-o", "link", "show", card.tap])
    #expect(!link.contains("UP") && link.contains("mtu 1450"), "\(link)")

    // The next boot's definition says nothing of the running guest.
    var next = spec
    next.bootEpoch = 2
    next.cards = []
    try await lab.hypervisor.define(next)
    var expected = state
    expected.definition = lab.hypervisor.definition(of: next)
    #expect(try await lab.hypervisor.domain(spec.serverID) == expected)

    // Undefined behind our back: it runs on without a definition, until it gets one again.
    try await lab.virsh("undefine", spec.serverID)
    let transient = try #require(try await lab.hypervisor.domain(spec.serverID))
    #expect(transient.power == .running && transient.instance == instance)
    #expect(transient.definition?.persistent == false)
    #expect(try await lab.hypervisor.domains() == [transient])
    try await lab.hypervisor.define(next)
    #expect(try await lab.hypervisor.domain(spec.serverID) == expected)

    try await lab.hypervisor.destroy(spec.serverID)
    try await lab.hypervisor.destroy(spec.serverID)
    let stopped = try #require(try await lab.hypervisor.domain(spec.serverID))
    #expect(
      stopped
        == DomainState(
          serverID: spec.serverID, power: .stopped, bootEpoch: 2, portIDs: [], reason: "destroyed",
          definition: lab.hypervisor.definition(of: next)))

    try await lab.hypervisor.undefine(spec.serverID)
    try await lab.hypervisor.undefine(spec.serverID)
    #expect(try await lab.hypervisor.domains() == [])
    // Defined, started, resumed, defined again, stopped, undefined.
    #expect(try await eventually(seconds: 30) { seen.count(spec.serverID) >= 5 })
    #expect(seen.kinds.isSubset(of: [spec.serverID, "all"]))
    seen.end()
    // libvirt leaves a tap that it did not make.
    try await command("ip", ["link", "show", card.tap])
    await lab.remove(card)
    await lab.end()
    let logs = try FileManager.default.contentsOfDirectory(atPath: "/var/log/libvirt/qemu")
    #expect(!logs.contains { $0.contains(spec.serverID) })
  }

  @Test func cardsComeAndGoAndTheGuestObeys() async throws {
    let lab = try Lab()
    let spec = try await lab.spec()
    let network = try await LabNetwork(lab)
    let card = try await network.card(slot: 4)
    try await lab.hypervisor.define(spec)
    try await lab.hypervisor.start(spec.serverID)
    #expect(try await lab.console(spec, says: "tiny: READY"))

    try await lab.hypervisor.attach(card, to: spec.serverID)
    try await lab.hypervisor.attach(card, to: spec.serverID)
    #expect(try await lab.hypervisor.domain(spec.serverID)?.portIDs == [card.portID])
    #expect(try await network.reachesGuest())
    let before = try #require(try await lab.hypervisor.domain(spec.serverID))

    // The tap is deleted under the guest and made again: only a card that is plugged in anew passes packets.
    try await command("ip", ["link", "delete", card.tap])
    try await network.makeTap(card.tap)
    #expect(try await network.pings() == false)
    try await lab.hypervisor.replug(card, of: spec.serverID)
    #expect(try await network.reachesGuest())
    // The same guest with the same definition.
    #expect(try await lab.hypervisor.domain(spec.serverID) == before)

    // Suspended behind our back: it lets go of nothing, and that is said.
    try await lab.virsh("suspend", spec.serverID)
    let paused = try #require(try await lab.hypervisor.domain(spec.serverID))
    #expect(paused.power == .paused && paused.reason == "user" && paused.instance == before.instance)
    await #expect {
      try await lab.hypervisor.replug(card, of: spec.serverID, secondsMax: 2)
    } throws: {
      if case HypervisorError.guestDidNotObey = $0 { true } else { false }
    }
    #expect(try await lab.hypervisor.domain(spec.serverID)?.definition == before.definition)
    try await lab.hypervisor.resume(spec.serverID)
    try await lab.hypervisor.resume(spec.serverID)
    #expect(try await lab.hypervisor.domain(spec.serverID)?.power == .running)
    // It lets go late; the next try finds that, and plugs the card in.
    try await lab.hypervisor.replug(card, of: spec.serverID)
    #expect(try await network.reachesGuest())
    #expect(try await lab.hypervisor.domain(spec.serverID) == before)
    try await network.end()

    try await lab.hypervisor.detach(portID: card.portID, from: spec.serverID)
    try await lab.hypervisor.detach(portID: card.portID, from: spec.serverID)
    let bare = try #require(try await lab.hypervisor.domain(spec.serverID))
    #expect(bare.portIDs == [] && bare.definition == lab.hypervisor.definition(of: spec))

    try await lab.hypervisor.shutdown(spec.serverID)
    #expect(try await lab.power(spec, is: .stopped))
    #expect(try await lab.hypervisor.domain(spec.serverID)?.reason == "shutdown")
    try await lab.hypervisor.shutdown(spec.serverID)
    // Nothing runs that could be plugged or resumed.
    try await lab.hypervisor.replug(card, of: spec.serverID)
    #expect(try await lab.hypervisor.domain(spec.serverID)?.definition?.cards == [])

    // A QEMU that dies by itself is a crash, not a stop; and a new one is another life.
    let again = try await lab.card(slot: 4)
    try await lab.hypervisor.attach(again, to: spec.serverID)
    try await lab.hypervisor.start(spec.serverID)
    let next = try #require(try await lab.hypervisor.domain(spec.serverID))
    #expect(next.portIDs == [again.portID])
    #expect(next.instance != nil && next.instance != before.instance)
    #expect(kill(try lab.process(spec.serverID), SIGKILL) == 0)
    #expect(try await lab.power(spec, is: .crashed))
    #expect(try await lab.hypervisor.domain(spec.serverID)?.reason == "crashed")
    #expect(try await lab.hypervisor.domain(spec.serverID)?.instance == nil)
    await lab.remove(again)
    await lab.end()
  }

  @Test func whatIsNotOursIsNotTouched() async throws {
    let lab = try Lab()
    let mine = try await lab.spec()
    // The same name and id, and even our namespace, with another cloud's tag.
    let metadata = "<haneul:server xmlns:haneul='\(DomainXML.metadataNamespace)' cloud='zzzz' boot-epoch='1'/>"
    let xml = """
      <domain type='qemu'><name>\(lab.tag.domain(mine.serverID))</name><uuid>\(mine.serverID)</uuid>
      <metadata>\(metadata)</metadata><memory unit='MiB'>64</memory><os><type>hvm</type></os></domain>
      """
    let path = lab.directory + "/foreign.xml"
    try Data(xml.utf8).write(to: URL(fileURLWithPath: path))
    try await command("virsh", ["-q", "-c", "qemu:///system", "define", path])

    #expect(try await lab.hypervisor.domains() == [])
    #expect(try await lab.hypervisor.domain(mine.serverID) == nil)
    await #expect(throws: HypervisorError.foreignDomain(name: lab.tag.domain(mine.serverID))) {
      try await lab.hypervisor.define(mine)
    }
    await #expect(throws: HypervisorError.noDomain(serverID: mine.serverID)) {
      try await lab.hypervisor.start(mine.serverID)
    }
    try await lab.hypervisor.destroy(mine.serverID)
    try await lab.hypervisor.undefine(mine.serverID)
    let left = try await command("virsh", ["-c", "qemu:///system", "dumpxml", mine.serverID])
    #expect(left.contains("zzzz"))
    try await command("virsh", ["-q", "-c", "qemu:///system", "undefine", mine.serverID])
    await lab.end()
  }

  /// A QEMU that hangs never answers libvirt: what changes it is stuck, looks and its own end are not.
  @Test func hungGuestsHoldUpNoLookAndCanBeEnded() async throws {
    let lab = try Lab()
    let count = LibvirtLink.Kind.change.width
    var stuck: [Task<Void, Never>] = []
    for _ in 0..<count {
      let spec = try await lab.spec()
      try await lab.hypervisor.define(spec)
      try await lab.hypervisor.start(spec.serverID)
      #expect(kill(try lab.process(spec.serverID), SIGSTOP) == 0)
    }
    let domains = try await lab.hypervisor.domains()
    #expect(domains.count == count && domains.allSatisfy { $0.power == .running && $0.instance != nil })
    let returned = Counter()
    for domain in domains {
      stuck.append(
        Task {
          try? await lab.hypervisor.shutdown(domain.serverID)
          returned.add()
        })
    }
    try await Task.sleep(for: .seconds(1))
    #expect(try await lab.hypervisor.domains() == domains)
    #expect(returned.value == 0)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for domain in domains { group.addTask { try await lab.hypervisor.destroy(domain.serverID) } }
      try await group.waitForAll()
    }
    for task in stuck { await task.value }
    #expect(try await lab.hypervisor.domains().allSatisfy { $0.power == .stopped })
    await lab.end()
  }
}
