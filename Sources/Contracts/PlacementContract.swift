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

/// What the placement service offers the others: the ledger of who holds how much of which host.
public protocol PlacementContract: Sendable {
  /// Claims `resources` for the server on the enabled, living host with the most room and returns it; nil where none
  /// fits. The claim is part of the transaction.
  func claim(
    _ tx: Transaction, serverID: String, projectID: String, userID: String, resources: Resources
  ) throws -> HostRecord?

  /// Gives everything back that the server holds. Idempotent.
  func release(_ tx: Transaction, serverID: String) throws

  /// Every host with its inventory and use, by hostname.
  func hosts(_ tx: Transaction) throws -> [HostRecord]

  /// Whether new servers may be put on the host.
  func setEnabled(_ tx: Transaction, nodeID: String, _ enabled: Bool) throws
}
