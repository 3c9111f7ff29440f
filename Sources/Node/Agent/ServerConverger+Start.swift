import Drivers
import NodeLink

extension ServerConverger {
  /// Boots the guest: base, disk, config drive, definition, and, once its ports are wired, the start itself.
  /// Everything before the ports is done while the network is being wired.
  mutating func start() async throws -> ServerNext {
    let disk = spec.rootDisk
    let present = await disks.rootDiskID(serverID: spec.id)
    if present != disk.id, disk.made || record.madeDiskID == disk.id { throw ServerProblem.dataMissing }

    switch await host.base(disk.base, for: spec.id) {
    case .fetching: return ServerNext(step: "fetching_image")
    case .failed(let problem): throw problem
    case .ready: break
    }
    try await define(try await rootDisk(present: present))

    switch await host.ports(spec.nics.map(\.portID), for: spec.id) {
    case .pending: return ServerNext(step: "plugging")
    case .failed(let problem): return .waitingForPort(problem)
    case .ready: break
    }
    await host.progress("starting", serverID: spec.id)
    do {
      try await step("start_domain") { try await hypervisor.start(spec.id) }
    } catch {
      // What was remembered may be what is wrong: the base's file or the definition may have been taken away.
      moment.defined = nil
      await host.doubtBase(digest: disk.base.digest)
      throw error
    }
    record.ranEpoch = spec.bootEpoch
    record.ranBootID = bootID
    record.pressed = false
    moment.press = nil
    try await keep()
    return .settled
  }

  /// The overlay, made at the first call for its id; the record that it was made is on the disk before it is used.
  private mutating func rootDisk(present: String?) async throws -> DiskChain {
    let disk = spec.rootDisk
    if present != disk.id { await host.progress("making_disk", serverID: spec.id) }
    let chain: DiskChain
    do {
      chain = try await step("make_disk") { try await disks.ensureRoot(disk, serverID: spec.id) }
    } catch {
      await host.doubtBase(digest: disk.base.digest)
      throw error
    }
    if record.madeDiskID != disk.id {
      record.madeDiskID = disk.id
      try await keep()
    }
    return chain
  }

  private mutating func define(_ chain: DiskChain) async throws {
    var drive: String?
    if spec.configDrive {
      drive = try await step("write_config_drive") { try await disks.configDrive(spec.metadata, serverID: spec.id) }
    }
    let wanted = DomainSpec(
      serverID: spec.id, displayName: spec.name, projectID: spec.projectID, vcpus: spec.vcpus,
      memoryMiB: spec.memoryMiB, bootEpoch: spec.bootEpoch, rootDisk: chain, configDrivePath: drive,
      consoleLogPath: disks.consoleLogPath(serverID: spec.id), cards: spec.nics.map(card))
    guard moment.defined != wanted else { return }
    try await step("define_domain") { try await hypervisor.define(wanted) }
    moment.defined = wanted
  }
}
