import Drivers
import Kit
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
    try await defineAnew(try await rootDisk(present: present))

    switch await host.ports(spec.nics.map(\.portID), for: spec.id) {
    case .pending: return ServerNext(step: "plugging")
    case .failed(let problem): return .waitingForPort(problem)
    case .ready: break
    }
    await host.progress("starting", serverID: spec.id)
    do {
      try await step(.startDomain) { try await hypervisor.start(spec.id) }
    } catch {
      // What was remembered may be what is wrong: the base's file or the definition may have been taken away.
      moment.defined = nil
      await host.doubtBase(digest: disk.base.digest)
      throw error
    }
    (record.ranEpoch, record.ranBootID) = (spec.bootEpoch, bootID)
    (record.pressed, record.endedBy, record.defined) = (false, nil, true)
    (moment.press, moment.plugged) = (nil, .now)
    await keepInTime()
    return .settled
  }

  /// The overlay, made at the first call for its id; the record that it was made is on the disk before it is used.
  private mutating func rootDisk(present: String?) async throws -> DiskChain {
    let disk = spec.rootDisk
    if present != disk.id { await host.progress("making_disk", serverID: spec.id) }
    let chain: DiskChain
    do {
      chain = try await step(.makeDisk) { try await disks.ensureRoot(disk, serverID: spec.id) }
    } catch {
      await host.doubtBase(digest: disk.base.digest)
      throw error
    }
    moment.chain = (disk.id, chain)
    if record.madeDiskID != disk.id {
      record.madeDiskID = disk.id
      try await keep()
    }
    return chain
  }

  /// Defines the guest that is off, unless this process did so already and nobody has changed it since.
  private mutating func defineAnew(_ chain: DiskChain) async throws {
    if case .some(let domain) = seen, let defined = moment.defined {
      let differences = Self.differences(hypervisor.definition(of: defined), domain?.definition)
      if domain == nil || (domain?.definition != nil && !differences.isEmpty) { moment.defined = nil }
    }
    try await define(chain)
  }
}
