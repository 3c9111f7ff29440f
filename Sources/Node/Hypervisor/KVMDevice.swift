import Foundation
import Logging

/// `/dev/kvm` and who may open it.
///
/// libvirt's probe of QEMU runs with more rights than QEMU: where only root may open the device, libvirt finds its
/// cached probe wrong at each definition and each start, and probes again, which takes 4 s a time.
enum KVMDevice {
  static let path = "/dev/kvm"
  private static let udev = "/run/udev"

  static var exists: Bool { FileManager.default.fileExists(atPath: path) }

  /// Where no udev runs the machine, gives the device the group that udev's rules give it (`root:kvm`, 0660).
  /// Where one does, the owner is its business, and a device that QEMU's user cannot open is only told of.
  static func open(to user: QEMUUser, logger: Logger) {
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: path), !isOpen(attributes, to: user)
    else { return }
    guard !FileManager.default.fileExists(atPath: udev) else {
      logger.warning(
        "QEMU's user cannot open /dev/kvm: libvirt will probe QEMU again at each start; give the device to group kvm")
      return
    }
    guard let group = user.groups.first(where: { $0 != user.gid }) ?? user.groups.first,
      chown(path, 0, group) == 0, chmod(path, 0o660) == 0
    else {
      logger.warning("/dev/kvm cannot be given to QEMU's group", metadata: ["errno": "\(errno)"])
      return
    }
    logger.notice("/dev/kvm given to QEMU's group, as udev would", metadata: ["gid": "\(group)"])
  }

  private static func isOpen(_ attributes: [FileAttributeKey: Any], to user: QEMUUser) -> Bool {
    func number(_ key: FileAttributeKey) -> UInt32 { (attributes[key] as? NSNumber)?.uint32Value ?? 0 }
    let group = number(.groupOwnerAccountID)
    let shift: UInt32 =
      number(.ownerAccountID) == user.uid ? 6 : group == user.gid || user.groups.contains(group) ? 3 : 0
    return number(.posixPermissions) >> shift & 0o6 == 0o6
  }
}
