public import NodeLink

/// Everything needed to define a libvirt domain: a server's spec with the host's own paths and names put in.
public struct DomainSpec: Sendable, Hashable {
  public struct Card: Sendable, Hashable {
    public var tap: String
    public var mac: String
    public var slot: Int
    public var mtu: Int
    public var portID: String
    public init(tap: String, mac: String, slot: Int, mtu: Int, portID: String) {
      self.tap = tap
      self.mac = mac
      self.slot = slot
      self.mtu = mtu
      self.portID = portID
    }
  }
  public var serverID: String
  /// The server's display name and project: kept in the domain's metadata for an operator's eyes only.
  public var displayName: String
  public var projectID: String
  public var vcpus: Int
  public var memoryMiB: Int
  public var bootEpoch: Int
  public var rootDisk: DiskChain
  /// Path of the config drive (raw, read-only); nil where none is asked.
  public var configDrivePath: String?
  /// File that receives the guest's serial console.
  public var consoleLogPath: String
  public var cards: [Card]

  public init(
    serverID: String, displayName: String, projectID: String, vcpus: Int, memoryMiB: Int, bootEpoch: Int,
    rootDisk: DiskChain, configDrivePath: String?, consoleLogPath: String, cards: [Card]
  ) {
    self.serverID = serverID
    self.displayName = displayName
    self.projectID = projectID
    self.vcpus = vcpus
    self.memoryMiB = memoryMiB
    self.bootEpoch = bootEpoch
    self.rootDisk = rootDisk
    self.configDrivePath = configDrivePath
    self.consoleLogPath = consoleLogPath
    self.cards = cards
  }
}

/// What a domain's persistent definition says where it can be compared with what was asked.
public struct DomainDefinition: Sendable, Hashable {
  /// libvirt's name for it.
  public var name: String
  /// Whether there is a definition that outlives the guest.
  public var persistent: Bool
  public var vcpus: Int
  public var memoryMiB: Int
  /// The root disk's file and its base; nil where the definition names none.
  public var overlayPath: String?
  public var basePath: String?
  /// Cards in order: `tap mac slot`.
  public var cards: [String]
  public init(
    name: String, persistent: Bool, vcpus: Int, memoryMiB: Int, overlayPath: String?, basePath: String?,
    cards: [String]
  ) {
    self.name = name
    self.persistent = persistent
    self.vcpus = vcpus
    self.memoryMiB = memoryMiB
    self.overlayPath = overlayPath
    self.basePath = basePath
    self.cards = cards
  }
}

/// A domain of this cloud as libvirt shows it.
public struct DomainState: Sendable, Hashable {
  public var serverID: String
  public var power: ServerObservation.Power
  /// From the domain's metadata.
  public var bootEpoch: Int
  public var portIDs: [String]
  /// Names one life of the guest's QEMU process (its pid and start time, or libvirt's running id with the host's boot):
  /// a cold boot changes it, a reset inside does not. nil where the guest is off or the driver cannot tell. It decides
  /// what became of a reboot that a crash of the node interrupted.
  public var instance: String?
  /// Why it is in this power state where that matters: `destroyed`, `shutdown`, `crashed`, `failed`, `user`, `ioerror`.
  public var reason: String?
  /// The persistent definition; nil where the driver does not tell.
  public var definition: DomainDefinition?
  public init(
    serverID: String, power: ServerObservation.Power, bootEpoch: Int, portIDs: [String], instance: String? = nil,
    reason: String? = nil, definition: DomainDefinition? = nil
  ) {
    self.reason = reason
    self.definition = definition
    self.serverID = serverID
    self.power = power
    self.bootEpoch = bootEpoch
    self.portIDs = portIDs
    self.instance = instance
  }
}

/// Something happened to a domain, or (`serverID` nil) the event stream was made anew and everything must be compared.
public struct DomainEvent: Sendable, Hashable {
  public var serverID: String?
  public init(serverID: String?) { self.serverID = serverID }
}

/// What drives the guests of one host. Only domains that carry this cloud's tag are seen or touched.
public protocol HypervisorDriver: Sendable {
  /// What the host is, with the accelerator found by the trial boot.
  func facts() async throws -> NodeFacts
  /// Every domain of this cloud.
  func domains() async throws -> [DomainState]
  /// Names of the domains on this host that are of no cloud of ours.
  func foreignDomains() async throws -> [String]
  /// What `define` of this spec would make the definition say.
  func definition(of spec: DomainSpec) -> DomainDefinition
  /// One domain of this cloud; nil where there is none.
  func domain(_ serverID: String) async throws -> DomainState?
  /// Makes the persistent definition as the spec says; a running guest keeps its present one until the next boot.
  func define(_ spec: DomainSpec) async throws
  /// Boots a defined, stopped domain.
  func start(_ serverID: String) async throws
  /// Lets a paused guest run on. No error where it runs.
  func resume(_ serverID: String) async throws
  /// Presses the power button; returns at once.
  func shutdown(_ serverID: String) async throws
  /// Asks the guest to reboot by ACPI; returns at once.
  func reboot(_ serverID: String) async throws
  /// Ends the QEMU process. No error where it runs no more.
  func destroy(_ serverID: String) async throws
  /// Removes the definition with everything libvirt keeps of it. No error where there is none.
  func undefine(_ serverID: String) async throws
  /// Adds a card to the running guest and to its definition.
  func attach(_ card: DomainSpec.Card, to serverID: String) async throws
  /// Takes a card of the running guest out and puts it in again at its place, on its tap as that is now: the guest sees
  /// its card go and come. For a tap that was removed under the guest.
  func replug(_ card: DomainSpec.Card, of serverID: String) async throws
  /// Removes a card from the running guest (waits for the guest to let go, bounded) and from its definition.
  func detach(portID: String, from serverID: String) async throws
  /// Changes of this cloud's domains; never ends while the driver lives.
  func events() -> AsyncStream<DomainEvent>
}
