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
}
