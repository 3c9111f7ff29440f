/// Every named step of the cloud's work: what `explain` tells, and where a test may stop a process.
public enum Step: String, Sendable, Codable, CaseIterable {
  // Control: the writes behind an API call, and what a node's report changes.
  case handleRequest = "handle_request"
  case takeReport = "take_report"
  case sendManifest = "send_manifest"
  case advanceSaga = "advance_saga"
  // Node: a server.
  case fetchImage = "fetch_image"
  case makeDisk = "make_disk"
  case writeConfigDrive = "write_config_drive"
  case defineDomain = "define_domain"
  case startDomain = "start_domain"
  case resumeDomain = "resume_domain"
  case shutdownDomain = "shutdown_domain"
  case destroyDomain = "destroy_domain"
  case undefineDomain = "undefine_domain"
  case removeDisks = "remove_disks"
  case attachCard = "attach_card"
  case detachCard = "detach_card"
  case writeRecord = "write_record"
  case lookAtDomain = "look_at_domain"
  // Node: its network.
  case takeDown = "take_down"
  case makeDevices = "make_devices"
  case loadRules = "load_rules"
  case cutFlows = "cut_flows"
  case raiseTaps = "raise_taps"
  case startDaemons = "start_daemons"
  // Node: what goes up.
  case sendReport = "send_report"

  /// The process that takes it.
  public var process: String {
    switch self {
    case .handleRequest, .takeReport, .sendManifest, .advanceSaga: "control"
    default: "node"
    }
  }
}
