import Kit
import NodeLink

/// A server: what was asked of it, what was observed of it, and what its guest may learn.
struct Server: Sendable {
  /// What the API asks; the manifest is made from it.
  struct Asked: Sendable, Hashable {
    var power: ServerSpec.Power
    /// Raised by one for each hard reboot.
    var bootEpoch: Int
    /// Id of the operation in hand (a soft reboot).
    var operationID: String?
  }

  /// What the node saw last.
  struct Seen: Sendable, Hashable {
    var power: ServerObservation.Power
    var bootEpoch: Int
    var step: String?
    /// Ports whose cards are in the domain, in the guest's order.
    var portIDs: [String] = []
    /// The manifest generation it speaks of; nil where that is of no manifest of ours.
    var generation: Int64?

    /// Whether a QEMU process holds its cards.
    var isActive: Bool { power == .running || power == .paused }
  }

  /// The one action that is going on.
  struct Action: Sendable, Hashable {
    enum Kind: String, Sendable, CaseIterable {
      case create, start, stop
      case softReboot = "soft_reboot"
      case hardReboot = "hard_reboot"

      /// As `os-instance-actions` names it.
      var name: String { self == .softReboot || self == .hardReboot ? "reboot" : rawValue }
      /// How long it may take, in seconds.
      var secondsMax: Int {
        switch self {
        case .create, .start: 600
        case .stop: 180
        case .softReboot, .hardReboot: 300
        }
      }
    }
    var kind: Kind
    var requestID: String
    var began: Timestamp
    /// The `vm_state` it began in.
    var before: String
    /// The time it has lived through, as `PassClock` counts, in milliseconds: the host's clock may be stepped.
    var elapsedMs = 0
  }

  struct Fault: Sendable, Hashable {
    var code: Int
    /// What happened, what it means and what to do: for the user.
    var message: String
    /// What only the operator should see: hosts, counts, the node's own words.
    var details: String?
    var created: Timestamp
  }

  /// The flavor as it was when the server was made.
  struct FlavorCopy: Sendable {
    var id: String
    var name: String
    var vcpus: Int
    var memoryMiB: Int
    var diskGiB: Int
    var ephemeralGiB: Int
    var swapMiB: Int
    /// A JSON object of strings.
    var extraSpecs: String
  }

  struct Key: Sendable {
    var name: String
    var type: String
    var publicKey: String
  }

  var id: String
  var projectID: String
  var userID: String
  var name: String
  var description: String?
  var hostname: String
  var flavor: FlavorCopy
  /// The image it was made from.
  var imageID: String
  var rootDisk: ServerSpec.RootDisk
  var key: Key?
  var userData: String?
  var configDrive: Bool
  /// The zone the user asked for; nil where none was.
  var pinnedZone: String?
  /// A JSON object.
  var schedulerHints: String
  var diskConfig: String
  var accessIPv4: String?
  var accessIPv6: String?
  var reservationID: String
  var launchIndex: Int
  /// A JSON object of strings, and a JSON array of strings: ready for answers.
  var metadata: String
  var tags: String
  /// nil: unlocked; else `owner` or `admin`.
  var lockedBy: String?
  var lockedReason: String?
  /// Where it lives; nil where no host fitted.
  var nodeID: String?
  var host: String?
  /// 32 random bytes in hex: what the guest's `random_seed` is drawn from.
  var seed: String
  /// Kept only until the guest had time to read it.
  var adminPass: Secret<String>?

  var asked: Asked
  var deleting: Bool
  var action: Action?
  var seen: Seen?
  var condition: Condition?
  /// nil: no error; else `action` (one that failed) or the condition's type (`DataMissing`).
  var errorKind: String?
  var fault: Fault?
  var createdAt: Timestamp
  var updatedAt: Timestamp
  var launchedAt: Timestamp?
  /// As stored; computed anew by every `save`.
  var state: StoredState

  /// The computed columns.
  struct StoredState: Sendable {
    var vm: String
    var task: String?
    var power: Int
    var status: String
  }

  var locked: Bool { lockedBy != nil }
}
