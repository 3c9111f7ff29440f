import Foundation
import Kit
import Logging
import NodeLink
import Store
import Testing

@testable import Agent
@testable import Cloud

struct DoctorTests {
  private let cloudID = "ab12cd34-0000-4000-8000-000000000001"

  /// A host on which all is well.
  private func facts(_ change: (inout DoctorFacts) -> Void = { _ in }) -> DoctorFacts {
    var facts = DoctorFacts()
    facts.virtualization = .init(processorFlag: "vmx", hasDevice: true, chosen: "kvm")
    facts.kernel = [.init(name: "bridges", module: "bridge", problem: nil)]
    facts.forwards = true
    facts.flows = (10, 1000)
    facts.disk = .init(path: "/s", bytes: 100 << 30, bytesFree: 50 << 30, inodes: 1_000_000, inodesFree: 900_000)
    facts.clock = .init(isKept: true, now: Timestamp(microseconds: 1_800_000_000_000_000), newest: nil)
    facts.libvirt = .init(problem: nil, version: "9.0.0", qemuVersion: "7.2.0")
    facts.links = [.init(name: "hab12x", mtu: 1500), .init(name: "eth0", mtu: 1500, isUplink: true)]
    facts.namespaces = []
    facts.nftTables = ["haneul_ab12"]
    facts.domains = []
    facts.knownTags = ["ab12"]
    var cloud = DoctorFacts.Cloud(id: cloudID, tag: CloudTag(cloudID: cloudID))
    cloud.store = .init(cloudID: cloudID, epoch: 1)
    cloud.heldIDs = []
    facts.cloud = cloud
    change(&facts)
    return facts
  }

  private func only(
    _ check: any DoctorCheck.Type, _ severity: DoctorFinding.Severity, _ text: String,
    _ change: (inout DoctorFacts) -> Void
  ) {
    let findings = check.findings(facts(change))
    #expect(findings.count == 1, "\(findings)")
    #expect(findings.first?.severity == severity, "\(findings)")
    #expect(findings.first?.what.contains(text) == true, "\(findings)")
    if severity > .unseen { #expect(findings.first?.advice?.isEmpty == false) }
  }

  @Test func aHealthyHostIsWell() throws {
    let report = DoctorReport(facts())
    #expect(report.exitCode == 0, "\(report.text)")
    #expect(report.findings.count == DoctorReport.checks.count)
    #expect(report.text.hasSuffix("All is well."))
    let json = try JSONValue(parsing: report.json)
    #expect(json["status"] == .int(0))
    #expect(json["findings"]?.array?.count == report.findings.count)
    #expect(json["findings"]?.array?.first?["severity"] == .string("ok"))
  }

  @Test func theWorstDecides() {
    let warned = DoctorReport(facts { $0.clock?.isKept = false })
    #expect(warned.exitCode == 1)
    #expect(warned.text.contains("→ "))
    #expect(
      DoctorReport(
        facts {
          $0.clock?.isKept = false; $0.disk?.isReadOnly = true
        }
      ).exitCode == 2)
    #expect(DoctorReport(facts { $0.clock?.isKept = nil }).exitCode == 0)
  }

  @Test func withoutAnyFactsItSaysWhatItCouldNotSee() {
    var nothing = DoctorFacts()
    nothing.isRoot = false
    let report = DoctorReport(nothing)
    #expect(report.exitCode == 0, "\(report.text)")
    #expect(report.findings.filter { $0.finding.severity == .unseen }.count >= 6, "\(report.text)")
  }

