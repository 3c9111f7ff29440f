import Drivers
import Kit

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

  /// What a step's error means for the one who looks at the server; `step` nil where none is to blame.
  init(step: Step?, error: any Error) {
    let cause = String(describing: error)
    switch error {
    case let problem as ServerProblem: self = problem
    case is HypervisorSilent: self.init(Self.hypervisorUnavailable, Self.hypervisorMessage, cause: cause)
    case DiskError.dataMissing: self = Self.dataMissing
    case DiskError.digestMismatch:
      self.init(
        "BaseImageMismatch", "The image's bytes do not match their digest; they were not used.", cause: cause)
    case DiskError.noSpace:
      self.init("HostDiskFull", "The host's disk is full; this goes on when there is space.", cause: cause)
    case DiskError.readOnly:
      self.init(
        "HostDiskReadOnly", "The host's disk can only be read; this goes on when it can be written.", cause: cause)
    case DiskError.baseUnavailable:
      self.init("BaseImageUnavailable", "The base image cannot be had on this host at present.", cause: cause)
    default:
      let known = step.flatMap { Self.words[$0] }
      self.init(known?.type ?? "StepFailed", known?.message ?? Self.anyMessage, cause: cause)
    }
  }

  static let dataMissing = ServerProblem(
    "DataMissing",
    "The root disk was made on this host and is gone. Nothing is made in its place: restore the file, or delete or "
      + "rebuild the server.")

  static let hypervisorUnavailable = "HypervisorUnavailable"
  static let hypervisorMessage = "The hypervisor does not answer; the guest itself may be well. It is asked again."

  private static let anyMessage = "A step failed on the host; it is tried again. The node's log has the cause."
  private static let words: [Step: (type: String, message: String)] = [
    .lookAtDomain: (hypervisorUnavailable, hypervisorMessage),
    .makeDisk: ("DiskFailed", anyMessage),
    .writeConfigDrive: ("ConfigDriveFailed", anyMessage),
    .defineDomain: ("DefineFailed", anyMessage),
    .startDomain: (
      "BootFailed", "The hypervisor could not boot the guest; it is tried again. The node's log has the cause."
    ),
    .resumeDomain: ("ResumeFailed", anyMessage),
    .shutdownDomain: ("ShutdownFailed", anyMessage),
    .destroyDomain: ("DestroyFailed", anyMessage),
    .attachCard: ("AttachFailed", anyMessage),
    .detachCard: ("DetachFailed", anyMessage),
    .undefineDomain: ("UndefineFailed", anyMessage),
    .removeDisks: ("DiskRemovalFailed", anyMessage),
    .writeRecord: ("NodeDiskFailed", "The node cannot write its own records; is its disk full?"),
  ]
}

/// The server was asked to be deleted while a pass over it was under way: what is left of the pass is not done.
struct Overtaken: Error {}
