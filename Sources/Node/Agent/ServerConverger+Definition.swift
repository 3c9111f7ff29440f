import Drivers
import Kit
import NodeLink

/// The definition that libvirt keeps of a guest for its next boot.
extension ServerConverger {
  /// Compares the persistent definition with what was asked, and defines again where it differs. A running guest goes
  /// on with its present one. Where nothing was ever defined, that waits for the first boot.
  mutating func settleDefinition(_ domain: DomainState?) async throws -> ServerNext {
    guard domain?.definition != nil || (domain == nil && record.defined == true) else { return .settled }
    guard let chain = await knownChain() else { return .settled }
    let wanted = hypervisor.definition(of: domainSpec(chain, drive: nil))
    let differences = Self.differences(wanted, domain?.definition)
    if differences.isEmpty {
      found(fine: .definition)
      return .settled
    }
    if settled {
      await drifted(
        .definition, asked: differences.map(\.asked).joined(separator: "; "),
        found: differences.map(\.found).joined(separator: "; "), done: "defined again")
    }
    if let pause = moment.defines.wait(timing) { return ServerNext(lookAgain: pause) }
    moment.defined = nil
    try await define(chain)
    return .settled
  }

  /// The chain of a root disk that is there, without making anything.
  private mutating func knownChain() async -> DiskChain? {
    let disk = spec.rootDisk
    if let known = moment.chain, known.diskID == disk.id { return known.chain }
    guard await disks.rootDiskID(serverID: spec.id) == disk.id,
      let chain = try? await disks.ensureRoot(disk, serverID: spec.id)
    else { return nil }
    moment.chain = (disk.id, chain)
    return chain
  }

  func domainSpec(_ chain: DiskChain, drive: String?) -> DomainSpec {
    DomainSpec(
      serverID: spec.id, displayName: spec.name, projectID: spec.projectID, vcpus: spec.vcpus,
      memoryMiB: spec.memoryMiB, bootEpoch: spec.bootEpoch, rootDisk: chain, configDrivePath: drive,
      consoleLogPath: disks.consoleLogPath(serverID: spec.id), cards: spec.nics.map(card))
  }

  mutating func define(_ chain: DiskChain) async throws {
    var drive: String?
    if spec.configDrive {
      drive = try await step(.writeConfigDrive) { try await disks.configDrive(spec.metadata, serverID: spec.id) }
    }
    let wanted = domainSpec(chain, drive: drive)
    guard moment.defined != wanted else { return }
    try await step(.defineDomain) { try await hypervisor.define(wanted) }
    moment.defined = wanted
  }

  /// What differs, each in a few words. Cards count as a set: their slots are what the guest sees.
  static func differences(
    _ asked: DomainDefinition, _ found: DomainDefinition?
  ) -> [(asked: String, found: String)] {
    guard let found else { return [("defined", "no domain")] }
    var all: [(asked: String, found: String)] = []
    func compare(_ name: String, _ asked: String, _ found: String) {
      if asked != found { all.append(("\(name) \(asked)", "\(name) \(found)")) }
    }
    compare("name", asked.name, found.name)
    if asked.persistent != found.persistent { all.append(("defined", "undefined")) }
    compare("vcpus", "\(asked.vcpus)", "\(found.vcpus)")
    compare("memory", "\(asked.memoryMiB) MiB", "\(found.memoryMiB) MiB")
    compare("disk", asked.overlayPath ?? "none", found.overlayPath ?? "none")
    compare("base", asked.basePath ?? "none", found.basePath ?? "none")
    compare("cards", text(asked.cards), text(found.cards))
    return all
  }

  private static func text(_ cards: [String]) -> String {
    cards.isEmpty ? "none" : cards.sorted().joined(separator: ", ")
  }
}
