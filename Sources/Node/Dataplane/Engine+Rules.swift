import Drivers
import Foundation
import Kit
import NodeLink

extension Engine {
  /// Loads the rules and ends the flows they no longer allow. Throws where no rules can be loaded.
  func loadRules(_ checked: CheckedIntent, _ look: inout Look) async throws -> RuleLoader.Outcome {
    let asked = ruleInput(checked, &look)
    keepNumbers(checked, &look)
    let outcome = try await loader.load(asked)
    look.refuse(outcome.refused)
    if let found = outcome.found {
      look.note(nil, .rules, asked: "the tables \(names.tag.nftTable) as loaded", found: found, done: "loaded again")
    }
    let input = outcome.input
    for port in checked.ports.values where !input.emptied.isDisjoint(with: port.groups) {
      look.refuse(
        ObjectKey(.port, port.id), Refusal("RulesRejected", "The kernel refuses a security group of this port."))
    }
    try await cutFlows(checked, input, &look)
    return outcome
  }

  /// Ends what was taken away since the last time this was written down; what cannot be written down is done again.
  private func cutFlows(_ checked: CheckedIntent, _ input: RuleInput, _ look: inout Look) async throws {
    let zones = input.zones
    let zone = { (port: CheckedPort) in checked.networks[port.networkID].flatMap { zones[$0.bridge] } ?? 0 }
    let next = FlowRecord(input: input, zone: zone).keeping(flowsOfOthers(checked), from: flows)
    guard next != flows else { return }
    let changed = checked.ports.keys.filter { next.ports[$0] != flows.ports[$0] }
    CrashPoint.pass(.cutFlows, .before)
    try await Conntrack.cut(next.cuts(since: flows), judge: FlowJudge(input: input, zone: zone))
    do {
      try next.save("\(directory)/flows.json")
      flows = next
    } catch {
      for id in changed { look.refuse(ObjectKey(.port, id), Self.refusal(error)) }
    }
    CrashPoint.pass(.cutFlows, .after)
  }

  /// Ports that nothing says about: neither described, nor refused and removed. Their record stays.
  private func flowsOfOthers(_ checked: CheckedIntent) -> Set<String> {
    let removed = checked.removed.filter { $0.kind == .port }.map(\.id)
    return Set(flows.ports.keys).subtracting(checked.ports.keys).subtracting(removed)
  }

  /// Writes down what later processes need to ask for the same rules. Where the disk refuses, the rules are loaded all
  /// the same: traffic does not wait for a disk.
  private func keepNumbers(_ checked: CheckedIntent, _ look: inout Look) {
    do {
      try StateFile.directory(directory)
      try zones.save()
      try numbers.save()
    } catch {
      let refusal = Self.refusal(error)
      for id in checked.networks.keys { look.refuse(ObjectKey(.network, id), refusal) }
    }
  }

  private static func refusal(_ error: any Error) -> Refusal {
    error as? Refusal ?? Refusal("DiskFailed", "A file of the data plane cannot be written.")
  }

  private func ruleInput(_ checked: CheckedIntent, _ look: inout Look) -> RuleInput {
    numbers.keep(Set(checked.ports.keys))
    var input = RuleInput(
      names: names, ports: [], groups: checked.groups.values.sorted { $0.id < $1.id },
      addressSets: checked.addressSets, zones: [:], masqueraded: nil, hostPorts: external.hostPorts)
    for network in checked.networks.values.sorted(by: { $0.id < $1.id }) where !network.external {
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
        look.refuse(ObjectKey(.port, port.id), Self.refusal(error))
      }
    }
    return input
  }
}
