public import NodeLink

/// All that this host's network should be: complete. What is not named here is left alone unless it is in `removed`.
public struct NetworkIntent: Sendable {
  public var networks: [String: NetworkSpec] = [:]
  public var ports: [String: PortSpec] = [:]
  public var routers: [String: RouterSpec] = [:]
  public var securityGroups: [String: SecurityGroupSpec] = [:]
  public var addressSets: [String: AddressSetSpec] = [:]
  /// Objects with a tombstone: take them down.
  public var removed: Set<ObjectKey> = []

  public init() {}
}

/// How one object of the intent stands after an `apply`.
public struct NetworkOutcome: Sendable, Hashable {
  public var ready: Bool
  /// Why not: type and message of a `Condition`.
  public var problemType: String?
  public var problem: String?
  public init(ready: Bool, problemType: String? = nil, problem: String? = nil) {
    self.ready = ready
    self.problemType = problemType
    self.problem = problem
  }
}

/// Something of the host's network that was not as asked, and what the look did about it. The agent knows whether that
/// was drift, or only the first making of something new.
public struct NetworkChange: Sendable, Hashable {
  /// What is said to be done about a device that was made anew: who held the old one holds nothing.
  public static let madeAgain = "made again"

  /// The object it was made for; nil for what belongs to the host as a whole.
  public var key: ObjectKey?
  public var field: DriftField
  public var asked: String
  public var found: String
  /// What was done: `made again`, `set up`, `loaded again`.
  public var done: String
  public init(key: ObjectKey?, field: DriftField, asked: String, found: String, done: String) {
    self.key = key
    self.field = field
    self.asked = asked
    self.found = found
    self.done = done
  }
}

/// What one look at the network came to.
public struct NetworkResult: Sendable {
  public var outcomes: [ObjectKey: NetworkOutcome]
  public var changes: [NetworkChange]
  /// Bridges that carry no cloud's mark: left alone.
  public var foreignBridges: [String]
  /// Ports whose tap is there and held by nobody (it has no carrier). Where a guest with such a card runs, its card
  /// hangs on a tap that is gone.
  public var unplugged: Set<String>
  public init(
    outcomes: [ObjectKey: NetworkOutcome] = [:], changes: [NetworkChange] = [], foreignBridges: [String] = [],
    unplugged: Set<String> = []
  ) {
    self.unplugged = unplugged
    self.outcomes = outcomes
    self.changes = changes
    self.foreignBridges = foreignBridges
  }
}

/// A guest asks for metadata: known by its network and source address, nothing else.
public struct MetadataRequest: Sendable, Hashable {
  public var networkID: String
  public var sourceAddress: String
  public var path: String
  public init(networkID: String, sourceAddress: String, path: String) {
    self.networkID = networkID
    self.sourceAddress = sourceAddress
    self.path = path
  }
}

public struct MetadataReply: Sendable, Hashable {
  public var status: Int
  public var contentType: String
  public var body: [UInt8]
  public init(status: Int, contentType: String, body: [UInt8]) {
    self.status = status
    self.contentType = contentType
    self.body = body
  }
}

/// What drives the network of one host. Only what carries this cloud's tag is seen or touched.
public protocol DataplaneDriver: Sendable {
  /// Compares the intent with the host and makes it so; idempotent. One bad object makes only itself not ready.
  /// Ports become wired before this returns: tap made, on its bridge, rules in place before the link comes up.
  func apply(_ intent: NetworkIntent) async -> NetworkResult
  /// The way of a port's packets as it is now, from the tap outwards; nil for a port this host does not hold.
  func packetPath(portID: String) async -> PacketPath?
  /// The tap of a port, whether it is there or not.
  func tap(portID: String) -> String
  /// The host's interfaces, rules or daemons changed in a way that `apply` should look at.
  func events() -> AsyncStream<Void>
  /// Answers guests' metadata requests from now on.
  func serveMetadata(_ answer: @escaping @Sendable (MetadataRequest) async -> MetadataReply) async throws
}
