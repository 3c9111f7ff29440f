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
  private let loader: RuleLoader
  private var numbers: PortNumbers
  private var zones: ConntrackZones
  private var flows: FlowRecord
  private var last: Task<[ObjectKey: NetworkOutcome], Never>?
  let metadata: MetadataServer

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
    loader = RuleLoader(thread: thread, watch: watcher.tables, logger: logger)
    numbers = PortNumbers(tag: names.tag)
    zones = ConntrackZones(path: "\(directory)/zones.json")
    flows = FlowRecord.load("\(directory)/flows.json")
  }

  /// One after the other, in the order of the calls.
  func apply(_ intent: NetworkIntent) async -> [ObjectKey: NetworkOutcome] {
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
    await metadata.closeAll()
    try await Removal(engine: self, host: try await HostLinks.read()).runAll(zones: zones.all)
    zones = ConntrackZones(path: "\(directory)/zones.json")
    flows = FlowRecord()
  }

  private func carryOut(_ intent: NetworkIntent) async -> [ObjectKey: NetworkOutcome] {
    let checked = CheckedIntent(intent, names: names)
    var problems = checked.refused
    do {
      try StateFile.directory(directory)
      try await makeSo(checked, &problems)
    } catch {
      let refusal = error as? Refusal ?? Refusal("HostUnreadable", "The host's network cannot be read or changed.")
      logger.error("apply failed", metadata: ["error": "\(error)"])
      for key in Self.keys(of: intent) where problems[key] == nil { problems[key] = refusal }
    }
    for (id, port) in checked.ports where problems[ObjectKey(.port, id)] == nil {
      problems[ObjectKey(.port, id)] = checked.problem(of: port)
    }
    return Dictionary(
      uniqueKeysWithValues: Self.keys(of: intent).map { key in
        let problem = problems[key]
        return (key, NetworkOutcome(ready: problem == nil, problemType: problem?.type, problem: problem?.message))
      })
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

  private func makeSo(_ checked: CheckedIntent, _ problems: inout [ObjectKey: Refusal]) async throws {
    var host = try await HostLinks.read()
    if !checked.removed.isEmpty {
      await metadata.close(networks: checked.removed.filter { $0.kind == .network }.map(\.id))
      let removal = Removal(engine: self, host: host)
      for (key, refusal) in await removal.run(checked.removed) { problems[key] = refusal }
      for key in checked.removed where key.kind == .network { zones.forget(key.id) }
      host = try await HostLinks.read()
    }
    let services = checked.networks.values.compactMap { DHCPService(network: $0, names: names, directory: directory) }
    let routers = checked.routers.values.map { RouterService(router: $0, names: names, directory: directory) }
    host = try await endOrphans(host, services, routers)
    if try await makeDevices(checked, host, services, routers, &problems) { host = try await HostLinks.read() }
    try await loadRules(checked, &problems)
    await raiseTaps(checked, host, &problems)
    await applyServices(checked, services, routers, &problems)
    await metadata.open(services.map { ($0.network.id, $0.namespace) })
    watcher.watch(daemons: services.map { "\($0.directory)/pid" } + routers.map { "\($0.directory)/radvd.pid" })
  }

  /// Daemons of a namespace that was removed by hand keep it alive, nameless: they end before it is made anew. A name
  /// with no namespace behind it is removed.
  private func endOrphans(
    _ host: HostLinks, _ services: [DHCPService], _ routers: [RouterService]
  ) async throws -> HostLinks {
    var missing: Set<String> = []
    var batch = IPBatch()
    for name in services.map(\.namespace) + routers.map(\.namespace) {
      guard host.namespaces.contains(name) else {
        missing.insert(name)
        continue
      }
      if (try? await thread.run(in: name) {}) == nil {
        batch.add("netns del \(name)")
        missing.insert(name)
      }
    }
    guard !missing.isEmpty else { return host }
    _ = await batch.run(logger: logger)
    for service in services where missing.contains(service.namespace) {
      await DHCPService.daemon(namespace: service.namespace, directory: service.directory).stop()
      await metadata.close(networks: [service.network.id])
    }
    for router in routers where missing.contains(router.namespace) {
      await RouterService.daemon(namespace: router.namespace, directory: router.directory).stop()
    }
    return try await HostLinks.read()
  }
}

