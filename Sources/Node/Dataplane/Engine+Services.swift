import CLinux
import Drivers
import Foundation
import Kit
import Logging
import NodeLink

extension Engine {
  /// At most this many networks and routers are worked on at once: one that hangs or fails holds few others up.
  private static let servicesMax = 8

  /// Each network's DHCP and each router; what fails there stops nobody else.
  func applyServices(_ scene: Scene, _ look: inout Look) async {
    let ports = Dictionary(grouping: scene.checked.ports.values, by: \.networkID)
    let (thread, logger, fresh) = (thread, logger, scene.fresh)
    var works: [(key: ObjectKey, work: @Sendable () async throws -> Look)] = []
    for service in scene.services where look[service.owner]?.type != "DeviceFailed" {
      let held = (ports[service.network.id] ?? []).sorted { $0.id < $1.id }
      works.append(
        (
          service.owner,
          {
            try await service.apply(
              ports: held, fresh: fresh.contains(service.namespace), thread: thread, logger: logger)
          }
        ))
    }
    for router in scene.routers where look[router.owner]?.type != "DeviceFailed" {
      works.append(
        (
          router.owner,
          { try await router.apply(fresh: fresh.contains(router.namespace), thread: thread, logger: logger) }
        ))
    }
    await withTaskGroup(of: Look.self) { group in
      for (count, (key, work)) in works.enumerated() {
        if count >= Self.servicesMax, let done = await group.next() { look.merge(done) }
        group.addTask {
          do {
            return try await work()
          } catch {
            logger.warning("not applied", metadata: ["object": "\(key)", "error": "\(error)"])
            let refusal = error as? Refusal ?? Refusal("DeviceFailed", "The object could not be applied.")
            return Look(problems: [key: refusal])
          }
        }
      }
      for await done in group { look.merge(done) }
    }
  }

  func rememberSpaces(_ scene: Scene) async {
    spaces = [:]
    for (name, _, _) in scene.namespaces {
      var facts = clinux_path_facts()
      if clinux_path_facts(HomeNamespace.path(name), &facts) == 0 { spaces[name] = facts.inode }
    }
  }

  /// What the host looks like now as far as this look could make it so: what failed is not waited for.
  func expectation(_ scene: Scene, _ host: HostLinks, _ look: Look) -> HostExpectation {
    var expected = HostExpectation()
    func expect(_ name: String, up: Bool, mtu: Int?, bridge: String?, _ owner: ObjectKey?) {
      guard let link = host[name], owner.map({ look[$0] == nil }) ?? true else { return }
      let master = bridge.flatMap { host[$0]?.ifindex } ?? 0
      expected.links[link.ifindex] = HostExpectation.Link(name: name, up: up, master: master, mtu: mtu ?? link.mtu)
    }
    let checked = scene.checked
    for network in checked.networks.values where !network.external {
      expect(network.bridge, up: true, mtu: network.mtu, bridge: nil, ObjectKey(.network, network.id))
    }
    for port in checked.ports.values {
      guard let network = checked.networks[port.networkID] else { continue }
      let mtu = host[port.tap]?.mtu ?? network.mtu
      expect(port.tap, up: port.adminStateUp, mtu: mtu, bridge: network.bridge, ObjectKey(.port, port.id))
    }
    for pair in scene.services.map(\.pair) + scene.routers.flatMap(\.pairs) {
      expect(pair.hostEnd, up: true, mtu: pair.mtu, bridge: pair.bridge, pair.owner)
    }
    if names.ownsExternalBridge { expect(names.externalBridge, up: true, mtu: nil, bridge: nil, nil) }
    if names.ownsExternalBridge, external.address != nil {
      expected.addressed = host[names.externalBridge]?.ifindex
    }
    expected.otherBridges = host.otherBridges
    expected.namespaces = spaces
    for service in scene.services where look[service.owner] == nil {
      expected.sealed[service.directory] = service.sealedFiles
      if service.serves {
        expected.kept[service.directory] = service.leasesPath
        expected.pidFiles.append("\(service.directory)/pid")
      }
    }
    for router in scene.routers where look[router.owner] == nil && router.advertises {
      expected.sealed[router.directory] = [router.configPath]
      expected.pidFiles.append("\(router.directory)/radvd.pid")
    }
    return expected
  }
}
