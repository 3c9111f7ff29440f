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
  func apply(_ intent: NetworkIntent) async -> [ObjectKey: NetworkOutcome]
  /// The tap of a port, whether it is there or not.
  func tap(portID: String) -> String
  /// The host's interfaces, rules or daemons changed in a way that `apply` should look at.
  func events() -> AsyncStream<Void>
  /// Answers guests' metadata requests from now on.
  func serveMetadata(_ answer: @escaping @Sendable (MetadataRequest) async -> MetadataReply) async throws
}
