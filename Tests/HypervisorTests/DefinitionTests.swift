import Drivers
import Foundation
import Kit
import NodeLink
import Testing

@testable import Hypervisor

/// Definitions and their edits, with the machine's own libvirtd; hardly a guest runs.
@Suite struct DefinitionTests {
  @Test func readsBackAsItWasMade() async throws {
    let lab = try Lab()
    let bare = try await lab.spec(name: DomainXMLTests.hostile)
    var large = try await lab.spec()
    large.vcpus = 3
    large.memoryMiB = 1001
    large.rootDisk.overlayPath = lab.directory + "/o'v&<er>.qcow2"
    large.configDrivePath = lab.directory + "/config.img"
    // Not in the order of their slots, one in capitals, as an API's user may write it.
    large.cards = [
      lab.cardWithoutTap(slot: 9), lab.cardWithoutTap(slot: 3, mac: "FA:16:3E:AB:CD:EF"), lab.cardWithoutTap(slot: 15),
    ]
    for spec in [bare, large] {
      try await lab.hypervisor.define(spec)
      let definition = try await lab.hypervisor.domain(spec.serverID)?.definition
      #expect(definition == lab.hypervisor.definition(of: spec))
      try await lab.hypervisor.define(spec)
      #expect(try await lab.hypervisor.domain(spec.serverID)?.definition == definition)
    }
    let cards = try #require(try await lab.hypervisor.domain(large.serverID)?.definition?.cards)
    #expect(cards.map { $0.split(separator: " ").last } == ["3", "9", "15"])
    #expect(cards.first?.contains("fa:16:3e:ab:cd:ef") == true)

    // What is attached afterwards stands where the slot says, not where it came.
    large.cards.insert(lab.cardWithoutTap(slot: 5), at: 0)
    try await lab.hypervisor.attach(large.cards[0], to: large.serverID)
    #expect(try await lab.hypervisor.domain(large.serverID)?.definition == lab.hypervisor.definition(of: large))
    await lab.end()
  }

  @Test func everyEditIsSeenAndDefinedAway() async throws {
    let lab = try Lab()
    var spec = try await lab.spec()
    spec.cards = [lab.cardWithoutTap(slot: 3)]
    try await lab.hypervisor.define(spec)
    let asked = lab.hypervisor.definition(of: spec)
    let seen = Seen(lab.hypervisor.events())
    let xml = try await lab.virsh("dumpxml", "--inactive", spec.serverID)

    let edits: [(from: String, to: String, what: KeyPath<DomainDefinition, String>)] = [
      (spec.rootDisk.overlayPath, "/elsewhere.qcow2", \.overlay), (TinyImage.disk, "/elsewhere.base", \.base),
      ("131072</memory>", "262144</memory>", \.memory), (">1</vcpu>", ">2</vcpu>", \.processors),
      (spec.cards[0].mac, "52:54:00:00:00:01", \.cardList), (spec.cards[0].tap, "hxxxxt0", \.cardList),
    ]
    for edit in edits {
      let edited = xml.replacing(edit.from, with: edit.to)
      try #require(edited != xml, "\(edit)")
      let path = lab.directory + "/edited.xml"
      try Data(edited.utf8).write(to: URL(fileURLWithPath: path))
      let heard = seen.count(spec.serverID)
      try await lab.virsh("define", path)
      #expect(try await eventually(seconds: 30) { seen.count(spec.serverID) > heard })
      let found = try #require(try await lab.hypervisor.domain(spec.serverID)?.definition)
      #expect(found != asked && found[keyPath: edit.what] != asked[keyPath: edit.what], "\(edit)")
      try await lab.hypervisor.define(spec)
      #expect(try await lab.hypervisor.domain(spec.serverID)?.definition == asked)
    }
    // A card of somebody else is in the definition and is no port.
    try await lab.virsh("attach-interface", spec.serverID, "network", "default", "--config", "--model", "virtio")
    let found = try #require(try await lab.hypervisor.domain(spec.serverID))
    #expect(found.definition?.cards.count == 2 && found.portIDs == [spec.cards[0].portID])
    seen.end()
    await lab.end()
  }

