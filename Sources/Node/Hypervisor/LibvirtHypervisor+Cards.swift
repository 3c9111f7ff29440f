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

  public func replug(_ card: DomainSpec.Card, of serverID: String) async throws {
    try await replug(card, of: serverID, secondsMax: Self.detachSecondsMax)
  }

  func replug(_ card: DomainSpec.Card, of serverID: String, secondsMax: Int) async throws {
    try (try await writer()).check(card)
    guard try await withOwned(serverID, .look, { $0.isActive }) else { return }
    try await takeOut(card.portID, of: serverID, secondsMax: secondsMax)
    try await attach(card, to: serverID)
  }

  public func detach(portID: String, from serverID: String) async throws {
    guard Identifier.isUUID(portID) else { return }
    // The running guest first: until it has let go, the definition keeps the card, and so does what is observed.
    try await takeOut(portID, of: serverID, secondsMax: Self.detachSecondsMax)
    _ = try await withDomain(serverID) { domain in
      guard domain.isPersistent, Self.portIDs(try domain.xml(nextBoot: true)).contains(portID) else { return }
      let alias = DomainXML.portAliasPrefix + portID
      try DomainHandle.check(
        virDomainDetachDeviceAlias(domain.pointer, alias, VIR_DOMAIN_AFFECT_CONFIG.rawValue))
    }
  }

  /// Takes a card out of the running guest. QEMU asks the guest and waits; asking again is refused meanwhile, and a
  /// guest that lets go too late is found without the card the next time. Throws `HypervisorError.guestDidNotObey`.
  private func takeOut(_ portID: String, of serverID: String, secondsMax: Int) async throws {
    let alias = DomainXML.portAliasPrefix + portID
    let deadline = ContinuousClock.now + .seconds(secondsMax)
    while try await isInRunning(portID, serverID) {
      guard ContinuousClock.now < deadline else {
        throw HypervisorError.guestDidNotObey(reason: "it still holds the card of port \(portID)")
      }
      _ = try await withDomain(serverID) { domain in
        virDomainDetachDeviceAlias(domain.pointer, alias, VIR_DOMAIN_AFFECT_LIVE.rawValue)
      }
      try await Task.sleep(for: Self.detachPause)
    }
  }

  private func isInRunning(_ portID: String, _ serverID: String) async throws -> Bool {
    try await link.call(.look) { [tag] connection in
      guard let domain = try DomainHandle.find(uuid: serverID, connection), domain.isActive,
        let described = DomainDescription(xml: try domain.xml())
      else { return false }
      return described.cloud == tag.text && described.portIDs.contains(portID)
    }
  }

  /// Which definitions a change must reach: the next boot's, and the running guest's where it runs.
  private static func definitions(of domain: borrowing DomainHandle) -> [(flag: UInt32, nextBoot: Bool)] {
    var found: [(flag: UInt32, nextBoot: Bool)] = []
    if domain.isActive { found.append((flag: VIR_DOMAIN_AFFECT_LIVE.rawValue, nextBoot: false)) }
    // A guest whose definition somebody removed has none for its next boot.
    if domain.isPersistent { found.append((flag: VIR_DOMAIN_AFFECT_CONFIG.rawValue, nextBoot: true)) }
    return found
  }

  private static func portIDs(_ xml: String) -> [String] { DomainDescription(xml: xml)?.portIDs ?? [] }
}
