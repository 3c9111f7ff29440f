import CLibvirt
import Foundation

/// One open connection to libvirtd, telling of lifecycle events and of its own end. All its calls block.
final class LibvirtConnection: @unchecked Sendable {
  // @unchecked: `pointer` never changes, and libvirt promises that a virConnectPtr may be used by threads at once.
  private let pointer: virConnectPtr

  /// What libvirt's callbacks, which come on the event loop's thread, hand on.
  final class Listener: Sendable {
    let lifecycle: @Sendable (_ name: String, _ uuid: String) -> Void
    let closed: @Sendable () -> Void
    init(lifecycle: @escaping @Sendable (String, String) -> Void, closed: @escaping @Sendable () -> Void) {
      self.lifecycle = lifecycle
      self.closed = closed
    }
  }

  /// A probe each 5 s; the connection is dead after 3 without an answer.
  private static let keepAlive: (seconds: Int32, count: UInt32) = (5, 3)

  init(uri: String, listener: Listener) throws {
    try LibvirtEventLoop.start()
    guard let pointer = virConnectOpen(uri) else { throw HypervisorError.last() }
    self.pointer = pointer
    // Refused by drivers inside the process (test:///), which cannot go away.
    _ = virConnectSetKeepAlive(pointer, Self.keepAlive.seconds, Self.keepAlive.count)
    guard
      virConnectRegisterCloseCallback(pointer, Self.closed, Self.retained(listener), Self.release) == 0,
      // The older call of the two: it takes this very type of callback, so that no pointer must be cast.
      virConnectDomainEventRegister(pointer, Self.lifecycle, Self.retained(listener), Self.release) == 0
    else { throw HypervisorError.last() }
  }

  deinit {
    virConnectDomainEventDeregister(pointer, Self.lifecycle)
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

  private static let lifecycle: virConnectDomainEventCallback = { _, domain, _, _, opaque in
    guard let domain, let opaque, let uuid = DomainHandle.uuid(domain), let name = virDomainGetName(domain) else {
      return 0
    }
    Unmanaged<Listener>.fromOpaque(opaque).takeUnretainedValue().lifecycle(String(cString: name), uuid)
    return 0
  }
}
