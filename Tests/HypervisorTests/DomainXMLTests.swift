import CLibvirt
import Drivers
import Foundation
import Kit
import NodeLink
import Testing

@testable import Hypervisor

@Suite struct DomainXMLTests {
  static let hostile = "a'b\"c<d>&e]]>\u{0}\n\u{1F600}<domain type='kvm'/>"

  private func spec(cards: [DomainSpec.Card] = []) -> DomainSpec {
    DomainSpec(
      serverID: Identifier.uuid(), displayName: Self.hostile, projectID: Identifier.hex(), vcpus: 2, memoryMiB: 128,
      bootEpoch: 7, rootDisk: DiskChain(overlayPath: "/x/o'v.qcow2", basePath: "/x/base", baseFormat: "raw"),
      configDrivePath: "/x/config.img", consoleLogPath: "/x/console.log", cards: cards)
  }

  private func card(slot: Int = 3, mac: String = "fa:16:3e:00:00:01") -> DomainSpec.Card {
    .init(tap: "habcdt012345678", mac: mac, slot: slot, mtu: 1450, portID: Identifier.uuid())
  }

  private let writer = DomainXML(
    tag: CloudTag(cloudID: "ab12"), accelerator: .qemu, user: QEMUUser(uid: 64055, gid: 64055, groups: []))

  @Test func escapesWhatUsersWrite() {
    let markup = Markup("name", ["title": "it's <b>"], text: Self.hostile)
    #expect(markup.xml.hasPrefix("<name title='it&apos;s &lt;b&gt;'>a&apos;b&quot;c&lt;d&gt;&amp;e]]&gt;\u{fffd}&#10;"))
    #expect(!markup.xml.contains("<domain"))
  }

  @Test func readsBackWhatItWrote() throws {
    let cards = [card(slot: 5), card(slot: 3)]
    let xml = try writer.domain(spec(cards: cards))
    let read = try #require(DomainDescription(xml: xml))
    #expect(read.cloud == "ab12")
    #expect(read.bootEpoch == 7)
    #expect(read.portIDs == cards.map(\.portID))
  }

  @Test func isValidForLibvirt() async throws {
    let spec = spec(cards: [card(), card(slot: 15)])
    let path = "/tmp/haneul-domain-" + Identifier.hex() + ".xml"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(try writer.domain(spec).utf8).write(to: URL(fileURLWithPath: path))
    try await LibvirtDaemon.ensureRunning()
    try await command("virsh", ["-q", "-c", "qemu:///system", "define", "--validate", path])
    try await command("virsh", ["-q", "-c", "qemu:///system", "undefine", spec.serverID])
  }

  @Test func namesEveryFormat() throws {
    let xml = try writer.domain(spec())
    #expect(xml.contains("<driver name='qemu' type='qcow2' discard='unmap'/><source file='/x/o&apos;v.qcow2'/>"))
    #expect(
      xml.contains(
        "<backingStore type='file'><format type='raw'/><source file='/x/base'/><backingStore/></backingStore>"))
    #expect(xml.contains("<driver name='qemu' type='raw'/><source file='/x/config.img'/><backingStore/>"))
  }

  @Test func metadataOfOthersIsNotOurs() {
    let foreign = "<domain><metadata><haneul:server xmlns:haneul='urn:other' cloud='ab12'/></metadata></domain>"
    #expect(DomainDescription(xml: foreign)?.cloud == nil)
    #expect(DomainDescription(xml: "<domain>") == nil)
  }

  @Test func refusesWhatCannotBe() {
    #expect(throws: HypervisorError.self) { try writer.domain(spec(cards: [card(slot: 2)])) }
    #expect(throws: HypervisorError.self) { try writer.domain(spec(cards: [card(slot: 3), card(slot: 3)])) }
    #expect(throws: HypervisorError.self) { try writer.domain(spec(cards: [card(mac: "01:00:5e:00:00:01")])) }
    var other = spec()
    other.serverID = "../x"
    #expect(throws: HypervisorError.self) { try writer.domain(other) }
  }

  @Test func powerFromLibvirtsStates() {
    func power(_ state: virDomainState, _ reason: UInt32 = 0) -> String {
      PowerState.power(state: Int32(state.rawValue), reason: Int32(reason)).rawValue
    }
    #expect(power(VIR_DOMAIN_RUNNING) == "running")
    #expect(power(VIR_DOMAIN_BLOCKED) == "running")
    #expect(power(VIR_DOMAIN_SHUTDOWN) == "running")
    #expect(power(VIR_DOMAIN_PAUSED) == "paused")
    #expect(power(VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_STARTING_UP.rawValue) == "running")
    #expect(power(VIR_DOMAIN_PMSUSPENDED) == "paused")
    #expect(power(VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_DESTROYED.rawValue) == "stopped")
    #expect(power(VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_CRASHED.rawValue) == "crashed")
  }
}