  @Test func aRenamedDomainIsHeardOfAndGetsItsNameBack() async throws {
    let lab = try Lab()
    let spec = try await lab.spec()
    let name = lab.tag.domain(spec.serverID)
    try await lab.hypervisor.define(spec)
    _ = try await lab.hypervisor.domains()
    let seen = Seen(lab.hypervisor.events())

    func hears(_ body: () async throws -> Void) async throws -> Bool {
      let before = seen.count(spec.serverID)
      try await body()
      return try await eventually(seconds: 30) { seen.count(spec.serverID) > before }
    }
    #expect(try await hears { try await lab.virsh("domrename", name, "stolen-" + spec.serverID) })
    var found = try #require(try await lab.hypervisor.domains().first)
    #expect(found.serverID == spec.serverID && found.definition?.name == "stolen-" + spec.serverID)
    #expect(try await hears { try await lab.hypervisor.define(spec) })
    #expect(try await lab.hypervisor.domain(spec.serverID)?.definition == lab.hypervisor.definition(of: spec))

    // Renamed and booted: libvirt gives a running guest no other name, the rest of its definition comes all the same.
    try await lab.virsh("domrename", name, "stolen-" + spec.serverID)
    #expect(try await hears { try await lab.virsh("start", "stolen-" + spec.serverID) })
    #expect(try await hears { try await lab.virsh("suspend", "stolen-" + spec.serverID) })
    #expect(try await hears { try await lab.virsh("resume", "stolen-" + spec.serverID) })
    var other = spec
    other.vcpus = 2
    try await lab.hypervisor.define(other)
    found = try #require(try await lab.hypervisor.domain(spec.serverID))
    #expect(found.power == .running && found.instance != nil)
    #expect(found.definition?.name == "stolen-" + spec.serverID && found.definition?.vcpus == 2)
    #expect(try await hears { try await lab.virsh("destroy", "stolen-" + spec.serverID) })
    try await lab.hypervisor.define(other)
    #expect(try await lab.hypervisor.domain(spec.serverID)?.definition == lab.hypervisor.definition(of: other))

    #expect(try await hears { try await lab.virsh("undefine", name) })
    seen.end()
    await lab.end()
    unlink("/var/log/libvirt/qemu/stolen-\(spec.serverID).log")
  }

  @Test func aMarkThatWasTakenAwayComesBack() async throws {
    let lab = try Lab()
    var spec = try await lab.spec(name: DomainXMLTests.hostile)
    spec.bootEpoch = 4
    try await lab.hypervisor.define(spec)
    _ = try await lab.hypervisor.domains()
    let seen = Seen(lab.hypervisor.events())
    func unmark(_ flags: String...) async throws {
      let heard = seen.count(spec.serverID)
      for flag in flags {
        try await lab.virsh("metadata", spec.serverID, DomainXML.metadataNamespace, "--remove", flag)
      }
      #expect(try await eventually(seconds: 30) { seen.count(spec.serverID) > heard })
      #expect(try await lab.hypervisor.domain(spec.serverID) == nil)
      #expect(try await !lab.hypervisor.foreignDomains().contains(lab.tag.domain(spec.serverID)))
    }
    try await unmark("--config")
    try await lab.hypervisor.define(spec)
    let off = try #require(try await lab.hypervisor.domain(spec.serverID))
    #expect(off.bootEpoch == 4 && off.definition == lab.hypervisor.definition(of: spec))

    try await lab.hypervisor.start(spec.serverID)
    let before = try #require(try await lab.hypervisor.domain(spec.serverID))
    try await unmark("--config", "--live")
    try await lab.hypervisor.define(spec)
    #expect(try await lab.hypervisor.domain(spec.serverID) == before)

    // Only the next boot's: the guest is known, its definition is none of ours.
    try await lab.virsh("metadata", spec.serverID, DomainXML.metadataNamespace, "--remove", "--config")
    #expect(try await lab.hypervisor.domain(spec.serverID)?.definition?.persistent == false)
    try await lab.hypervisor.define(spec)
    #expect(try await lab.hypervisor.domain(spec.serverID) == before)

    // It is ours to remove, too.
    try await unmark("--live")
    try await lab.hypervisor.destroy(spec.serverID)
    try await lab.hypervisor.undefine(spec.serverID)
    let names = try await lab.virsh("list", "--all", "--name")
    #expect(!names.contains(spec.serverID))
    seen.end()
    await lab.end()
  }

