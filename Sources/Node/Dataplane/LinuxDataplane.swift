public import Drivers
public import Kit
public import Logging
public import NodeLink

/// The network of one Linux host: bridges, taps, namespaces, nftables, dnsmasq and radvd.
///
/// Everything it makes carries the cloud's tag, and nothing else is touched. It keeps no truth of its own: each `apply`
/// reads the host and puts right what differs, so that what was removed by hand comes back and nothing happens where
/// nothing differs. Daemons and devices outlive this process.
public final class LinuxDataplane: DataplaneDriver {
  private let names: Names
  private let engine: Engine
  private let watcher: HostWatcher
  private let metadata: MetadataServer

  /// - Parameters:
  ///   - tag: the cloud's mark on all names.
  ///   - directory: the node's directory for files of dnsmasq and radvd; made where missing, for root alone.
  ///   - external: the bridge of external networks.
  ///   - executable: path of the `haneul` binary, run with `metadata-child` to parse what guests send.
  ///   - metadataUser: the user that child is, without any privilege; must be able to execute the binary.
  public convenience init(
    tag: CloudTag, directory: String, external: ExternalBridge, executable: String,
    metadataUser: (uid: UInt32, gid: UInt32), logger: Logger
  ) {
    self.init(
      tag: tag, directory: directory, external: external,
      launcher: .process(executable: executable, uid: metadataUser.uid, gid: metadataUser.gid), logger: logger)
  }

  init(
    tag: CloudTag, directory: String, external: ExternalBridge, launcher: MetadataLauncher, logger: Logger
  ) {
    let thread = NamespaceThread()
    names = Names(tag: tag, externalBridge: external.name)
    watcher = HostWatcher(names: names)
    metadata = MetadataServer(launcher: launcher, thread: thread, logger: logger)
    engine = Engine(
      names: names, external: external, directory: directory, thread: thread, watcher: watcher, metadata: metadata,
      logger: logger)
    watcher.start()
  }

  deinit { watcher.stop() }

  public func apply(_ intent: NetworkIntent) async -> NetworkResult { await engine.apply(intent) }

  public func packetPath(portID: String) async -> PacketPath? { await engine.packetPath(portID) }

  public func tap(portID: String) -> String { names.tap(portID) }

  public func events() -> AsyncStream<Void> { watcher.events() }

  public func serveMetadata(_ answer: @escaping @Sendable (MetadataRequest) async -> MetadataReply) async throws {
    try await metadata.serve(answer)
  }

  /// Takes down everything that carries the cloud's tag: devices, namespaces, daemons, rules, established flows and
  /// files; for `haneul down --remove`. Guests must be gone before. Throws where something could not be removed.
  public func removeEverything() async throws { try await engine.removeEverything() }
}
