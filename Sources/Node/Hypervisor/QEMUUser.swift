import Foundation

/// The unprivileged user that QEMU runs as.
public struct QEMUUser: Sendable, Hashable {
  public var uid: UInt32
  public var gid: UInt32
  /// All its groups; among them the one that may open `/dev/kvm`.
  public var groups: [UInt32]

  /// Finds the user that the libvirt packages of Debian (`libvirt-qemu`) and others (`qemu`) make.
  /// Throws `HypervisorError.daemonUnavailable` where there is none.
  public static func find() throws -> QEMUUser {
    for name in ["libvirt-qemu", "qemu"] {
      if let user = lookUp(name) { return user }
    }
    throw HypervisorError.daemonUnavailable(
      reason: "there is neither a user libvirt-qemu nor qemu: apt-get install libvirt-daemon-system")
  }

  private static func lookUp(_ name: String) -> QEMUUser? {
    var entry = passwd()
    var present: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: 16_384)
    guard getpwnam_r(name, &entry, &buffer, buffer.count, &present) == 0, present != nil else { return nil }
    let (uid, primary) = (entry.pw_uid, entry.pw_gid)

    var groups = [gid_t](repeating: 0, count: 64)
    var count = Int32(groups.count)
    guard getgrouplist(name, primary, &groups, &count) >= 0 else { return nil }

    // Debian gives the user the primary group kvm, and libvirt runs QEMU with the group of the user's own name.
    var own = group()
    var presentGroup: UnsafeMutablePointer<group>?
    let hasOwn = getgrnam_r(name, &own, &buffer, buffer.count, &presentGroup) == 0 && presentGroup != nil
    return QEMUUser(uid: uid, gid: hasOwn ? own.gr_gid : primary, groups: Array(groups.prefix(Int(count))))
  }
}
