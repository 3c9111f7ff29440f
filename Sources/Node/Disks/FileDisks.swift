public import Drivers
import Foundation
import Kit
public import Logging

/// Disks as files under one directory:
///
///     bases/<digest>                    0440 root:QEMU's group, never writable
///     servers/<server>/<disk>.qcow2     0600 QEMU's user: the overlay
///     servers/<server>/<disk>.json      what the overlay stands on, and that it was made
///     servers/<server>/config.img       0400 QEMU's user
///     servers/<server>/console.log      written by libvirt's virtlogd, which also turns it over (`console.log.0` …)
///
/// A server's folder belongs to root and is only read by QEMU's group: a QEMU that was taken over can write to the
/// disks it has, but place no link or file where this process, which is root, would follow it.
/// All work runs on one thread of its own; only fetches and tools overlap.
public actor FileDisks: DisksDriver {
  private let queue = FileQueue("haneul.disks")
  public nonisolated var unownedExecutor: UnownedSerialExecutor { queue.asUnownedSerialExecutor() }

  let places: DiskPlaces
  let owner: (uid: UInt32, gid: UInt32)
  let logger: Logger
  private var prepared = false
  /// Fetches under way, each with those who wait for it.
  var fetches: [String: [CheckedContinuation<Void, any Error>]] = [:]
  /// Servers whose files are being worked on, each with those who wait for their turn.
  private var busy: [String: [CheckedContinuation<Void, Never>]] = [:]

  /// - Parameters:
  ///   - directory: absolute path of a directory for the disks alone; it is made where it is missing, its parents
  ///     must be passable (`o+x`) by QEMU's user.
  ///   - owner: the unprivileged user and group that QEMU runs as.
  public init(directory: String, owner: (uid: UInt32, gid: UInt32), logger: Logger) {
    self.places = DiskPlaces(directory: directory)
    self.owner = owner
    self.logger = logger
  }

  /// Makes the directories where they are missing, and throws away, once a process, what a crash left half fetched.
  func prepare() throws {
    try DiskFiles.directory(places.directory, mode: 0o711)
    try DiskFiles.directory(places.bases, mode: 0o750, gid: owner.gid)
    try DiskFiles.directory(places.servers, mode: 0o711)
    if prepared { return }
    try DiskFiles.requireReachable(places.servers, uid: owner.uid, gid: owner.gid)
    // A fetch under way has a temporary of its own; then the next time does.
    guard fetches.isEmpty else { return }
    prepared = true
    for name in try FileManager.default.contentsOfDirectory(atPath: places.bases)
    where name.hasPrefix(DiskPlaces.temporaryPrefix) {
      do { try DiskFiles.remove(places.bases + "/" + name) } catch { prepared = false }
    }
  }

  /// Waits for this server's turn; `leave` ends it. The agent asks once a server, so the line is short.
  func enter(_ serverID: String) async {
    if busy[serverID] == nil {
      busy[serverID] = []
    } else {
      await withCheckedContinuation { busy[serverID, default: []].append($0) }
    }
  }

  func leave(_ serverID: String) {
    guard var waiting = busy[serverID], !waiting.isEmpty else {
      busy[serverID] = nil
      return
    }
    let next = waiting.removeFirst()
    busy[serverID] = waiting
    next.resume()
  }

  // MARK: Console

  public nonisolated func consoleLogPath(serverID: String) -> String {
    // An id that is no UUID gets a place where nothing can be.
    (try? places.server(serverID)).map { $0 + "/console.log" } ?? places.servers + "/none/console.log"
  }

  /// Never more than this is read of a console, whatever is asked.
  static let consoleBytesMax = 4 << 20

  public func consoleLog(serverID: String, bytesMax: Int) async throws -> [UInt8]? {
    let path = try places.server(serverID) + "/console.log"
    let wanted = min(max(0, bytesMax), Self.consoleBytesMax)
    let present = try DiskFiles.tail(path, count: wanted)
    guard (present?.count ?? 0) < wanted, let older = try DiskFiles.tail(path + ".0", count: wanted) else {
      return present
    }
    // virtlogd has just turned the log over: what came before stands in the older file.
    return (older + (present ?? [])).suffix(wanted)
  }

  // MARK: Removal

  public func remove(serverID: String) async throws {
    let folder = try places.server(serverID)
    await enter(serverID)
    defer { leave(serverID) }
    try DiskFiles.removeTree(folder)
  }
}
