import CLibvirt
import NodeLink

/// libvirt's domain states in this program's words.
enum PowerState {
  static func power(state: Int32, reason: Int32) -> ServerObservation.Power {
    switch virDomainState(rawValue: UInt32(bitPattern: state)) {
    case VIR_DOMAIN_PAUSED:
      // QEMU is there and libvirt is about to let it run.
      reason == Int32(bitPattern: VIR_DOMAIN_PAUSED_STARTING_UP.rawValue) ? .running : .paused
    case VIR_DOMAIN_PMSUSPENDED: .paused
    case VIR_DOMAIN_SHUTOFF:
      reason == Int32(bitPattern: VIR_DOMAIN_SHUTOFF_CRASHED.rawValue) ? .crashed : .stopped
    case VIR_DOMAIN_CRASHED: .crashed
    // Running, idle, blocked, or on the way down: it still runs.
    default: .running
    }
  }

  /// Why the domain is in its state, in libvirt's words; nil where it runs, and where libvirt does not know: it forgets
  /// why a guest is off when libvirtd restarts.
  static func reason(state: Int32, reason: Int32) -> String? {
    let names: [UInt32: String]
    switch virDomainState(rawValue: UInt32(bitPattern: state)) {
    case VIR_DOMAIN_PAUSED: names = paused
    case VIR_DOMAIN_SHUTOFF: names = off
    case VIR_DOMAIN_PMSUSPENDED: return "pmsuspended"
    case VIR_DOMAIN_CRASHED:
      return reason == Int32(bitPattern: VIR_DOMAIN_CRASHED_PANICKED.rawValue) ? "panicked" : "crashed"
    default: return nil
    }
    return names[UInt32(bitPattern: reason)]
  }

  private static let off: [UInt32: String] = [
    VIR_DOMAIN_SHUTOFF_SHUTDOWN.rawValue: "shutdown", VIR_DOMAIN_SHUTOFF_DESTROYED.rawValue: "destroyed",
    VIR_DOMAIN_SHUTOFF_CRASHED.rawValue: "crashed", VIR_DOMAIN_SHUTOFF_MIGRATED.rawValue: "migrated",
    VIR_DOMAIN_SHUTOFF_SAVED.rawValue: "saved", VIR_DOMAIN_SHUTOFF_FAILED.rawValue: "failed",
    VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT.rawValue: "from_snapshot", VIR_DOMAIN_SHUTOFF_DAEMON.rawValue: "daemon",
  ]

  private static let paused: [UInt32: String] = [
    VIR_DOMAIN_PAUSED_USER.rawValue: "user", VIR_DOMAIN_PAUSED_MIGRATION.rawValue: "migration",
    VIR_DOMAIN_PAUSED_SAVE.rawValue: "save", VIR_DOMAIN_PAUSED_DUMP.rawValue: "dump",
    VIR_DOMAIN_PAUSED_IOERROR.rawValue: "ioerror", VIR_DOMAIN_PAUSED_WATCHDOG.rawValue: "watchdog",
    VIR_DOMAIN_PAUSED_FROM_SNAPSHOT.rawValue: "from_snapshot",
    VIR_DOMAIN_PAUSED_SHUTTING_DOWN.rawValue: "shutting_down", VIR_DOMAIN_PAUSED_SNAPSHOT.rawValue: "snapshot",
    VIR_DOMAIN_PAUSED_CRASHED.rawValue: "crashed", VIR_DOMAIN_PAUSED_POSTCOPY.rawValue: "postcopy",
    VIR_DOMAIN_PAUSED_POSTCOPY_FAILED.rawValue: "postcopy_failed",
  ]
}