extension Engine {
  /// Bridges, namespaces, pairs and taps; new taps stay down. Whether anything was changed.
  private func makeDevices(
    _ checked: CheckedIntent, _ host: HostLinks, _ services: [DHCPService], _ routers: [RouterService],
    _ problems: inout [ObjectKey: Refusal]
  ) async throws -> Bool {
    let namespaces = (services.map(\.namespace) + routers.map(\.namespace)).filter(host.namespaces.contains)
    var views: [String: NamespaceView] = [:]
    for name in namespaces { views[name] = try await thread.run(in: name) { NamespaceView.read() } }
    var plan = DevicePlan(names: names, host: host, views: views)
    if names.ownsExternalBridge {
      plan.bridge(names.externalBridge, mtu: nil, owner: nil)
    } else if checked.ports.values.contains(where: { checked.networks[$0.networkID]?.external == true }) {
      plan.showPackets(of: names.externalBridge)
    }
    for network in checked.networks.values where !network.external {
      plan.bridge(network.bridge, mtu: network.mtu, owner: ObjectKey(.network, network.id))
    }
    for service in services { plan.namespace(service.namespace, owner: service.pair.owner) }
    for router in routers { plan.namespace(router.namespace, owner: ObjectKey(.router, router.router.id)) }
    for pair in services.map(\.pair) + routers.flatMap(\.pairs) { plan.pair(pair) }
    for port in checked.ports.values {
      if let network = checked.networks[port.networkID] { plan.tap(port, network: network) }
    }
    problems.merge(await plan.batch.run(logger: logger)) { first, _ in first }
    try await settleHost(plan.newBridges)
    if !names.ownsExternalBridge, host[names.externalBridge] == nil { refuseExternal(checked, &problems) }
    return !plan.batch.isEmpty
  }

  /// The host takes no part in tenants' networks, and has its one address on our own external bridge.
  private func settleHost(_ newBridges: [String]) async throws {
    let (bridge, owns, external) = (names.externalBridge, names.ownsExternalBridge, external)
    let address = try external.address.map { try InterfaceAddress($0) }
    let missing = try await thread.run { () -> Bool in
      for name in newBridges where name != bridge { Sysctl.set("ipv6/conf/\(name)/disable_ipv6", "1") }
      guard owns else { return false }
      if external.masquerade { Sysctl.set("ipv4/ip_forward", "1") }
      guard let address else { return false }
      return NamespaceView.read().devices[bridge]?.addresses.contains(address) != true
    }
    guard missing, let address else { return }
    var batch = IPBatch()
    batch.add("addr replace \(address) dev \(bridge)")
    _ = await batch.run(logger: logger)
  }

  private func refuseExternal(_ checked: CheckedIntent, _ problems: inout [ObjectKey: Refusal]) {
    let refusal = Refusal("ExternalBridgeMissing", "The external bridge \(names.externalBridge) is not on this host.")
    for network in checked.networks.values where network.external {
      problems[ObjectKey(.network, network.id)] = refusal
    }
    for router in checked.routers.values where router.gateway != nil {
      problems[ObjectKey(.router, router.id)] = refusal
    }
  }

  private func loadRules(_ checked: CheckedIntent, _ problems: inout [ObjectKey: Refusal]) async throws {
    let asked = ruleInput(checked, &problems)
    try zones.save()
    let (input, refused) = try await loader.load(asked)
    problems.merge(refused) { first, _ in first }
    for port in checked.ports.values where !input.emptied.isDisjoint(with: port.groups) {
      problems[ObjectKey(.port, port.id)] = Refusal(
        "RulesRejected", "The kernel refuses a security group of this port.")
    }
    let zones = input.zones
    let zone = { (port: CheckedPort) in checked.networks[port.networkID].flatMap { zones[$0.bridge] } ?? 0 }
    let record = FlowRecord(input: input, zone: zone)
    let kept = flowsOfOthers(checked)
    let next = record.keeping(kept, from: flows)
    guard next != flows else { return }
    try await Conntrack.cut(next.cuts(since: flows), judge: FlowJudge(input: input, zone: zone))
    try next.save("\(directory)/flows.json")
    flows = next
  }

