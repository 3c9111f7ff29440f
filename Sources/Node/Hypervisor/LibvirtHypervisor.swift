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
  let user: QEMUUser
  private let directory: String
  let uri: String

  /// - Parameters:
  ///   - tag: the cloud's mark on its domains.
  ///   - uri: which libvirt; where it is `qemu:///system` libvirtd is started if nothing has.
  ///   - directory: the node's state directory, where the trial boot's outcome is remembered and whose disk is counted.
  ///
  /// Throws `HypervisorError.daemonUnavailable` where libvirt's packages have made no user for QEMU.
  public init(tag: CloudTag, uri: String = LibvirtDaemon.systemURI, directory: String, logger: Logger) throws {
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
    let versions = try await link.call(.look) { connection in
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

  // MARK: Definition

  public func define(_ spec: DomainSpec) async throws {
    let writer = try await writer()
    try await link.call(.change, for: spec.serverID) { [tag] connection in
      let name = try Self.settleName(spec.serverID, tag, connection)
      guard let pointer = virDomainDefineXML(connection, try writer.domain(spec, name: name)) else {
        throw HypervisorError.last()
      }
      let domain = DomainHandle(owning: pointer)
      // The running guest's mark, where somebody took it away: without it nobody would know whose guest it is.
      if try domain.isActive && domain.cloud() == nil { try domain.mark(writer.mark(spec)) }
    }
    link.known.add(spec.serverID)
  }

  /// The name to define this server under: ours, once a domain that somebody renamed has it back. libvirt renames only
  /// what is off: a guest that was renamed and then booted keeps that name until it is.
  ///
  /// Throws `HypervisorError.foreignDomain` where a domain with this server's id or name is not of this cloud.
  private static func settleName(_ serverID: String, _ tag: CloudTag, _ connection: virConnectPtr) throws -> String {
    let name = tag.domain(serverID)
    if let holder = try DomainHandle.find(name: name, connection) {
      guard DomainHandle.uuid(holder.pointer) == serverID.lowercased() else {
        throw HypervisorError.foreignDomain(name: name)
      }
    }
    guard let domain = try DomainHandle.find(uuid: serverID, connection) else { return name }
    guard try isOurs(domain, tag) else { throw HypervisorError.foreignDomain(name: domain.name) }
    if domain.name == name { return name }
    if domain.isActive { return domain.name }
    if virDomainRename(domain.pointer, name, 0) < 0 {
      // libvirt refuses while it keeps a saved state under the old name.
      try DomainHandle.check(virDomainUndefineFlags(domain.pointer, Self.undefineFlags), gone: true)
    }
    return name
  }

  /// Whether a domain with a server's id is this cloud's: it has our mark, or it lost its mark and has the name that
  /// only we give.
  private static func isOurs(_ domain: borrowing DomainHandle, _ tag: CloudTag) throws -> Bool {
    let cloud = try domain.cloud()
    return cloud == tag.text || (cloud == nil && hasOurName(domain, tag))
  }

  /// Whether the domain is named after this cloud and its own id.
  static func hasOurName(_ domain: borrowing DomainHandle, _ tag: CloudTag) -> Bool {
    DomainHandle.uuid(domain.pointer).map { domain.name == tag.domain($0) } ?? false
  }

  private static let undefineFlags =
    VIR_DOMAIN_UNDEFINE_MANAGED_SAVE.rawValue | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA.rawValue
    | VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA.rawValue | VIR_DOMAIN_UNDEFINE_NVRAM.rawValue

  public func undefine(_ serverID: String) async throws {
    var names = [tag.domain(serverID)]
    let other = try await withDomain(serverID) { domain in
      // A running domain that was undefined already has no definition to remove.
      try DomainHandle.check(virDomainUndefineFlags(domain.pointer, Self.undefineFlags), gone: true)
      return domain.name
    }
    if let other, other != names[0] { names.append(other) }
    guard uri == LibvirtDaemon.systemURI, Identifier.isUUID(serverID) else { return }
    // QEMU's own log, which libvirt keeps: the present one and those that virtlogd turned over.
    for log in names.map({ "/var/log/libvirt/qemu/\($0).log" }) {
      for path in [log] + (0...3).map({ "\(log).\($0)" }) { unlink(path) }
    }
  }

  // MARK: Power

  public func start(_ serverID: String) async throws {
    try await LibvirtDaemon.startLogger(uri: uri)
    try await withOwned(serverID) { domain in
      if !domain.isActive { try DomainHandle.check(virDomainCreate(domain.pointer)) }
    }
  }

  public func resume(_ serverID: String) async throws {
    try await withOwned(serverID) { domain in
      switch virDomainState(rawValue: UInt32(bitPattern: try domain.state().state)) {
      case VIR_DOMAIN_PAUSED: try DomainHandle.check(virDomainResume(domain.pointer), gone: true)
      case VIR_DOMAIN_PMSUSPENDED: try DomainHandle.check(virDomainPMWakeup(domain.pointer, 0), gone: true)
      default: return
      }
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
    _ = try await withDomain(serverID, .end) { domain in
      if domain.isActive { try DomainHandle.check(virDomainDestroy(domain.pointer), gone: true) }
    }
  }

  // MARK: Ways to a domain

  func writer() async throws -> DomainXML {
    DomainXML(tag: tag, accelerator: try await choice.accelerator(), user: user)
  }

  /// Calls `body` with this cloud's domain; nil where there is none.
  func withDomain<T: Sendable>(
    _ serverID: String, _ kind: LibvirtLink.Kind = .change,
    _ body: @escaping @Sendable (borrowing DomainHandle) throws -> T
  ) async throws -> T? {
    guard Identifier.isUUID(serverID) else { return nil }
    return try await link.call(kind, for: kind == .look ? nil : serverID) { [tag] connection in
      guard let domain = try DomainHandle.find(uuid: serverID, connection) else { return nil }
      do {
        guard try Self.isOurs(domain, tag) else { return nil }
      } catch let error as HypervisorError where error.isLibvirt(VIR_ERR_NO_DOMAIN) {
        return nil
      }
      return try body(domain)
    }
  }

  /// Calls `body` with this cloud's domain; throws `HypervisorError.noDomain` where there is none.
  func withOwned<T: Sendable>(
    _ serverID: String, _ kind: LibvirtLink.Kind = .change,
    _ body: @escaping @Sendable (borrowing DomainHandle) throws -> T
  ) async throws -> T {
    guard let result = try await withDomain(serverID, kind, body) else {
      throw HypervisorError.noDomain(serverID: serverID)
    }
    return result
  }
}
