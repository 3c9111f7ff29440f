import CLinux
import Drivers
import Foundation
import Kit
import Logging
import NodeLink

/// Makes the host's network what the intent says, one intent at a time.
actor Engine {
  let names: Names
  let external: ExternalBridge
  let directory: String
  let thread: NamespaceThread
  let logger: Logger
  let watcher: HostWatcher
  let loader: RuleLoader
  let metadata: MetadataServer
  var numbers: PortNumbers
  var zones: ConntrackZones
  var flows: FlowRecord
  /// Namespaces as the last look left them, by inode: one that somebody made anew under its name is another.
  var spaces: [String: UInt64] = [:]
  /// What the last look was asked, and what rules came of it.
  var held: (checked: CheckedIntent, rules: RuleLoader.Outcome?)?
  private var last: Task<NetworkResult, Never>?
  private var ownsRules = false

  init(
    names: Names, external: ExternalBridge, directory: String, thread: NamespaceThread, watcher: HostWatcher,
    metadata: MetadataServer, logger: Logger
  ) {
    self.names = names
    self.external = external
    self.directory = directory
    self.thread = thread
    self.watcher = watcher
    self.metadata = metadata
    self.logger = logger
    loader = RuleLoader(names: names, path: "\(directory)/rules.json", thread: thread, logger: logger)
    numbers = PortNumbers(tag: names.tag, path: "\(directory)/marks.json")
    zones = ConntrackZones(path: "\(directory)/zones.json")
    flows = FlowRecord.load("\(directory)/flows.json")
  }

  /// One after the other, in the order of the calls.
  func apply(_ intent: NetworkIntent) async -> NetworkResult {
    let previous = last
    let task = Task {
      _ = await previous?.value
      return await self.carryOut(intent)
    }
    last = task
    return await task.value
  }

  /// Takes down everything of this cloud, after what is being applied.
  func removeEverything() async throws {
    _ = await last?.value
    watcher.lookBegins()
    defer { watcher.lookEnded(HostExpectation()) }
    await metadata.closeAll()
    try await Removal(engine: self, host: try await HostLinks.read()).runAll(zones: zones.all)
    zones = ConntrackZones(path: "\(directory)/zones.json")
    numbers = PortNumbers(tag: names.tag, path: "\(directory)/marks.json")
    flows = FlowRecord()
    (spaces, held) = ([:], nil)
    await loader.forget()
  }

  private func carryOut(_ intent: NetworkIntent) async -> NetworkResult {
    if !ownsRules, let id = try? await thread.run({ Int(clinux_thread_id()) }) {
      watcher.own(thread: id)
      ownsRules = true
    }
    watcher.lookBegins()
    let checked = CheckedIntent(intent, names: names)
    var look = Look(problems: checked.refused)
    var foreign: [String] = []
    var expectation: HostExpectation?
    do {
      expectation = try await makeSo(checked, &look, &foreign)
    } catch {
      let refusal = error as? Refusal ?? Refusal("HostUnreadable", "The host's network cannot be read or changed.")
      logger.error("apply failed", metadata: ["error": "\(error)"])
      for key in Self.keys(of: intent) { look.refuse(key, refusal) }
    }
    watcher.lookEnded(expectation)
    for (id, port) in checked.ports {
      if let problem = checked.problem(of: port) { look.refuse(ObjectKey(.port, id), problem) }
    }
    let outcomes = Dictionary(
      uniqueKeysWithValues: Self.keys(of: intent).map { key in
        let problem = look[key]
        return (key, NetworkOutcome(ready: problem == nil, problemType: problem?.type, problem: problem?.message))
      })
    return NetworkResult(outcomes: outcomes, changes: look.outcome, foreignBridges: foreign, unplugged: look.unplugged)
  }

  private static func keys(of intent: NetworkIntent) -> Set<ObjectKey> {
    var keys = intent.removed
    keys.formUnion(intent.networks.keys.map { ObjectKey(.network, $0) })
    keys.formUnion(intent.ports.keys.map { ObjectKey(.port, $0) })
    keys.formUnion(intent.routers.keys.map { ObjectKey(.router, $0) })
    keys.formUnion(intent.securityGroups.keys.map { ObjectKey(.securityGroup, $0) })
    keys.formUnion(intent.addressSets.keys.map { ObjectKey(.addressSet, $0) })
    return keys
  }

  /// One look: what goes, then devices, rules, taps, daemons, each ready before what stands on it.
  private func makeSo(
    _ checked: CheckedIntent, _ look: inout Look, _ foreign: inout [String]
  ) async throws -> HostExpectation {
    var host = try await HostLinks.read()
    foreign = host.foreignBridges(except: names.externalBridge)
    if !checked.removed.isEmpty { host = try await takeDown(checked.removed, host, &look) }
    var scene = Scene(checked, names: names, directory: directory)
    host = try await enter(&scene, host, &look)
    let plan = try await makeDevices(scene, host, &look)
    if !plan.batch.isEmpty { host = try await HostLinks.read() }
    held = (checked, held?.rules)
    held = (checked, try await loadRules(checked, &look))
    await raiseTaps(checked, host, plan.newTaps, &look)
    await applyServices(scene, &look)
    await metadata.open(scene.services.map { ($0.network.id, $0.namespace) })
    await rememberSpaces(scene)
    return expectation(scene, host, look)
  }

  /// Takes down what has a tombstone. Throws where the host cannot be read again.
  private func takeDown(_ removed: Set<ObjectKey>, _ host: HostLinks, _ look: inout Look) async throws -> HostLinks {
    CrashPoint.pass(.takeDown, .before, removed.map(\.description).sorted().joined(separator: " "))
    await metadata.close(networks: removed.filter { $0.kind == .network }.map(\.id))
    look.refuse(await Removal(engine: self, host: host).run(removed))
    for key in removed where key.kind == .network { zones.forget(key.id) }
    CrashPoint.pass(.takeDown, .after, removed.map(\.description).sorted().joined(separator: " "))
    return try await HostLinks.read()
  }
}

/// The parts of one look that have a namespace, and what is known of those.
struct Scene: Sendable {
  let checked: CheckedIntent
  let services: [DHCPService]
  let routers: [RouterService]
  /// What is in each namespace that is there.
  var views: [String: NamespaceView] = [:]
  /// Namespaces that this look makes, or that somebody else made anew: nothing of ours is in them.
  var fresh: Set<String> = []

  init(_ checked: CheckedIntent, names: Names, directory: String) {
    self.checked = checked
    services = checked.networks.values.sorted { $0.id < $1.id }.compactMap {
      DHCPService(network: $0, names: names, directory: directory)
    }
    routers = checked.routers.values.sorted { $0.id < $1.id }.map {
      RouterService(router: $0, names: names, directory: directory)
    }
  }

  var namespaces: [(name: String, owner: ObjectKey, field: DriftField)] {
    services.map { ($0.namespace, $0.owner, .dhcpNamespace) }
      + routers.map { ($0.namespace, $0.owner, .routerNamespace) }
  }
}
