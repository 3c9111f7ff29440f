public import Kit

/// Why an object is not as asked: since when, how often it was tried, what happens next.
public struct Condition: Sendable, Codable, Hashable {
  /// A word of the field, `DataMissing`, `BaseImageUnavailable`, `BootFailed`, `RulesRejected`.
  public var type: String
  /// For people: what is wrong and what to do. Never secrets or driver internals.
  public var message: String
  public var since: Timestamp
  public var attempts: Int

  public init(type: String, message: String, since: Timestamp, attempts: Int) {
    self.type = type
    self.message = message
    self.since = since
    self.attempts = attempts
  }
}

/// What a node sees of a server's domain.
public struct ServerObservation: Sendable, Codable, Hashable {
  public enum Power: String, Sendable, Codable { case running, stopped, paused, crashed, absent }
  /// How an operation ended; `unknown` where a crash left it undecidable. It is never repeated.
  public struct OperationResult: Sendable, Codable, Hashable {
    public enum Outcome: String, Sendable, Codable { case begun, done, failed, unknown }
    public var id: String
    public var outcome: Outcome
    public var message: String?
    public init(id: String, outcome: Outcome, message: String?) {
      self.id = id
      self.outcome = outcome
      self.message = message
    }
  }

  public var power: Power
  /// The boot epoch the running (or last) domain carries.
  public var bootEpoch: Int
  /// Id of the root disk whose file is there; nil where none is.
  public var rootDiskID: String?
  /// What the node is doing now: `fetching_image`, `making_disk`, `plugging`, `starting`; nil when idle.
  public var step: String?
  /// Ports whose network cards are in the domain, in the guest's order.
  public var portIDs: [String]
  public var operation: OperationResult?

  public init(
    power: Power, bootEpoch: Int, rootDiskID: String?, step: String?, portIDs: [String], operation: OperationResult?
  ) {
    self.power = power
    self.bootEpoch = bootEpoch
    self.rootDiskID = rootDiskID
    self.step = step
    self.portIDs = portIDs
    self.operation = operation
  }
}

/// What a node sees of one object, said when it changes and in full after each reconnect.
public struct Observation: Sendable, Codable, Hashable {
  public var key: ObjectKey
  /// The manifest generation this speaks of; for a removal the tombstone's.
  public var generation: Int64
  /// Whether everything the generation asks is so.
  public var ready: Bool
  /// Whether the object, and everything made for it, is gone from the host.
  public var removed: Bool
  public var server: ServerObservation?
  public var condition: Condition?

  public init(
    key: ObjectKey, generation: Int64, ready: Bool, removed: Bool = false, server: ServerObservation? = nil,
    condition: Condition? = nil
  ) {
    self.key = key
    self.generation = generation
    self.ready = ready
    self.removed = removed
    self.server = server
    self.condition = condition
  }
}

/// One step a node took: the material of `haneul explain`.
public struct StepEvent: Sendable, Codable, Hashable {
  public var key: ObjectKey
  public var requestID: String?
  /// A verb and a noun, `define_domain`, `plug_tap`.
  public var step: String
  public var began: Timestamp
  public var ended: Timestamp
  /// nil when it went well.
  public var error: String?

  public init(
    key: ObjectKey, requestID: String?, step: String, began: Timestamp, ended: Timestamp, error: String?
  ) {
    self.key = key
    self.requestID = requestID
    self.step = step
    self.began = began
    self.ended = ended
    self.error = error
  }
}

/// What a host is and has.
public struct NodeFacts: Sendable, Codable, Hashable {
  public var hostname: String
  public var vcpus: Int
  public var memoryMiB: Int
  public var diskGiB: Int
  public var diskFreeGiB: Int
  /// As libvirt numbers it: 7002000 for 7.2.0.
  public var hypervisorVersion: Int
  public var libvirtVersion: Int
  /// `kvm` or `qemu`, chosen by a trial boot.
  public var accelerator: String
  public var cpuModel: String

  public init(
    hostname: String, vcpus: Int, memoryMiB: Int, diskGiB: Int, diskFreeGiB: Int, hypervisorVersion: Int,
    libvirtVersion: Int, accelerator: String, cpuModel: String
  ) {
    self.hostname = hostname
    self.vcpus = vcpus
    self.memoryMiB = memoryMiB
    self.diskGiB = diskGiB
    self.diskFreeGiB = diskFreeGiB
    self.hypervisorVersion = hypervisorVersion
    self.libvirtVersion = libvirtVersion
    self.accelerator = accelerator
    self.cpuModel = cpuModel
  }
}

