import Drivers
import NodeLink
import Synchronization

/// Disks in memory.
final class SimulatedDisks: DisksDriver {
  struct State {
    var bases: Set<String> = []
    var roots: [String: String] = [:]
    var everMade: Set<String> = []
    var consoles: [String: [UInt8]] = [:]
    var drives: Set<String> = []
    var calls: [String] = []
    /// Digests whose bytes do not come.
    var unavailable: Set<String> = []
    var prunedTo: Set<String>?
    var rootFailures = 0
  }

  let state = Mutex(State())
  func set(_ change: @Sendable (inout State) -> Void) { state.withLock { change(&$0) } }
  func count(_ call: String) -> Int { state.withLock { $0.calls.filter { $0 == call }.count } }

  func ensureBase(_ base: ServerSpec.BaseImage, fetch: BlobFetch) async throws -> String {
    set { $0.calls.append("ensureBase") }
    if state.withLock({ $0.bases.contains(base.digest) }) { return "/bases/\(base.digest)" }
    try await fetch(base.digest) { _ in }
    if state.withLock({ $0.unavailable.contains(base.digest) }) { throw DiskError.baseUnavailable(reason: "simulated") }
    set { $0.bases.insert(base.digest) }
    return "/bases/\(base.digest)"
  }

  func ensureRoot(_ disk: ServerSpec.RootDisk, serverID: String) async throws -> DiskChain {
    try state.withLock { state in
      state.calls.append("ensureRoot")
      if state.rootFailures > 0 {
        state.rootFailures -= 1
        throw DiskError.toolFailed(tool: "qemu-img", reason: "secret inside")
      }
      if state.roots[serverID] != disk.id {
        guard !state.everMade.contains(disk.id) else { throw DiskError.dataMissing(path: "/roots/\(serverID)") }
        guard state.bases.contains(disk.base.digest) else { throw DiskError.baseUnavailable(reason: "not here") }
        state.everMade.insert(disk.id)
        state.roots[serverID] = disk.id
      }
    }
    return DiskChain(
      overlayPath: "/roots/\(serverID)", basePath: "/bases/\(disk.base.digest)", baseFormat: disk.base.format)
  }

  func rootDiskID(serverID: String) async -> String? { state.withLock { $0.roots[serverID] } }

  func configDrive(_ metadata: ServerSpec.Metadata, serverID: String) async throws -> String {
    set { $0.drives.insert(serverID) }
    return "/drives/\(serverID)"
  }

  func consoleLogPath(serverID: String) -> String { "/consoles/\(serverID)" }

  func consoleLog(serverID: String, bytesMax: Int) async throws -> [UInt8]? {
    state.withLock { $0.consoles[serverID].map { Array($0.suffix(bytesMax)) } }
  }

  func remove(serverID: String) async throws {
    set {
      $0.calls.append("remove")
      $0.roots[serverID] = nil
      $0.drives.remove(serverID)
      $0.consoles[serverID] = nil
    }
  }

  func removeUnusedBases(wanted: Set<String>) async throws {
    set {
      $0.prunedTo = wanted
      $0.bases.formIntersection(wanted)
    }
  }
}
