import CLibvirt
public import Drivers
import Foundation
import Kit

extension LibvirtHypervisor {
  /// How long a guest has to let go of a card, and how often it is looked at.
  static let detachSecondsMax = 20
  static let detachPause: Duration = .milliseconds(250)

  public func attach(_ card: DomainSpec.Card, to serverID: String) async throws {
    let writer = try await writer()
    try writer.check(card)
    let xml = writer.card(card).xml
    try await withOwned(serverID) { domain in
      for (flag, nextBoot) in Self.definitions(of: domain)
      where !Self.portIDs(try domain.xml(nextBoot: nextBoot)).contains(card.portID) {
        try DomainHandle.check(virDomainAttachDeviceFlags(domain.pointer, xml, flag))
      }
    }
  }

  public func detach(portID: String, from serverID: String) async throws {
    guard Identifier.isUUID(portID) else { return }
    let alias = DomainXML.portAliasPrefix + portID
    let deadline = ContinuousClock.now + .seconds(Self.detachSecondsMax)
    // The running guest first: until it has let go, the definition keeps the card, and so does what is observed.
    while try await isInRunning(portID, serverID) {
      guard ContinuousClock.now < deadline else {
        throw HypervisorError.guestDidNotObey(reason: "it still holds the card of port \(portID)")
      }
      try await Task.sleep(for: Self.detachPause)
      _ = try await withDomain(serverID) { domain in
        // Refused while an earlier request waits for the guest.
        _ = virDomainDetachDeviceAlias(domain.pointer, alias, VIR_DOMAIN_AFFECT_LIVE.rawValue)
      }
    }
    _ = try await withDomain(serverID) { domain in
      guard Self.portIDs(try domain.xml(nextBoot: true)).contains(portID) else { return }
      try DomainHandle.check(
        virDomainDetachDeviceAlias(domain.pointer, alias, VIR_DOMAIN_AFFECT_CONFIG.rawValue))
    }
  }

  private func isInRunning(_ portID: String, _ serverID: String) async throws -> Bool {
    try await link.call { [tag] connection in
      guard let domain = try DomainHandle.find(uuid: serverID, connection), domain.isActive,
        let described = DomainDescription(xml: try domain.xml())
      else { return false }
      return described.cloud == tag.text && described.portIDs.contains(portID)
    }
  }

  /// Which definitions a change must reach: the next boot's, and the running guest's where it runs.
  private static func definitions(of domain: borrowing DomainHandle) -> [(flag: UInt32, nextBoot: Bool)] {
    let next = (flag: VIR_DOMAIN_AFFECT_CONFIG.rawValue, nextBoot: true)
    return domain.isActive ? [(flag: VIR_DOMAIN_AFFECT_LIVE.rawValue, nextBoot: false), next] : [next]
  }

  private static func portIDs(_ xml: String) -> [String] { DomainDescription(xml: xml)?.portIDs ?? [] }
}
