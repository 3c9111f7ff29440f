import CLinux
import Drivers
import Foundation
import Kit
import NodeLink

extension Engine {
  /// Reads every namespace that should be there. Daemons of one that was removed by hand keep it alive, nameless: they
  /// end before it is made anew. A name with no namespace behind it is removed.
  func enter(_ scene: inout Scene, _ host: HostLinks, _ look: inout Look) async throws -> HostLinks {
    var batch = IPBatch()
    for (name, owner, field) in scene.namespaces {
      guard host.namespaces.contains(name) else {
        scene.fresh.insert(name)
        continue
      }
      if let view = try? await thread.run(in: name, { NamespaceView.read() }) {
        scene.views[name] = view
        if let known = spaces[name], known != view.inode {
          scene.fresh.insert(name)
          look.note(
            owner, field, asked: "namespace \(name)", found: "another one under its name",
            done: "filled, with all that belongs in it")
        }
      } else {
        batch.add("netns del \(name)")
        scene.fresh.insert(name)
      }
    }
    guard !scene.fresh.isEmpty else { return host }
    _ = await batch.run(logger: logger)
    for service in scene.services where scene.fresh.contains(service.namespace) {
      await DHCPService.daemon(namespace: service.namespace, directory: service.directory).stop(everywhere: true)
      await metadata.close(networks: [service.network.id])
    }
    for router in scene.routers where scene.fresh.contains(router.namespace) {
      await RouterService.daemon(namespace: router.namespace, directory: router.directory).stop(everywhere: true)
    }
    return try await HostLinks.read()
  }

  /// Bridges, namespaces, pairs and taps; new taps stay down.
  func makeDevices(_ scene: Scene, _ host: HostLinks, _ look: inout Look) async throws -> DevicePlan {
    let checked = scene.checked
    var plan = DevicePlan(names: names, host: host, views: scene.views, fresh: scene.fresh)
    if names.ownsExternalBridge {
      plan.bridge(names.externalBridge, mtu: nil, owner: nil)
    } else if checked.ports.values.contains(where: { checked.networks[$0.networkID]?.external == true }) {
      plan.showPackets(of: names.externalBridge)
    }
    for network in checked.networks.values.sorted(by: { $0.id < $1.id }) where !network.external {
      plan.bridge(network.bridge, mtu: network.mtu, owner: ObjectKey(.network, network.id))
    }
    for space in scene.namespaces { plan.namespace(space.name, owner: space.owner, field: space.field) }
    for pair in scene.services.map(\.pair) + scene.routers.flatMap(\.pairs) { plan.pair(pair) }
    for port in checked.ports.values.sorted(by: { $0.id < $1.id }) {
      if let network = checked.networks[port.networkID] { plan.tap(port, network: network) }
    }
    look.merge(plan.look)
    if !plan.batch.isEmpty {
      CrashPoint.pass(.makeDevices, .before, plan.batch.owners)
      look.refuse(await plan.batch.run(logger: logger))
      CrashPoint.pass(.makeDevices, .after, plan.batch.owners)
    }
    try await settleHost(checked, &look)
    if !names.ownsExternalBridge, host[names.externalBridge] == nil { refuseExternal(checked, &look) }
    return plan
  }

  /// The host takes no part in tenants' networks, and has its one address on our own external bridge.
  private func settleHost(_ checked: CheckedIntent, _ look: inout Look) async throws {
    let (bridge, owns, external) = (names.externalBridge, names.ownsExternalBridge, external)
    let bridges = checked.networks.values.filter { !$0.external }.map(\.bridge)
    let address = owns ? try external.address.map { try InterfaceAddress($0) } : nil
    let missing = try await thread.run { () -> Bool in
      for name in bridges { Sysctl.set("ipv6/conf/\(name)/disable_ipv6", "1") }
      guard owns else { return false }
      if external.masquerade { Sysctl.set("ipv4/ip_forward", "1") }
      guard let address else { return false }
      return NamespaceView.read().devices[bridge]?.addresses.contains(address) != true
    }
    guard missing, let address else { return }
    var batch = IPBatch()
    batch.add("addr replace \(address) dev \(bridge)")
    _ = await batch.run(logger: logger)
    look.note(nil, .externalBridge, asked: "\(address) on \(bridge)", found: "missing", done: "added")
  }

  private func refuseExternal(_ checked: CheckedIntent, _ look: inout Look) {
    let refusal = Refusal("ExternalBridgeMissing", "The external bridge \(names.externalBridge) is not on this host.")
    for network in checked.networks.values where network.external {
      look.refuse(ObjectKey(.network, network.id), refusal)
    }
    for router in checked.routers.values where router.gateway != nil {
      look.refuse(ObjectKey(.router, router.id), refusal)
    }
  }

  /// Taps come up when their rules are in place, and go down where the port is asked to be down.
  func raiseTaps(
    _ checked: CheckedIntent, _ host: HostLinks, _ newTaps: Set<String>, _ look: inout Look
  ) async {
    var batch = IPBatch()
    for port in checked.ports.values.sorted(by: { $0.id < $1.id }) {
      let key = ObjectKey(.port, port.id)
      guard let link = host[port.tap] else {
        look.refuse(key, Refusal("DeviceFailed", "The port's tap could not be made."))
        continue
      }
      if link.up, link.flags.contains("NO-CARRIER") { look.unplugged.insert(port.id) }
      guard link.up != port.adminStateUp else { continue }
      let (asked, found) = port.adminStateUp ? ("up", "down") : ("down", "up")
      batch.add("link set \(port.tap) \(asked)", for: key)
      if !newTaps.contains(port.tap) {
        look.note(key, .tap, asked: "tap \(port.tap) \(asked)", found: found, done: "set \(asked)")
      }
    }
    guard !batch.isEmpty else { return }
    CrashPoint.pass(.raiseTaps, .before, batch.owners)
    look.refuse(await batch.run(logger: logger))
    CrashPoint.pass(.raiseTaps, .after, batch.owners)
  }
}
