import CLibvirt
public import Drivers
import Kit
import NodeLink

/// What there is on this host.
extension LibvirtHypervisor {
  /// Where the machine's own libvirtd keeps the process ids of its guests.
  private static let runDirectory = "/run/libvirt/qemu"

  public func domains() async throws -> [DomainState] {
    let found = try await link.call(.look) { [reader] connection in
      var found: [DomainState] = []
      // Two lists, because asking each domain whether it has a definition would be one call more for each.
      for (flag, persistent) in [
        (VIR_CONNECT_LIST_DOMAINS_PERSISTENT, true), (VIR_CONNECT_LIST_DOMAINS_TRANSIENT, false),
      ] {
        try DomainHandle.forEach(connection, flags: flag.rawValue) { domain in
          // One that lost its definition between the two lists stands in both.
          if let state = try reader.state(domain, persistent: persistent),
            !found.contains(where: { $0.serverID == state.serverID })
          {
            found.append(state)
          }
        }
      }
      return found
    }
    link.known.replace(Set(found.map(\.serverID)))
    return found
  }

  public func domain(_ serverID: String) async throws -> DomainState? {
    guard Identifier.isUUID(serverID) else { return nil }
    return try await link.call(.look) { [reader] connection in
      guard let domain = try DomainHandle.find(uuid: serverID, connection) else { return nil }
      do {
        return try reader.state(domain, persistent: domain.isPersistent)
      } catch let error as HypervisorError where error.isLibvirt(VIR_ERR_NO_DOMAIN) {
        return nil
      }
    }
  }

  public func foreignDomains() async throws -> [String] {
    try await link.call(.look) { [tag] connection in
      var names: [String] = []
      try DomainHandle.forEach(connection) { domain in
        if try domain.cloud() == nil && !Self.hasOurName(domain, tag) { names.append(domain.name) }
      }
      return names.sorted()
    }
  }

  public func definition(of spec: DomainSpec) -> DomainDefinition {
    DomainXML(tag: tag, accelerator: .qemu, user: user).definition(spec)
  }

  private var reader: StateReader {
    StateReader(tag: tag, runDirectory: uri == LibvirtDaemon.systemURI ? Self.runDirectory : nil)
  }
}

/// Reads one domain's state: one call for the state, one for its XML, and one more where it runs and has a definition.
private struct StateReader: Sendable {
  let tag: CloudTag
  let runDirectory: String?

  /// nil for a domain of somebody else.
  func state(_ domain: borrowing DomainHandle, persistent: Bool) throws -> DomainState? {
    guard let uuid = DomainHandle.uuid(domain.pointer), let present = DomainDescription(xml: try domain.xml()),
      present.cloud == tag.text
    else { return nil }
    let now = try domain.state()
    let power = PowerState.power(state: now.state, reason: now.reason)
    var instance: String?
    if power == .running || power == .paused, let id = domain.runningID {
      instance = GuestInstance.name(domain: present.name, id: id, runDirectory: runDirectory)
    }
    return DomainState(
      serverID: uuid, power: power, bootEpoch: present.bootEpoch, portIDs: present.portIDs, instance: instance,
      reason: PowerState.reason(state: now.state, reason: now.reason),
      definition: try definition(domain, present, persistent: persistent))
  }

  private func definition(
    _ domain: borrowing DomainHandle, _ present: DomainDescription, persistent: Bool
  ) throws -> DomainDefinition {
    guard persistent, domain.runningID != nil else { return present.definition(persistent: persistent) }
    // Without our mark the next boot would be nobody's: that is no definition of this server.
    guard let next = DomainDescription(xml: try domain.xml(nextBoot: true)), next.cloud == tag.text else {
      return present.definition(persistent: false)
    }
    return next.definition(persistent: true)
  }
}
