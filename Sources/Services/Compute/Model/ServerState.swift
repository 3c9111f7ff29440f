import NodeLink

/// What users see of a server's life, in Nova's words. Computed from what was asked and what was observed.
struct ServerState: Sendable, Hashable {
  /// `building`, `active`, `stopped`, `paused`, `error`.
  var vm: String
  /// What is being done; nil when nothing is.
  var task: String?
  /// 0 none, 1 running, 3 paused, 4 shut down, 6 crashed.
  var power: Int
  /// `BUILD`, `ACTIVE`, `SHUTOFF`, `REBOOT`, `HARD_REBOOT`, `PAUSED`, `ERROR`.
  var status: String

  /// Every status that can be asked for in a list's filter.
  static let statuses: Set<String> = [
    "ACTIVE", "BUILD", "DELETED", "ERROR", "HARD_REBOOT", "MIGRATING", "PASSWORD", "PAUSED", "REBOOT", "REBUILD",
    "RESCUE", "RESIZE", "REVERT_RESIZE", "SHELVED", "SHELVED_OFFLOADED", "SHUTOFF", "SOFT_DELETED", "SUSPENDED",
    "UNKNOWN", "VERIFY_RESIZE",
  ]

  init(of server: Server) {
    let seen = server.seen
    let vm = Self.vmState(server)
    let task = Self.taskState(server, vm: vm)
    self.vm = vm
    self.task = task
    power =
      switch seen?.power {
      case .running: 1
      case .paused: 3
      case .stopped: 4
      case .absent: server.launchedAt == nil ? 0 : 4
      case .crashed: 6
      case nil: 0
      }
    status =
      switch vm {
      case "building": "BUILD"
      case "active":
        switch server.action?.kind {
        case .softReboot: "REBOOT"
        case .hardReboot: "HARD_REBOOT"
        default: "ACTIVE"
        }
      case "stopped": server.action?.kind == .hardReboot ? "HARD_REBOOT" : "SHUTOFF"
      case "paused": "PAUSED"
      default: "ERROR"
      }
  }

  private static func vmState(_ server: Server) -> String {
    if server.errorKind != nil { return "error" }
    guard server.launchedAt != nil, let seen = server.seen else { return "building" }
    switch seen.power {
    case .running: return "active"
    case .paused: return "paused"
    case .stopped, .absent, .crashed:
      // A reboot passes through "off": the server's life goes on meanwhile.
      let rebooting = server.action?.kind == .softReboot || server.action?.kind == .hardReboot
      return rebooting && server.action?.before == "active" ? "active" : "stopped"
    }
  }

  private static func taskState(_ server: Server, vm: String) -> String? {
    if server.deleting { return "deleting" }
    switch server.action?.kind {
    case .create:
      guard server.nodeID != nil, let seen = server.seen else { return "scheduling" }
      return seen.step == "plugging" ? "networking" : "spawning"
    case .start: return "powering-on"
    case .stop: return "powering-off"
    case .softReboot: return "rebooting"
    case .hardReboot: return "rebooting_hard"
    case nil:
      // Repair of drift: asked to run, seen off.
      return vm == "stopped" && server.asked.power == .running ? "powering-on" : nil
    }
  }
}
