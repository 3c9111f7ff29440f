import Drivers
import Kit
import NodeLink

/// The network cards of a running guest.
extension ServerConverger {
  /// The cards become those that are asked, by difference, each on its port's tap as that is now. nil where the guest
  /// has been as asked all along.
  mutating func settleCards(_ domain: DomainState) async throws -> ServerNext? {
    let asked = spec.nics.map(\.portID)
    let surplus = domain.portIDs.filter { !asked.contains($0) }
    let missing = spec.nics.filter { !domain.portIDs.contains($0.portID) }
    guard !surplus.isEmpty || !missing.isEmpty else {
      found(fine: .cards)
      return try await replugCards(domain)
    }
    if settled {
      await drifted(
        .cards, asked: Self.text(asked), found: Self.text(domain.portIDs), done: "cards plugged in as asked")
    }
    for portID in surplus {
      try await step(.detachCard) { try await hypervisor.detach(portID: portID, from: spec.id) }
    }
    for nic in missing {
      switch await host.ports([nic.portID], for: spec.id) {
      case .pending: return ServerNext(step: "plugging")
      case .failed(let problem): return .waitingForPort(problem)
      case .ready:
        try await step(.attachCard) { try await hypervisor.attach(card(nic), to: spec.id) }
        moment.plugged = .now
      }
    }
    return .settled
  }

  /// A tap that was taken away under a running guest was made again: its card hangs on one that is gone.
  private mutating func replugCards(_ domain: DomainState) async throws -> ServerNext? {
    let loose = await host.loosePorts(
      spec.nics.map(\.portID), plugged: moment.plugged, instance: domain.instance)
    guard !loose.isEmpty else { return nil }
    if let pause = moment.replugs.wait(timing) { return ServerNext(lookAgain: pause) }
    for nic in spec.nics where loose.contains(nic.portID) {
      switch await host.ports([nic.portID], for: spec.id) {
      case .pending: return ServerNext(step: "plugging")
      case .failed(let problem): return .waitingForPort(problem)
      case .ready:
        try await step(.attachCard) { try await hypervisor.replug(card(nic), of: spec.id) }
        await host.replugged(portID: nic.portID)
      }
    }
    moment.plugged = .now
    return nil
  }

  private static func text(_ portIDs: [String]) -> String {
    portIDs.isEmpty ? "no card" : "cards of " + portIDs.joined(separator: ", ")
  }
}
