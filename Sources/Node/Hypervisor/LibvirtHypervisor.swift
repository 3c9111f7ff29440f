import CLibvirt
public import Drivers
import Foundation
public import Kit
public import Logging
public import NodeLink

/// Drives QEMU through libvirt. A domain is of this cloud when its metadata carries the cloud's tag: no other is
/// described, changed or removed, whatever its name or id.
public final class LibvirtHypervisor: HypervisorDriver {
  let tag: CloudTag
  let link: LibvirtLink
  private let listeners = DomainEvents()
  private let choice: AcceleratorChoice
  private let user: QEMUUser
  private let directory: String
  private let uri: String

  /// - Parameters:
  ///   - tag: the cloud's mark on its domains.
  ///   - uri: which libvirt; where it is `qemu:///system` libvirtd is started if nothing has.
  ///   - directory: the node's state directory, where the trial boot's outcome is remembered and whose disk is counted.
  ///
  /// Throws `HypervisorError.daemonUnavailable` where libvirt's packages have made no user for QEMU.
  public init(tag: CloudTag, uri: String = "qemu:///system", directory: String, logger: Logger) throws {
    self.tag = tag
    self.uri = uri
    self.directory = directory
    user = try QEMUUser.find()
    KVMDevice.open(to: user, logger: logger)
    link = LibvirtLink(uri: uri, tag: tag, events: listeners, logger: logger)
    choice = AcceleratorChoice(
      directory: directory,
      trial: AcceleratorTrial(user: user, kernels: AcceleratorTrial.usualKernels(), logger: logger))
  }

  public func facts() async throws -> NodeFacts {
    let versions = try await link.call { connection in
      var hypervisor: UInt = 0
      var library: UInt = 0
      guard virConnectGetVersion(connection, &hypervisor) == 0, virConnectGetLibVersion(connection, &library) == 0
      else { throw HypervisorError.last() }
      return (hypervisor: Int(hypervisor), library: Int(library))
    }
    let disk = HostFacts.disk(directory)
    return NodeFacts(
      hostname: HostFacts.hostname(), vcpus: HostFacts.processors(), memoryMiB: HostFacts.memoryMiB(),
      diskGiB: disk.sizeGiB, diskFreeGiB: disk.freeGiB, hypervisorVersion: versions.hypervisor,
      libvirtVersion: versions.library, accelerator: try await choice.accelerator().rawValue,
      cpuModel: HostFacts.processorModel())
  }

  public func events() -> AsyncStream<DomainEvent> {
    let stream = listeners.stream()
    Task { [link] in await link.connect() }
    return stream
  }

  // MARK: What there is

  public func domains() async throws -> [DomainState] {
    try await link.call { [tag] connection in
      var found: [DomainState] = []
      try DomainHandle.forEach(connection) { domain in
        if let state = try Self.state(domain, tag) { found.append(state) }
      }
      return found
    }
  }

  public func domain(_ serverID: String) async throws -> DomainState? {
    try await link.call { [tag] connection in
      guard let domain = try DomainHandle.find(uuid: serverID, connection) else { return nil }
      return try Self.state(domain, tag)
    }
  }

  /// nil for a domain of somebody else.
  private static func state(_ domain: borrowing DomainHandle, _ tag: CloudTag) throws -> DomainState? {
    guard let uuid = DomainHandle.uuid(domain.pointer), let described = DomainDescription(xml: try domain.xml()),
      described.cloud == tag.text
    else { return nil }
    let now = try domain.state()
    return DomainState(
      serverID: uuid, power: PowerState.power(state: now.state, reason: now.reason), bootEpoch: described.bootEpoch,
      portIDs: described.portIDs)
  }

  // MARK: Definition

  public func define(_ spec: DomainSpec) async throws {
    let xml = try await writer().domain(spec)
    try await link.call { [tag] connection in
      try Self.refuseForeign(spec.serverID, tag, connection)
      guard let domain = virDomainDefineXML(connection, xml) else { throw HypervisorError.last() }
      virDomainFree(domain)
    }
  }

  /// Throws where a domain with this server's id or name is not of this cloud: defining would overwrite it.
  private static func refuseForeign(_ serverID: String, _ tag: CloudTag, _ connection: virConnectPtr) throws {
    func refuse(_ domain: consuming DomainHandle?) throws {
      guard let domain else { return }
      guard DomainDescription(xml: try domain.xml())?.cloud == tag.text else {
        throw HypervisorError.foreignDomain(name: domain.name)
      }
    }
    try refuse(DomainHandle.find(uuid: serverID, connection))
    try refuse(DomainHandle.find(name: tag.domain(serverID), connection))
  }

  public func undefine(_ serverID: String) async throws {
    let flags =
      VIR_DOMAIN_UNDEFINE_MANAGED_SAVE.rawValue | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA.rawValue
      | VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA.rawValue | VIR_DOMAIN_UNDEFINE_NVRAM.rawValue
    _ = try await withDomain(serverID) { domain in
      try DomainHandle.check(virDomainUndefineFlags(domain.pointer, flags), gone: true)
    }
    guard uri == "qemu:///system", Identifier.isUUID(serverID) else { return }
    // QEMU's own log, which libvirt keeps: the present one and those that virtlogd turned over.
    let log = "/var/log/libvirt/qemu/\(tag.domain(serverID)).log"
    for path in [log] + (0...3).map({ "\(log).\($0)" }) { unlink(path) }
  }

  // MARK: Power

  public func start(_ serverID: String) async throws {
    try await withOwned(serverID) { domain in
      if !domain.isActive { try DomainHandle.check(virDomainCreate(domain.pointer)) }
    }
  }

  public func shutdown(_ serverID: String) async throws {
    try await withOwned(serverID) { domain in
      guard domain.isActive else { return }
      let flags = VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN.rawValue
      try DomainHandle.check(virDomainShutdownFlags(domain.pointer, flags), gone: true)
    }
  }

  public func reboot(_ serverID: String) async throws {
    try await withOwned(serverID) { domain in
      try DomainHandle.check(virDomainReboot(domain.pointer, VIR_DOMAIN_REBOOT_ACPI_POWER_BTN.rawValue))
    }
  }

  public func destroy(_ serverID: String) async throws {
    _ = try await withDomain(serverID) { domain in
      if domain.isActive { try DomainHandle.check(virDomainDestroy(domain.pointer), gone: true) }
    }
  }

  // MARK: Ways to a domain

  func writer() async throws -> DomainXML {
    DomainXML(tag: tag, accelerator: try await choice.accelerator(), user: user)
  }

  /// Calls `body` with this cloud's domain; false where there is none.
  func withDomain(
    _ serverID: String, _ body: @escaping @Sendable (borrowing DomainHandle) throws -> Void
  ) async throws -> Bool {
    guard Identifier.isUUID(serverID) else { return false }
    return try await link.call { [tag] connection in
      guard let domain = try DomainHandle.find(uuid: serverID, connection),
        DomainDescription(xml: try domain.xml())?.cloud == tag.text
      else { return false }
      try body(domain)
      return true
    }
  }

  /// Calls `body` with this cloud's domain; throws `HypervisorError.noDomain` where there is none.
  func withOwned(
    _ serverID: String, _ body: @escaping @Sendable (borrowing DomainHandle) throws -> Void
  ) async throws {
    guard try await withDomain(serverID, body) else { throw HypervisorError.noDomain(serverID: serverID) }
  }
}
