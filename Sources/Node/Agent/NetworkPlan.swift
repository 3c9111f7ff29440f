import Drivers
import NodeLink

/// The network this host should have, with the generation of each object it was made from.
struct NetworkPlan: Sendable {
  var intent = NetworkIntent()
  /// Everything the outcome will speak of.
  var generations: [ObjectKey: Int64] = [:]
  /// Buried networks on which something still stands: they go in a later round.
  var deferred: Set<ObjectKey> = []

  /// `gone`: buried objects of which nothing is left on the host.
  init(_ manifest: HeldManifest, gone: Set<ObjectKey>) {
    let occupied = Self.occupiedNetworks(manifest, gone)
    for held in manifest.objects.values where held.key.kind != .server {
      if held.buried {
        if held.key.kind == .network, occupied.contains(held.key.id) {
          deferred.insert(held.key)
          add(held.spec)
        } else {
          intent.removed.insert(held.key)
          generations[held.key] = held.generation
        }
      } else {
        add(held.spec)
        generations[held.key] = held.generation
      }
    }
  }

  private mutating func add(_ spec: ObjectSpec?) {
    switch spec {
    case .network(let network): intent.networks[network.id] = network
    case .port(let port): intent.ports[port.id] = port
    case .router(let router): intent.routers[router.id] = router
    case .securityGroup(let group): intent.securityGroups[group.id] = group
    case .addressSet(let set): intent.addressSets[set.id] = set
    case .server, nil: break
    }
  }

  /// Networks on which a port or a router's leg stands, buried ones included until they are gone.
  private static func occupiedNetworks(_ manifest: HeldManifest, _ gone: Set<ObjectKey>) -> Set<String> {
    var occupied: Set<String> = []
    for held in manifest.objects.values where !gone.contains(held.key) {
      switch held.spec {
      case .port(let port): occupied.insert(port.networkID)
      case .router(let router):
        occupied.formUnion(router.interfaces.map(\.networkID))
        if let gateway = router.gateway { occupied.insert(gateway.networkID) }
      default: break
      }
    }
    return occupied
  }
}