  @Test func savedStateUnderAnotherNameDoesNotHoldTheNameBack() async throws {
    let lab = try Lab()
    let spec = try await lab.spec()
    try await lab.hypervisor.define(spec)
    try await lab.virsh("domrename", lab.tag.domain(spec.serverID), "stolen-" + spec.serverID)
    try await lab.hypervisor.start(spec.serverID)
    try await lab.virsh("managedsave", spec.serverID)
    #expect(try await lab.hypervisor.domain(spec.serverID)?.reason == "saved")
    try await lab.hypervisor.define(spec)
    #expect(try await lab.hypervisor.domain(spec.serverID)?.definition == lab.hypervisor.definition(of: spec))
    try await lab.hypervisor.undefine(spec.serverID)
    #expect(try await lab.hypervisor.domains() == [])
    await lab.end()
    unlink("/var/log/libvirt/qemu/stolen-\(spec.serverID).log")
  }

  @Test func foreignDomainsAreNamedAndTold() async throws {
    try await LibvirtDaemon.ensureRunning()
    // Where nobody else's domains come and go.
    let daemon = PrivateLibvirtd()
    let lab = try Lab(uri: daemon.uri)
    try await daemon.running { _ in
      let mine = try await lab.spec()
      try await lab.hypervisor.define(mine)
      let seen = Seen(lab.hypervisor.events())
      let anotherCloud = try await lab.foreign(
        metadata: "<haneul:server xmlns:haneul='\(DomainXML.metadataNamespace)' cloud='zzzz' boot-epoch='1'/>")
      let foreign = try await lab.foreign()
      #expect(try await eventually(seconds: 30) { seen.count("all") > 0 })
      #expect(try await lab.hypervisor.foreignDomains() == [foreign])
      #expect(try await lab.hypervisor.domains().map(\.serverID) == [mine.serverID])

      // Somebody else's domain under our name: it is not renamed, and ours is not defined over it.
      let second = try await lab.spec()
      let squatter = try await lab.foreign(name: lab.tag.domain(second.serverID))
      await #expect(throws: HypervisorError.foreignDomain(name: squatter)) {
        try await lab.hypervisor.define(second)
      }
      let known = seen.count("all")
      for name in [anotherCloud, squatter, foreign] { try await lab.virsh("undefine", name) }
      #expect(try await eventually(seconds: 30) { seen.count("all") > known })
      #expect(try await lab.hypervisor.foreignDomains() == [])
      seen.end()
      await lab.end()
    }
    try? FileManager.default.removeItem(atPath: daemon.directory)
  }

  /// Calls from many tasks at once: all come back, with what they asked for.
  @Test func manyCallsAtOnceAreAllAnswered() async throws {
    let lab = try Lab()
    var spec = try await lab.spec()
    var ids: [String] = []
    for _ in 0..<4 {
      spec.serverID = Identifier.uuid()
      try await lab.hypervisor.define(spec)
      ids.append(spec.serverID)
    }
    let answers = try await withThrowingTaskGroup(of: Bool.self) { group in
      for number in 0..<200 {
        let id = ids[number % ids.count]
        group.addTask {
          for _ in 0..<10 where try await lab.hypervisor.domain(id)?.serverID != id { return false }
          return true
        }
      }
      return try await group.reduce(into: [Bool]()) { $0.append($1) }
    }
    #expect(answers.count == 200 && answers.allSatisfy { $0 })
    await lab.end()
  }

  /// The cost of a full comparison, printed for the record.
  @Test func aLookAtManyDomainsIsCheap() async throws {
    let lab = try Lab()
    let count = 20
    var spec = try await lab.spec()
    spec.cards = [lab.cardWithoutTap(slot: 3), lab.cardWithoutTap(slot: 4)]
    for _ in 0..<count {
      spec.serverID = Identifier.uuid()
      try await lab.hypervisor.define(spec)
    }
    let clock = ContinuousClock()
    var looks: [Duration] = []
    for _ in 0..<5 {
      let took = try await clock.measure {
        let found = try await lab.hypervisor.domains()
        #expect(found.count == count)
      }
      looks.append(took)
    }
    let best = try #require(looks.min())
    let foreign = try await clock.measure { _ = try await lab.hypervisor.foreignDomains() }
    let xml = try await lab.virsh("dumpxml", spec.serverID)
    let parse = clock.measure { for _ in 0..<100 { _ = DomainDescription(xml: xml) } }
    print("reading one XML: \(parse / 100)")
    print("domains(): \(best / count) a domain; foreignDomains(): \(foreign) beside \(count) of ours")
    await lab.end()
  }
}

extension DomainDefinition {
  fileprivate var overlay: String { overlayPath ?? "" }
  fileprivate var base: String { basePath ?? "" }
  fileprivate var memory: String { "\(memoryMiB)" }
  fileprivate var processors: String { "\(vcpus)" }
  fileprivate var cardList: String { cards.joined(separator: ",") }
}