  /// Ports that nothing says about: neither described, nor refused and removed. Their record stays.
  private func flowsOfOthers(_ checked: CheckedIntent) -> Set<String> {
    let removed = checked.removed.filter { $0.kind == .port }.map(\.id)
    return Set(flows.ports.keys).subtracting(checked.ports.keys).subtracting(removed)
  }

  private func ruleInput(_ checked: CheckedIntent, _ problems: inout [ObjectKey: Refusal]) -> RuleInput {
    numbers.keep(Set(checked.ports.keys))
    var input = RuleInput(
      names: names, ports: [], groups: checked.groups.values.sorted { $0.id < $1.id },
      addressSets: checked.addressSets, zones: [:], masqueraded: nil, hostPorts: external.hostPorts)
    for network in checked.networks.values where !network.external {
      input.zones[network.bridge] = zones.zone(network.id)
    }
    if external.masquerade, names.ownsExternalBridge { input.masqueraded = external.address.flatMap { CIDR($0) } }
    for port in checked.ports.values.sorted(by: { $0.id < $1.id }) {
      let stateful = !port.groups.contains { checked.groups[$0]?.stateful == false }
      do {
        input.ports.append(
          RuleInput.Port(
            port: port, number: try numbers.number(port.id),
            external: checked.networks[port.networkID]?.external ?? false, stateful: stateful))
      } catch {
        problems[ObjectKey(.port, port.id)] = error as? Refusal
      }
    }
    return input
  }

  /// Taps come up when their rules are in place, and go down where the port is asked to be down.
  private func raiseTaps(
    _ checked: CheckedIntent, _ host: HostLinks, _ problems: inout [ObjectKey: Refusal]
  ) async {
    var batch = IPBatch()
    for port in checked.ports.values {
      guard let link = host[port.tap] else {
        if problems[ObjectKey(.port, port.id)] == nil {
          problems[ObjectKey(.port, port.id)] = Refusal("DeviceFailed", "The port's tap could not be made.")
        }
        continue
      }
      if link.up != port.adminStateUp {
        batch.add("link set \(port.tap) \(port.adminStateUp ? "up" : "down")", for: ObjectKey(.port, port.id))
      }
    }
    problems.merge(await batch.run(logger: logger)) { first, _ in first }
  }

  private func applyServices(
    _ checked: CheckedIntent, _ services: [DHCPService], _ routers: [RouterService],
    _ problems: inout [ObjectKey: Refusal]
  ) async {
    let ports = Dictionary(grouping: checked.ports.values, by: \.networkID)
    for service in services {
      let key = ObjectKey(.network, service.network.id)
      await note(key, &problems) {
        try await service.apply(ports: ports[service.network.id] ?? [], thread: thread, logger: logger)
      }
    }
    for router in routers {
      await note(ObjectKey(.router, router.router.id), &problems) {
        try await router.apply(thread: thread, logger: logger)
        return [:]
      }
    }
  }

  /// Carries out one object's part; what fails there stops nobody else.
  private func note(
    _ key: ObjectKey, _ problems: inout [ObjectKey: Refusal], _ body: () async throws -> [ObjectKey: Refusal]
  ) async {
    do {
      problems.merge(try await body()) { first, _ in first }
    } catch {
      logger.warning("not applied", metadata: ["object": "\(key)", "error": "\(error)"])
      problems[key] = problems[key] ?? error as? Refusal ?? Refusal("DeviceFailed", "The object could not be applied.")
    }
  }
}
