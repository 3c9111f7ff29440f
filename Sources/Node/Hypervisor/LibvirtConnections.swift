import CLibvirt

/// The connections to one libvirtd: one that hears events and is never called, and one for each thread that calls.
final class LibvirtConnections: Sendable {
  private let watcher: LibvirtConnection
  private let callers: [LibvirtConnection]

  /// Opens them all, one after the other.
  init(uri: String, callers count: Int, listener: LibvirtConnection.Listener) throws {
    watcher = try LibvirtConnection(uri: uri, listener: listener, watchesDomains: true)
    callers = try (0..<count).map { _ in
      try LibvirtConnection(uri: uri, listener: listener, watchesDomains: false)
    }
  }

  var isAlive: Bool { watcher.isAlive && callers.allSatisfy(\.isAlive) }

  /// Calls libvirt on the connection of this lane; an error of a dead connection says so.
  func use<T>(lane: Int, _ body: (virConnectPtr) throws -> T) throws -> T { try callers[lane].use(body) }
}
