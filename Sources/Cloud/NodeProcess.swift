import Agent
import Dataplane
import Disks
import Drivers
import Foundation
import Hypervisor
import Kit
import Logging
import NodeLink

/// The node process: the agent with this host's drivers.
public struct NodeProcess: Sendable {
  let state: StateDirectory

  public init(state: StateDirectory) { self.state = state }

  private struct Drivers {
    var hypervisor: LibvirtHypervisor
    var dataplane: LinuxDataplane
    var disks: FileDisks
  }

  /// Runs until SIGTERM or SIGINT. Guests, traffic and daemons stay as they are. Throws `CloudProblem`.
  public func run() async throws {
    guard geteuid() == 0 else { throw CloudProblem("`haneul node` needs root: it makes bridges and starts guests.") }
    let lock = try ProcessLock(state.lock(.node))
    let settings = try requireSettings()
    let logger = ProcessLog.logger("node")
    let controlUser = try SystemUser(named: SystemUser.control)
    do { try await LibvirtDaemon.ensureRunning() } catch {
      // The network is held and metadata answered without it; the driver connects as soon as it answers.
      logger.warning("libvirt does not answer", metadata: ["error": "\(error)"])
    }
    let drivers = try drivers(settings, logger)
    let client = NodeLinkClient(
      socketPaths: (1...settings.controlCount).map(state.linkSocket(control:)), controlUID: controlUser.uid,
      logger: logger)
    let agent = NodeAgent(
      nodeID: try nodeID(), cloudID: settings.cloudID, directory: state.node, hypervisor: drivers.hypervisor,
      dataplane: drivers.dataplane, disks: drivers.disks,
      link: ReadyMark(link: client, path: state.nodeReady), logger: logger)
    try await Signals.untilTerminated { try await agent.run() }
    try await client.close()
    withExtendedLifetime(lock) {}
  }

  /// Removes everything of this cloud from the host: guests with their disks, interfaces, namespaces, rules. What
  /// cannot be removed stops nothing else. Throws `CloudProblem` with what stayed.
  func clearHost(_ settings: CloudSettings) async throws {
    let logger = ProcessLog.ofCommand("clear-host")
    try await LibvirtDaemon.ensureRunning()
    let drivers = try drivers(settings, logger)
    var stayed: [String] = []
    func remove(_ what: String, _ body: () async throws -> Void) async {
      do { try await body() } catch { stayed.append("\(what): \(error)") }
    }
    for domain in try await drivers.hypervisor.domains() {
      await remove("the guest of server \(domain.serverID)") {
        try await drivers.hypervisor.destroy(domain.serverID)
        try await drivers.hypervisor.undefine(domain.serverID)
      }
      await remove("the disks of server \(domain.serverID)") {
        try await drivers.disks.remove(serverID: domain.serverID)
      }
    }
    await remove("the network") { try await drivers.dataplane.removeEverything() }
    guard stayed.isEmpty else {
      throw CloudProblem(
        "These stayed on the host; put right what stops it and run this again.\n" + stayed.joined(separator: "\n"))
    }
  }

  private func requireSettings() throws -> CloudSettings {
    guard let settings = try state.readSettings() else {
      throw CloudProblem("There is no cloud in \(state.path). `haneul up --state-dir \(state.path)` makes one.")
    }
    return settings
  }

  private func drivers(_ settings: CloudSettings, _ logger: Logger) throws -> Drivers {
    let qemu = try SystemUser(named: SystemUser.qemu)
    let nobody = try SystemUser(named: SystemUser.nobody)
    guard let external = CIDR(settings.externalCIDR), let first = external.network.advanced(by: 1) else {
      throw CloudProblem("\(state.settings) names no external network.")
    }
    return Drivers(
      hypervisor: try LibvirtHypervisor(tag: settings.tag, directory: state.node, logger: logger),
      dataplane: LinuxDataplane(
        tag: settings.tag, directory: state.node + "/network",
        external: ExternalBridge(
          name: settings.tag.interface(.external, ""), address: "\(first)/\(external.prefix)",
          masquerade: settings.externalMasquerade),
        executable: try Launch.executable(), metadataUser: (nobody.uid, nobody.gid), logger: logger),
      disks: FileDisks(directory: state.node + "/disks", owner: (qemu.uid, qemu.gid), logger: logger))
  }

  /// This host's id in the cloud, made once.
  private func nodeID() throws -> String {
    let path = state.nodeID
    if let data = FileManager.default.contents(atPath: path) {
      let text = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
      if Identifier.isUUID(text) { return text }
    }
    let made = Identifier.uuid()
    try StateDirectory.replace(path, with: Data((made + "\n").utf8), mode: 0o600)
    return made
  }
}

/// The link with a mark on disk that tells `haneul up` when the node has the whole manifest.
private struct ReadyMark: ControlLink {
  let link: any ControlLink
  let path: String

  func messages(hello: Hello) -> AsyncThrowingStream<LinkMessage, any Error> {
    let messages = Pulled(link.messages(hello: hello))
    return AsyncThrowingStream {
      let message = try await messages.next()
      // Without the mark `haneul up` waits in vain; that is no reason to lose the link where the disk is full.
      if case .synced = message { try? StateDirectory.replace(path, with: Data(), mode: 0o644) }
      return message
    }
  }

  func report(_ report: Report) async throws { try await link.report(report) }
  func answer(_ answer: NodeAnswer) async throws { try await link.answer(answer) }

  func blob(digest: String, write: @Sendable ([UInt8]) async throws -> Void) async throws {
    try await link.blob(digest: digest, write: write)
  }

  /// An iterator that one reader at a time pulls from.
  private actor Pulled {
    private let stream: AsyncThrowingStream<LinkMessage, any Error>
    private var iterator: AsyncThrowingStream<LinkMessage, any Error>.Iterator?

    init(_ stream: AsyncThrowingStream<LinkMessage, any Error>) { self.stream = stream }

    func next() async throws -> LinkMessage? {
      var current = iterator ?? stream.makeAsyncIterator()
      let message = try await current.next(isolation: self)
      iterator = current
      return message
    }
  }
}
