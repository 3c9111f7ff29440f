import Kit
import NodeLink

/// What this node did with a server and must remember across its own crash and the host's reboot.
struct ServerRecord: Sendable, Codable, Hashable {
  /// An operation this node began: written before its first step, and again when it ended.
  struct Operation: Sendable, Codable, Hashable {
    var id: String
    var outcome: ServerObservation.OperationResult.Outcome
    var message: String?
    var begun: Timestamp
    /// The life of the QEMU process in which it was begun: another one now means the guest has been rebooted.
    var instance: String?
  }

  /// By whom a guest's life ended that nobody had asked to end.
  enum EndedBy: String, Sendable, Codable { case itself, others }

  /// The root disk that was made here once; it is never made again.
  var madeDiskID: String?
  /// The boot epoch at which the guest was seen running, and the host's boot in which that was.
  var ranEpoch: Int?
  var ranBootID: String?
  /// The power button was pressed in the guest's present life: if it goes off, that was our doing.
  var pressed = false
  /// Seen once and kept: libvirt forgets the reason when it is restarted. nil while the guest runs.
  var endedBy: EndedBy?
  /// Whether libvirt was given a definition; nil in records of an older release, which is no.
  var defined: Bool?
  var operation: Operation?
}
