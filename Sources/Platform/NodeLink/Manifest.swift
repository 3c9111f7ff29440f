/// The kinds of object a node can be asked to hold.
public enum ObjectKind: String, Sendable, Codable, CaseIterable {
  case server, network, port, router
  case securityGroup = "security_group"
  case addressSet = "address_set"
}

/// Names one object of a manifest.
public struct ObjectKey: Sendable, Hashable, Codable, CustomStringConvertible {
  public var kind: ObjectKind
  public var id: String

  public init(_ kind: ObjectKind, _ id: String) {
    self.kind = kind
    self.id = id
  }

  public var description: String { "\(kind.rawValue)/\(id)" }
}

/// What a node should hold of one object: complete, and stamped with a generation that only grows.
public struct ManifestObject: Sendable, Codable {
  public var key: ObjectKey
  public var generation: Int64
  /// The request that asked for this generation; nil where the cloud itself did.
  public var requestID: String?
  public var spec: ObjectSpec
  /// Control's mark of the content, which the node says back in `Hello.Held`; nil from an older control.
  public var digest: String?

  public init(key: ObjectKey, generation: Int64, requestID: String?, spec: ObjectSpec, digest: String? = nil) {
    self.key = key
    self.generation = generation
    self.requestID = requestID
    self.spec = spec
    self.digest = digest
  }
}

/// The order to delete one object, up to and including a generation. Nothing else deletes: absence never does.
public struct Tombstone: Sendable, Codable, Hashable {
  public var key: ObjectKey
  public var generation: Int64
  public var requestID: String?

  public init(key: ObjectKey, generation: Int64, requestID: String?) {
    self.key = key
    self.generation = generation
    self.requestID = requestID
  }
}

/// The asked state of one object, by kind.
public enum ObjectSpec: Sendable, Codable, Hashable {
  case server(ServerSpec)
  case network(NetworkSpec)
  case port(PortSpec)
  case router(RouterSpec)
  case securityGroup(SecurityGroupSpec)
  case addressSet(AddressSetSpec)
}
