public import Store

/// How much of a host something takes.
public struct Resources: Sendable, Hashable {
  public var vcpus: Int
  public var memoryMiB: Int
  public var diskGiB: Int

  public init(vcpus: Int, memoryMiB: Int, diskGiB: Int) {
    self.vcpus = vcpus
    self.memoryMiB = memoryMiB
    self.diskGiB = diskGiB
  }
}

/// A host's inventory and what is taken of it.
public struct HostRecord: Sendable, Hashable {
  /// The node's id, which is its resource provider's id too.
  public var nodeID: String
  public var hostname: String
  public var total: Resources
  public var used: Resources
  /// Servers that hold a claim.
  public var serverCount: Int

  public init(nodeID: String, hostname: String, total: Resources, used: Resources, serverCount: Int) {
    self.nodeID = nodeID
    self.hostname = hostname
    self.total = total
    self.used = used
    self.serverCount = serverCount
  }
}

/// What a server holds of a host.
public struct ClaimRecord: Sendable, Hashable {
  public var serverID: String
  public var nodeID: String
  public var resources: Resources

  public init(serverID: String, nodeID: String, resources: Resources) {
    self.serverID = serverID
    self.nodeID = nodeID
    self.resources = resources
  }
}

/// Why a host cannot take something.
public struct HostRefusal: Sendable, Hashable {
  public enum Reason: Sendable, Hashable {
    case disabled
    /// Not heard of for so many seconds.
    case silent(seconds: Int)
    case vcpus(asked: Int, free: Int)
    case memoryMiB(asked: Int, free: Int)
    case diskGiB(asked: Int, free: Int)
  }
  public var hostname: String
  public var reasons: [Reason]

  public init(hostname: String, reasons: [Reason]) {
    self.hostname = hostname
    self.reasons = reasons
  }
}

/// What the placement service offers the others: the ledger of who holds how much of which host.
public protocol PlacementContract: Sendable {
  /// Claims `resources` for the server on the enabled, living host with the most room and returns it; nil where none
  /// fits. The claim is part of the transaction.
  func claim(
    _ tx: Transaction, serverID: String, projectID: String, userID: String, resources: Resources
  ) throws -> HostRecord?

  /// Gives everything back that the server holds. Idempotent.
  func release(_ tx: Transaction, serverID: String) throws

  /// Why each host refuses `resources`, by hostname; hosts that would take them are left out.
  func refusals(_ tx: Transaction, resources: Resources) throws -> [HostRefusal]

  /// What these servers hold.
  func claims(_ tx: Transaction, servers: [String]) throws -> [ClaimRecord]

  /// The claims of servers whose id comes after `serverID`, by server, at most `limit`.
  func claims(_ tx: Transaction, after serverID: String, limit: Int) throws -> [ClaimRecord]

  /// Writes the ledger's entry for a server that lives on a host already, whatever room is left there, in place of what
  /// it held. Nothing where the host is not known.
  func hold(_ tx: Transaction, _ claim: ClaimRecord, projectID: String, userID: String) throws

  /// Every host with its inventory and use, by hostname.
  func hosts(_ tx: Transaction) throws -> [HostRecord]

  /// Whether new servers may be put on the host.
  func setEnabled(_ tx: Transaction, nodeID: String, _ enabled: Bool) throws
}