/// Where a report stands among all of its node. Control takes a report only where it is of the life that greeted last
/// and newer than the last one taken, and the store decides that: it may come late, by another connection or by another
/// control process.
///
/// It is the node's reports that are numbered, not each object's observations: an agent sends one report after the
/// other, and says whatever a report said again in a later one unless control has stored it. So a late report holds
/// nothing that a newer one did not say, or will not say, again.
public struct ReportOrder: Sendable, Codable, Hashable {
  /// Names one connection of one agent (`Hello.life`).
  public var life: String
  /// From 1, growing with each report of that life.
  public var number: Int64

  public init(life: String, number: Int64) {
    self.life = life
    self.number = number
  }
}

/// One POST of a node to control: a heartbeat, with whatever changed. At most `Report.observationsMax` observations.
public struct Report: Sendable, Codable {
  public static let observationsMax = 500
  public static let driftMax = 500

  public var nodeID: String
  public var facts: NodeFacts?
  public var observations: [Observation]
  public var events: [StepEvent]
  /// Findings that are new, changed or settled; at most `driftMax`. nil from a node that knows none.
  public var drift: [DriftFinding]?
  /// Said after a reconnect: `drift` holds every open finding, and others of this node that are open are over.
  public var driftIsWhole: Bool?
  /// nil from a node of an older release, which greets without a life.
  public var order: ReportOrder?

  public init(
    nodeID: String, facts: NodeFacts?, observations: [Observation], events: [StepEvent], drift: [DriftFinding]? = nil,
    driftIsWhole: Bool? = nil, order: ReportOrder? = nil
  ) {
    self.nodeID = nodeID
    self.facts = facts
    self.observations = observations
    self.events = events
    self.drift = drift
    self.driftIsWhole = driftIsWhole
    self.order = order
  }
}

/// What a node says when it connects: who it is and which generation of each object it holds.
public struct Hello: Sendable, Codable {
  public struct Held: Sendable, Codable {
    public var key: ObjectKey
    public var generation: Int64
    /// `ManifestObject.digest` as it came; nil for a tombstone, and from a node that does not keep it.
    public var digest: String?
    public init(key: ObjectKey, generation: Int64, digest: String? = nil) {
      self.key = key
      self.generation = generation
      self.digest = digest
    }
  }
  public static let protocolVersion = 1
  /// The longest name of a life, in bytes.
  static let lifeBytesMax = 64

  public var version: Int
  public var nodeID: String
  public var facts: NodeFacts
  /// The cloud whose manifest the node holds; nil on a node that never had one.
  public var cloudID: String?
  public var epoch: Int64
  public var held: [Held]
  /// A new name of this connection, which its reports carry; nil from a node of an older release.
  public var life: String?

  public init(
    nodeID: String, facts: NodeFacts, cloudID: String?, epoch: Int64, held: [Held], life: String? = nil
  ) {
    version = Hello.protocolVersion
    self.nodeID = nodeID
    self.facts = facts
    self.cloudID = cloudID
    self.epoch = epoch
    self.held = held
    self.life = life
  }
}

/// A bounded read-only question of control to a node.
public struct NodeQuery: Sendable, Codable {
  public enum Subject: Sendable, Codable {
    /// The last `bytesMax` bytes of a server's console.
    case consoleLog(serverID: String, bytesMax: Int)
    /// The way of a port's packets: a `PacketPath` as JSON.
    case packetPath(portID: String)
  }
  public var id: String
  public var subject: Subject
  public init(id: String, subject: Subject) {
    self.id = id
    self.subject = subject
  }
}

/// A node's answer; `body` nil where there is nothing to give, with the reason.
public struct NodeAnswer: Sendable, Codable {
  public var queryID: String
  public var bodyBase64: String?
  public var error: String?
  public init(queryID: String, bodyBase64: String?, error: String?) {
    self.queryID = queryID
    self.bodyBase64 = bodyBase64
    self.error = error
  }
}

/// One line of the stream from control to a node.
public enum LinkMessage: Sendable, Codable {
  /// First line: whose manifest this is. A node refuses an epoch older than its own.
  case welcome(cloudID: String, epoch: Int64)
  case object(ManifestObject)
  case tombstone(Tombstone)
  /// Objects the node holds that this control does not know, said before `synced`: they are left alone, in quarantine.
  case unknown([ObjectKey])
  /// Everything the node did not hold has been said; changes follow as they come.
  case synced
  case query(NodeQuery)
  /// Sent when nothing else was for `LinkMessage.pingSeconds`.
  case ping

  public static let pingSeconds = 10
}
