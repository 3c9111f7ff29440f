import CLibvirt
import Foundation

/// One open connection to libvirtd. All its calls block, and only one thread may make them: where several do, libvirt's
/// client before 10.2 loses wake-ups between them (calls then hang for ever) and touches freed memory (CVE-2024-4418).
final class LibvirtConnection: @unchecked Sendable {
  // @unchecked: nothing here changes after `init`, and threads take turns, as said above.
  private let pointer: virConnectPtr
  private var registrations: [Int32] = []

  /// What libvirt's callbacks, which come on the event loop's thread, hand on.
  final class Listener: Sendable {
    /// `event` is one of `virDomainEventType`; nil for a change of the domain's devices or metadata.
    let changed: @Sendable (_ name: String, _ uuid: String, _ event: virDomainEventType?) -> Void
    let closed: @Sendable () -> Void
    init(
      changed: @escaping @Sendable (String, String, virDomainEventType?) -> Void,
      closed: @escaping @Sendable () -> Void
    ) {
      self.changed = changed
      self.closed = closed
    }
  }

  /// A probe each 5 s; the connection is dead after 3 without an answer, and every call on it fails: a libvirtd that
  /// hangs is noticed within 20 s.
  private static let keepAlive: (seconds: Int32, count: UInt32) = (5, 3)

  /// Opens a connection that tells `listener` of its own end, and of the domains where `watchesDomains`.
  init(uri: String, listener: Listener, watchesDomains: Bool) throws {
    try LibvirtEventLoop.start()
    guard let pointer = virConnectOpen(uri) else { throw HypervisorError.last() }
    self.pointer = pointer
    // Refused by drivers inside the process (test:///), which cannot go away.
    _ = virConnectSetKeepAlive(pointer, Self.keepAlive.seconds, Self.keepAlive.count)
    guard virConnectRegisterCloseCallback(pointer, Self.closed, Self.retained(listener), Self.release) == 0 else {
      throw HypervisorError.last()
    }
    guard watchesDomains else { return }
    // libvirt's header casts the same way (VIR_DOMAIN_EVENT_CALLBACK); the two callbacks on devices have one type.
    let lifecycle = unsafeBitCast(Self.lifecycle, to: virConnectDomainEventGenericCallback.self)
    let metadata = unsafeBitCast(Self.metadata, to: virConnectDomainEventGenericCallback.self)
    let devices = unsafeBitCast(Self.devices, to: virConnectDomainEventGenericCallback.self)
    for (kind, callback) in [
      (VIR_DOMAIN_EVENT_ID_LIFECYCLE, lifecycle), (VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, devices),
      (VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, devices), (VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, metadata),
    ] {
      let id = virConnectDomainEventRegisterAny(
        pointer, nil, Int32(bitPattern: kind.rawValue), callback, Self.retained(listener), Self.release)
      guard id >= 0 else { throw HypervisorError.last() }
      registrations.append(id)
    }
  }

  deinit {
    for id in registrations { virConnectDomainEventDeregisterAny(pointer, id) }
    virConnectUnregisterCloseCallback(pointer, Self.closed)
    virConnectClose(pointer)
  }

  var isAlive: Bool { virConnectIsAlive(pointer) == 1 }

  /// Calls libvirt; an error of a dead connection says so.
  func use<T>(_ body: (virConnectPtr) throws -> T) throws -> T {
    do {
      return try body(pointer)
    } catch HypervisorError.libvirt(let code, let message, _) {
      throw HypervisorError.libvirt(code: code, message: message, connectionLost: !isAlive)
    }
  }

  // MARK: Callbacks

  private static func retained(_ listener: Listener) -> UnsafeMutableRawPointer {
    Unmanaged.passRetained(listener).toOpaque()
  }

  private static let release: virFreeCallback = { opaque in
    if let opaque { Unmanaged<Listener>.fromOpaque(opaque).release() }
  }

  private static let closed: virConnectCloseFunc = { _, _, opaque in
    if let opaque { Unmanaged<Listener>.fromOpaque(opaque).takeUnretainedValue().closed() }
  }

  private static let lifecycle: virConnectDomainEventCallback = { _, domain, event, _, opaque in
    tell(domain, virDomainEventType(rawValue: UInt32(bitPattern: event)), opaque)
    return 0
  }

  private static let devices: virConnectDomainEventDeviceRemovedCallback = { _, domain, _, opaque in
    tell(domain, nil, opaque)
  }

  private static let metadata: virConnectDomainEventMetadataChangeCallback = { _, domain, _, _, opaque in
    tell(domain, nil, opaque)
  }

  private static func tell(_ domain: virDomainPtr?, _ event: virDomainEventType?, _ opaque: UnsafeMutableRawPointer?) {
    guard let domain, let opaque, let uuid = DomainHandle.uuid(domain), let name = virDomainGetName(domain) else {
      return
    }
    Unmanaged<Listener>.fromOpaque(opaque).takeUnretainedValue().changed(String(cString: name), uuid, event)
  }
}
