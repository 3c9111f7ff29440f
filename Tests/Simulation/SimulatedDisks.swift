package import Drivers
package import NodeLink
package import Synchronization

/// Disks in memory.
package final class SimulatedDisks: DisksDriver {
  package struct State: Sendable {
    package var bases: Set<String> = []
    package var roots: [String: String] = [:]
    package var everMade: Set<String> = []
    package var consoles: [String: [UInt8]] = [:]
    package var drives: Set<String> = []
    package var calls: [String] = []
    /// Digests whose bytes do not come.
    package var unavailable: Set<String> = []
    package var prunedTo: Set<String>?
    package var rootFailures = 0
  }

  package let state = Mutex(State())
  package let fuse: Fuse

  package init(fuse: Fuse = Fuse()) { self.fuse = fuse }

  package func set(_ change: @Sendable (inout State) -> Void) { state.withLock { change(&$0) } }
  package func count(_ call: String) -> Int { state.withLock { $0.calls.filter { $0 == call }.count } }

  package func ensureBase(_ base: ServerSpec.BaseImage, fetch: BlobFetch) async throws -> String {
    try await fuse.act("ensureBase") {
      set { $0.calls.append("ensureBase") }
      if state.withLock({ $0.bases.contains(base.digest) }) { return }
      try await fetch(base.digest) { _ in }
      if state.withLock({ $0.unavailable.contains(base.digest) }) {
        throw DiskError.baseUnavailable(reason: "simulated")
      }
      set { $0.bases.insert(base.digest) }
    }
    return "/bases/\(base.digest)"
  }

  package func hasBase(_ base: ServerSpec.BaseImage) async -> Bool {
    state.withLock { $0.bases.contains(base.digest) }
  }

  package func ensureRoot(_ disk: ServerSpec.RootDisk, serverID: String) async throws -> DiskChain {
    try await fuse.act("ensureRoot") {
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
    }
    return DiskChain(
      overlayPath: "/roots/\(serverID)", basePath: "/bases/\(disk.base.digest)", baseFormat: disk.base.format)
  }

  package func rootDiskID(serverID: String) async -> String? { state.withLock { $0.roots[serverID] } }

  package func configDrive(_ metadata: ServerSpec.Metadata, serverID: String) async throws -> String {
    try await fuse.act("configDrive") { set { $0.drives.insert(serverID) } }
    return "/drives/\(serverID)"
  }

  package func consoleLogPath(serverID: String) -> String { "/consoles/\(serverID)" }

  package func consoleLog(serverID: String, bytesMax: Int) async throws -> [UInt8]? {
    state.withLock { $0.consoles[serverID].map { Array($0.suffix(bytesMax)) } }
  }

  package func remove(serverID: String) async throws {
    try await fuse.act("remove") {
      set {
        $0.calls.append("remove")
        $0.roots[serverID] = nil
        $0.drives.remove(serverID)
        $0.consoles[serverID] = nil
      }
    }
  }

  package func removeUnusedBases(wanted: Set<String>) async throws {
    try await fuse.act("removeUnusedBases") {
      set {
        $0.prunedTo = wanted
        $0.bases.formIntersection(wanted)
      }
    }
  }
}
