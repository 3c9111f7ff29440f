import Drivers
import Kit
import NodeLink

/// The whole intent, read: what is refused stands in `refused` and is left out, so that it stops nobody else.
struct CheckedIntent: Sendable {
  var networks: [String: CheckedNetwork] = [:]
  var ports: [String: CheckedPort] = [:]
  var routers: [String: CheckedRouter] = [:]
  var groups: [String: CheckedGroup] = [:]
  var addressSets: [String: AddressRanges] = [:]
  var removed: Set<ObjectKey> = []
  var refused: [ObjectKey: Refusal] = [:]

  init(_ intent: NetworkIntent, names: Names) {
    for (id, spec) in intent.networks {
      read(.network, id) { $0.networks[id] = try CheckedNetwork(spec, names: names) }
    }
    for (id, spec) in intent.ports { read(.port, id) { $0.ports[id] = try CheckedPort(spec, names: names) } }
    for (id, spec) in intent.routers { read(.router, id) { $0.routers[id] = try CheckedRouter(spec, names: names) } }
    for (id, spec) in intent.securityGroups { read(.securityGroup, id) { $0.groups[id] = try CheckedGroup(spec) } }
    for (id, spec) in intent.addressSets {
      read(.addressSet, id) { checked in
        _ = try Check.id(id)
        checked.addressSets[id] = AddressRanges(try spec.addresses.map(Check.cidr))
      }
    }
    removed = intent.removed.filter { (try? Check.id($0.id)) != nil }
    refuseIncomplete()
  }

  private mutating func read(_ kind: ObjectKind, _ id: String, _ body: (inout CheckedIntent) throws -> Void) {
    do {
      guard try Check.id(id) == id else { throw Refusal("InvalidSpec", "An identifier is not in lower case.") }
      try body(&self)
    } catch let refusal as Refusal {
      refused[ObjectKey(kind, id)] = refusal
    } catch {
      refused[ObjectKey(kind, id)] = Refusal("InvalidSpec", "The object cannot be read.")
    }
  }

  /// What names something that is not there cannot be wired.
  private mutating func refuseIncomplete() {
    for (id, port) in ports where networks[port.networkID] == nil {
      refused[ObjectKey(.port, id)] = Refusal("NetworkMissing", "The port's network is not known to this node.")
      ports[id] = nil
    }
    let bridges = Set(networks.values.filter { !$0.external }.map(\.bridge))
    for (id, router) in routers where !router.interfaces.allSatisfy({ bridges.contains($0.device.bridge) }) {
      refused[ObjectKey(.router, id)] = Refusal(
        "NetworkMissing", "A network of the router's interfaces is not known to this node.")
      routers[id] = nil
    }
  }

  /// Why a port that is wired is still not as asked: a group that is missing or refused gives it no rules.
  func problem(of port: CheckedPort) -> Refusal? {
    guard port.portSecurity else { return nil }
    for group in port.groups where groups[group] == nil {
      return Refusal("RulesRejected", "Security group \(group) is missing or refused: its rules let nothing through.")
    }
    return nil
  }
}
