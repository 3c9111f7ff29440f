import Foundation
import Kit
import Logging
import NodeLink

/// Takes down what has a tombstone, so that nothing of it is left.
struct Removal {
  let names: Names
  let directory: String
  let thread: NamespaceThread
  let logger: Logger
  let host: HostLinks

  init(engine: isolated Engine, host: HostLinks) {
    names = engine.names
    directory = engine.directory
    thread = engine.thread
    logger = engine.logger
    self.host = host
  }

  /// What could not be removed, with the reason; the agent asks again.
  func run(_ keys: Set<ObjectKey>) async -> [ObjectKey: Refusal] {
    var batch = IPBatch()
    var failed: [ObjectKey: Refusal] = [:]
    for key in keys.sorted(by: { $0.id < $1.id }) {
      do {
        switch key.kind {
        case .port: remove(names.tap(key.id), key, &batch)
        case .network: try await removeNetwork(key, &batch)
        case .router: try await removeRouter(key, &batch)
        case .server, .securityGroup, .addressSet: break
        }
      } catch {
        failed[key] = error as? Refusal ?? Refusal("RemovalFailed", "The object could not be removed.")
      }
    }
    return await batch.run(logger: logger).merging(failed) { first, _ in first }
  }

  private func removeNetwork(_ key: ObjectKey, _ batch: inout IPBatch) async throws {
    let namespace = names.tag.dhcpNamespace(key.id)
    let files = DHCPService.directory(key.id, in: directory)
    await DHCPService.daemon(namespace: namespace, directory: files).stop(everywhere: true)
    remove(names.tag.interface(.dhcp, key.id), key, &batch)
    remove(names.tag.interface(.bridge, key.id), key, &batch)
    removeNamespace(namespace, key, &batch)
    try StateFile.remove(files)
  }

  /// The veth pairs die with the namespace; their ends on the host are named after ports we no longer know.
  private func removeRouter(_ key: ObjectKey, _ batch: inout IPBatch) async throws {
    let namespace = names.tag.routerNamespace(key.id)
    let files = RouterService.directory(key.id, in: directory)
    await RouterService.daemon(namespace: namespace, directory: files).stop(everywhere: true)
    if host.namespaces.contains(namespace) {
      let view = try? await thread.run(in: namespace) { NamespaceView.read() }
      var inside = IPBatch()
      for name in (view?.devices.keys.sorted() ?? []) where name != "lo" { inside.add("link del \(name)", for: key) }
      _ = await inside.run(in: namespace, logger: logger)
    }
    removeNamespace(namespace, key, &batch)
    try StateFile.remove(files)
  }

  private func remove(_ device: String, _ key: ObjectKey, _ batch: inout IPBatch) {
    if host[device] != nil { batch.add("link del \(device)", for: key) }
  }

  private func removeNamespace(_ name: String, _ key: ObjectKey, _ batch: inout IPBatch) {
    if host.namespaces.contains(name) { batch.add("netns del \(name)", for: key) }
  }

  /// Takes down everything with the cloud's tag, known or not. Throws `Refusal` where something stays.
  func runAll(zones: Set<UInt16>) async throws {
    await endDaemons()
    var batch = IPBatch()
    for name in host.namespaces.sorted() where name.hasPrefix(names.tag.namespacePrefix) {
      batch.add("netns del \(name)")
    }
    _ = await batch.run(logger: logger)
    var links = IPBatch()
    let kinds: Set<String> = ["bridge", "tun", "veth"]
    let left = try await HostLinks.read()
    for name in left.named(names.tag.interfacePrefix).sorted() where kinds.contains(left[name]?.kind ?? "") {
      links.add("link del \(name)")
    }
    _ = await links.run(logger: logger)
    try await removeTables()
    for zone in zones.sorted() { try await Conntrack.cut(zone: zone) }
    try? FileManager.default.removeItem(atPath: directory)
    let rest = try await HostLinks.read()
    let devices = rest.named(names.tag.interfacePrefix)
    let spaces = rest.namespaces.filter { $0.hasPrefix(names.tag.namespacePrefix) }
    guard devices.isEmpty, spaces.isEmpty else {
      throw Refusal("RemovalFailed", "Still there: \((devices + spaces).sorted().joined(separator: ", ")).")
    }
  }

  private func removeTables() async throws {
    let table = names.tag.nftTable
    try await thread.run {
      let nftables = try Nftables()
      for family in ["bridge", "inet"] where nftables.table(family, table) != nil {
        _ = try nftables.run("delete table \(family) \(table)")
      }
    }
  }

  /// Ends every dnsmasq and radvd whose files are in our directory, also where the pid file is gone.
  private func endDaemons() async {
    for entry in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
      guard let pid = pid_t(entry), pid > 1 else { continue }
      let line = Daemon.commandLine(pid)
      let ours = line.contains { $0.contains("\(directory)/networks/") || $0.contains("\(directory)/routers/") }
      guard ours, let program = line.first, program.hasSuffix("dnsmasq") || program.hasSuffix("radvd") else { continue }
      await Daemon.end(pid) { Daemon.commandLine(pid) == line }
    }
  }
}