  @Test func virtualization() {
    only(VirtualizationCheck.self, .warning, "no /dev/kvm") { $0.virtualization = .init() }
    only(VirtualizationCheck.self, .warning, "Permission denied") {
      $0.virtualization = .init(processorFlag: "svm", hasDevice: true, deviceProblem: "Permission denied")
    }
    only(VirtualizationCheck.self, .warning, "trial boot") {
      $0.virtualization = .init(processorFlag: "vmx", hasDevice: true, chosen: "qemu")
    }
    only(VirtualizationCheck.self, .well, "/dev/kvm") {
      $0.virtualization = .init(processorFlag: nil, hasDevice: true)
    }
    #expect(
      VirtualizationCheck.findings(facts { $0.virtualization = .init(processorFlag: "svm") }).first?.advice
        == "Load the module: modprobe kvm_amd")
  }

  @Test func kernel() {
    only(KernelCheck.self, .broken, "bridges: Operation not supported") {
      $0.kernel = [
        .init(name: "bridges", module: "bridge", problem: "Operation not supported"),
        .init(name: "taps", module: "tun", problem: nil),
      ]
    }
    #expect(KernelCheck.findings(facts { $0.flows = (900, 1000) }).map(\.severity) == [.well, .warning])
    #expect(KernelCheck.findings(facts { $0.forwards = false }).map(\.severity) == [.well])
    let masked = facts {
      $0.forwards = false
      $0.cloud?.masquerades = true
    }
    #expect(KernelCheck.findings(masked).map(\.severity) == [.well, .broken])
  }

  @Test func disk() {
    only(DiskCheck.self, .broken, "read-only") { $0.disk?.isReadOnly = true }
    only(DiskCheck.self, .broken, "full") { $0.disk?.bytesFree = 1 << 20 }
    only(DiskCheck.self, .warning, "1024 MiB") { $0.disk?.bytesFree = 1 << 30 }
    only(DiskCheck.self, .broken, "No inodes") { $0.disk?.inodesFree = 3 }
    only(DiskCheck.self, .warning, "inodes") { $0.disk?.inodesFree = 10_000 }
    only(DiskCheck.self, .well, "free") {
      $0.disk?.inodes = 0
      $0.disk?.inodesFree = 0
    }
    // A small disk that is hardly used is no reason to warn.
    only(DiskCheck.self, .well, "free") {
      $0.disk?.bytes = 1 << 30
      $0.disk?.bytesFree = 900 << 20
    }
  }

  @Test func clock() {
    let now = Timestamp(microseconds: 1_800_000_000_000_000)
    only(ClockCheck.self, .warning, "stepped back by 3600 s") {
      $0.clock?.newest = (now.adding(seconds: 3600), "/s/control/store.sqlite-wal")
    }
    only(ClockCheck.self, .well, "in step") { $0.clock?.newest = (now.adding(seconds: 1), "/s/log") }
    only(ClockCheck.self, .warning, "Nothing keeps") { $0.clock?.isKept = false }
  }

  @Test func toolsAndLibvirt() {
    only(ToolCheck.self, .broken, "dnsmasq is missing") { $0.missingTools = [("dnsmasq", "dnsmasq-base")] }
    only(ToolCheck.self, .broken, "no user haneul") { $0.missingUsers = ["haneul"] }
    only(LibvirtCheck.self, .broken, "nothing for 15 s") { $0.libvirt = .init(problem: "it said nothing for 15 s") }
    only(LibvirtCheck.self, .unseen, "could not") { $0.libvirt = nil }
  }

  @Test func processesAndStore() {
    only(ProcessCheck.self, .broken, "node is down") { $0.cloud?.down = [.node] }
    only(ProcessCheck.self, .broken, "does not answer") { $0.cloud?.apiAnswers = false }
    only(ProcessCheck.self, .broken, "control is down") {
      $0.cloud?.down = [.control]
      $0.cloud?.apiAnswers = false
    }
    only(ProcessCheck.self, .well, "no cloud") { $0.cloud = nil }
    only(StoreCheck.self, .broken, "another cloud") { $0.cloud?.store.cloudID = "other" }
    only(StoreCheck.self, .broken, "disk I/O error") { $0.cloud?.store.problem = "disk I/O error" }
    only(StoreCheck.self, .well, "epoch 1") { _ in }
    let drifting = facts {
      $0.cloud?.store.openDrift = 5
      $0.cloud?.store.quarantined = 2
    }
    #expect(StoreCheck.findings(drifting).map(\.severity) == [.warning, .warning])
    only(StoreCheck.self, .warning, "2 objects") {
      $0.cloud?.store.openDrift = 2
      $0.cloud?.store.quarantined = 2
    }
  }

  @Test func mtu() {
    let network = "11112222-3333-4444-8555-666677778888"
    only(MTUCheck.self, .warning, "hab12b111122223") {
      $0.cloud?.networkMTUs = [network: 1450]
      $0.links?.append(.init(name: "hab12b111122223", mtu: 1400))
    }
    only(MTUCheck.self, .warning, "external bridge") { $0.cloud?.networkMTUs = [network: 9000] }
    only(MTUCheck.self, .well, "carry") {
      $0.links = [.init(name: "hab12x", mtu: 1500), .init(name: "eth0", mtu: 1400, isUplink: true)]
    }
    only(MTUCheck.self, .warning, "eth0") {
      $0.links = [.init(name: "hab12x", mtu: 1500), .init(name: "eth0", mtu: 1400, isUplink: true)]
      $0.cloud?.masquerades = true
    }
  }

  @Test func leftovers() {
    let server = "11112222-3333-4444-8555-666677778888"
    // What the manifest names, by whole id or by its beginning, is no leftover; nor is what is nobody's of ours.
    only(LeftoverCheck.self, .well, "Nothing") {
      $0.cloud?.heldIDs = [server]
      $0.links?.append(.init(name: "hab12t111122223", mtu: 1500))
      $0.links?.append(.init(name: "hotel0", mtu: 1500))
      $0.links?.append(.init(name: "hzzzzb111122223", mtu: 1500))
      $0.namespaces = ["haneul-ab12-dhcp-\(server)", "haneul", "other"]
      $0.domains = ["haneul-ab12-\(server)", "web", "haneul-x"]
      $0.nftTables = ["haneul_ab12", "filter"]
      $0.diskFolders = ["/s/node/disks/servers/\(server)"]
    }
    only(LeftoverCheck.self, .warning, "domain haneul-ab12-\(server), folder /d/\(server), interface hab12t111122223") {
      $0.links?.append(.init(name: "hab12t111122223", mtu: 1500))
      $0.domains = ["haneul-ab12-\(server)"]
      $0.diskFolders = ["/d/\(server)"]
    }
    only(LeftoverCheck.self, .warning, "tag beef") {
      $0.links?.append(.init(name: "hbeefx", mtu: 1500))
      $0.nftTables = ["haneul_beef"]
    }
    // Another cloud whose state directory is known is none of our business.
    only(LeftoverCheck.self, .well, "Nothing") {
      $0.knownTags = ["ab12", "beef"]
      $0.nftTables = ["haneul_beef"]
      $0.domains = ["haneul-beef-\(server)"]
    }
    only(LeftoverCheck.self, .unseen, "manifest") { $0.cloud?.heldIDs = nil }
    only(LeftoverCheck.self, .warning, "and 80 more") { facts in
      facts.domains = (0..<100).map { "haneul-beef-\($0)" }
    }
  }

  @Test func theJournalIsReadWithoutKnowingItsKinds() {
    let (network, router, port) = (Identifier.uuid(), Identifier.uuid(), Identifier.uuid())
    let names = HeldNames(
      journal: """
        {"binding":{"cloudID":"\(cloudID)","epoch":1}}
        {"held":{"_0":{"key":{"kind":"network","id":"\(network)"},"generation":1,"buried":false,"spec":\
        {"network":{"_0":{"id":"\(network)","mtu":1450}}}}}}
        {"held":{"_0":{"key":{"kind":"router","id":"\(router)"},"generation":2,"spec":{"router":{"_0":{"p":"\(port)"}}}}}}
        {"held":{"_0":{"key":{"kind":"port","id":"gone"},"generation":2}}}
        {"forget":{"key":{"kind":"port","id":"gone"},"generation":2}}
        {"held":{"_0":{"key":{"kind":"network","id":"\(Identifier.uuid())"},"gen
        """)
    #expect(names.ids == [network, router, port])
    #expect(names.networkMTUs == [network: 1450])
  }

  /// On this machine, with an empty directory: it must end, whatever is installed.
  @Test func aRealHostIsLookedAt() async throws {
    let fixture = try StateFixture()
    let facts = await DoctorHost(state: fixture.state).look()
    #expect(facts.cloud == nil)
    #expect(facts.disk?.bytes ?? 0 > 0)
    #expect(facts.links?.contains { $0.name == "lo" } == true)
    if geteuid() == 0 { #expect(facts.kernel.count == 6) }
    let report = DoctorReport(facts)
    #expect(report.findings.contains { $0.check == "processes" && $0.finding.severity == .well })
  }

  @Test func aCloudThatIsDownIsLookedAt() async throws {
    let fixture = try StateFixture()
    let settings = try CloudOptions(host: nil, port: 1, externalCIDR: nil, externalMasquerade: nil)
      .settings(existing: nil)
    try fixture.state.writeSettings(settings)
    _ = try await CloudStore.open(state: fixture.state, settings: settings).migrate([])
    let cloud = try #require(await DoctorCloud(state: fixture.state).look())
    #expect(cloud.down == [.control, .node])
    #expect(!cloud.apiAnswers)
    #expect(DoctorCloud(state: fixture.state).knownTags().contains(settings.tag.text))
    #expect(await DoctorCloud(state: fixture.state).newest() != nil)
  }
}

/// The doctor reads what the agent writes, by its place and its form.
struct DoctorJournalTests {
  @Test func theAgentsOwnJournalIsFound() async throws {
    let fixture = try StateFixture()
    let settings = try CloudOptions(host: nil, port: 1, externalCIDR: nil, externalMasquerade: nil)
      .settings(existing: nil)
    try fixture.state.writeSettings(settings)
    #expect(await DoctorCloud(state: fixture.state).look()?.heldIDs == [])
    try Data((Identifier.uuid() + "\n").utf8).write(to: URL(filePath: fixture.state.nodeID))
    #expect(await DoctorCloud(state: fixture.state).look()?.heldIDs == nil)
    let key = ObjectKey(.network, Identifier.uuid())
    let journal = ManifestJournal(
      directory: (fixture.state.nodeJournal as NSString).deletingLastPathComponent,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    _ = try await journal.open()
    try await journal.append([
      .held(HeldObject(key: key, generation: 1, requestID: nil, spec: nil, digest: nil, buried: false))
    ])
    await journal.close()
    let cloud = try #require(await DoctorCloud(state: fixture.state).look())
    #expect(cloud.heldIDs?.contains(key.id) == true)
  }
}
