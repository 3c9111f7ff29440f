import Drivers

/// Why a step on a server failed: the words for its condition. The cause goes to this node's log only.
struct ServerProblem: Error {
  var type: String
  var message: String
  var cause: String

  init(_ type: String, _ message: String, cause: String = "") {
    self.type = type
    self.message = message
    self.cause = cause
  }

  /// What a step's error means for the one who looks at the server.
  init(step: String, error: any Error) {
    let cause = String(describing: error)
    switch error {
    case let problem as ServerProblem: self = problem
    case DiskError.dataMissing: self = Self.dataMissing
    case DiskError.digestMismatch:
      self.init(
        "BaseImageUnavailable", "The image's bytes do not match their digest; they were not used.", cause: cause)
    case DiskError.baseUnavailable:
      self.init("BaseImageUnavailable", "The base image cannot be had on this host at present.", cause: cause)
    default: self.init(Self.types[step] ?? "StepFailed", Self.messages[step] ?? Self.anyMessage, cause: cause)
    }
  }

  static let dataMissing = ServerProblem(
    "DataMissing",
    "The root disk was made on this host and is gone. Nothing is made in its place: restore the file, or delete or "
      + "rebuild the server.")

  private static let anyMessage = "A step failed on the host; it is tried again. The node's log has the cause."
  private static let types = [
    "look_at_domain": "HypervisorUnavailable", "make_disk": "DiskFailed", "write_config_drive": "ConfigDriveFailed",
    "define_domain": "DefineFailed", "start_domain": "BootFailed", "shutdown_domain": "ShutdownFailed",
    "destroy_domain": "DestroyFailed", "attach_card": "AttachFailed", "detach_card": "DetachFailed",
    "undefine_domain": "UndefineFailed", "remove_disks": "DiskRemovalFailed", "write_record": "NodeDiskFailed",
  ]
  private static let messages = [
    "look_at_domain": "The hypervisor does not answer; the guest itself may be well. It is asked again.",
    "start_domain": "The hypervisor could not boot the guest; it is tried again. The node's log has the cause.",
    "write_record": "The node cannot write its own records; is its disk full?",
  ]
}
