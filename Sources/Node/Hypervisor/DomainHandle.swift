import CLibvirt
import Foundation

/// One domain of libvirt, freed with this value's end. Lives within one blocking call.
struct DomainHandle: ~Copyable {
  let pointer: virDomainPtr

  /// Takes over a reference that libvirt gave.
  init(owning pointer: virDomainPtr) { self.pointer = pointer }

  deinit { virDomainFree(pointer) }

  /// The domain with this UUID; nil where there is none.
  static func find(uuid: String, _ connection: virConnectPtr) throws -> DomainHandle? {
    try found(virDomainLookupByUUIDString(connection, uuid))
  }

  /// The domain with this name; nil where there is none.
  static func find(name: String, _ connection: virConnectPtr) throws -> DomainHandle? {
    try found(virDomainLookupByName(connection, name))
  }

  private static func found(_ pointer: virDomainPtr?) throws -> DomainHandle? {
    if let pointer { return DomainHandle(owning: pointer) }
    let error = HypervisorError.last()
    guard error.isLibvirt(VIR_ERR_NO_DOMAIN) else { throw error }
    return nil
  }

  /// Calls `body` with every domain of the host that `flags` (`virConnectListAllDomainsFlags`) name; 0 names all.
  static func forEach(
    _ connection: virConnectPtr, flags: UInt32 = 0, _ body: (borrowing DomainHandle) throws -> Void
  ) throws {
    var list: UnsafeMutablePointer<virDomainPtr?>?
    let count = virConnectListAllDomains(connection, &list, flags)
    guard count >= 0 else { throw HypervisorError.last() }
    guard let list else { return }
    defer { free(list) }
    var failure: (any Error)?
    for index in 0..<Int(count) {
      guard let pointer = list[index] else { continue }
      let domain = DomainHandle(owning: pointer)
      do {
        if failure == nil { try body(domain) }
      } catch let error as HypervisorError where error.isLibvirt(VIR_ERR_NO_DOMAIN) {
        // It went while we looked.
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
  }

  static func uuid(_ domain: virDomainPtr) -> String? {
    var text = [CChar](repeating: 0, count: Int(VIR_UUID_STRING_BUFLEN))
    guard virDomainGetUUIDString(domain, &text) == 0 else { return nil }
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  var name: String { virDomainGetName(pointer).map { String(cString: $0) } ?? "" }

  /// libvirt's id of the running guest as it was when the domain was looked up; nil where it was off. No call is made.
  var runningID: UInt32? {
    let id = virDomainGetID(pointer)
    return id == UInt32.max ? nil : id
  }

  var isPersistent: Bool { virDomainIsPersistent(pointer) == 1 }

  /// The tag of the cloud that the domain's metadata names; nil for a domain of no cloud of ours.
  func cloud() throws -> String? {
    let kind = Int32(bitPattern: VIR_DOMAIN_METADATA_ELEMENT.rawValue)
    guard let text = virDomainGetMetadata(pointer, kind, DomainXML.metadataNamespace, 0) else {
      let error = HypervisorError.last()
      if error.isLibvirt(VIR_ERR_NO_DOMAIN_METADATA) { return nil }
      throw error
    }
    defer { free(text) }
    return DomainDescription.cloud(metadata: String(cString: text))
  }

  /// Gives the running guest this element of metadata, which has no prefix yet.
  func mark(_ element: Markup) throws {
    let kind = Int32(bitPattern: VIR_DOMAIN_METADATA_ELEMENT.rawValue)
    try Self.check(
      virDomainSetMetadata(
        pointer, kind, element.xml, DomainXML.metadataPrefix, DomainXML.metadataNamespace,
        VIR_DOMAIN_AFFECT_LIVE.rawValue))
  }

  var isActive: Bool { virDomainIsActive(pointer) == 1 }

  /// The present definition: of the running guest where it runs, else of the next boot.
  func xml(nextBoot: Bool = false) throws -> String {
    let flags = nextBoot ? VIR_DOMAIN_XML_INACTIVE.rawValue : 0
    guard let text = virDomainGetXMLDesc(pointer, flags) else { throw HypervisorError.last() }
    defer { free(text) }
    return String(cString: text)
  }

  /// libvirt's state and the reason for it.
  func state() throws -> (state: Int32, reason: Int32) {
    var state: Int32 = 0
    var reason: Int32 = 0
    guard virDomainGetState(pointer, &state, &reason, 0) == 0 else { throw HypervisorError.last() }
    return (state, reason)
  }

  /// Throws libvirt's error unless a call returned 0. Where the domain stopped or went meanwhile and the caller asked
  /// for no more than that, `gone` makes it no error.
  static func check(_ result: Int32, gone: Bool = false) throws {
    guard result < 0 else { return }
    let error = HypervisorError.last()
    if gone && (error.isLibvirt(VIR_ERR_NO_DOMAIN) || error.isLibvirt(VIR_ERR_OPERATION_INVALID)) { return }
    throw error
  }
}
