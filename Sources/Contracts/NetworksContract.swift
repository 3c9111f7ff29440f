public import Auth
public import Store

/// One network card a new server or an attach asks for.
public enum CardRequest: Sendable, Hashable {
  /// A port that exists: the caller's, unbound.
  case port(id: String, tag: String?)
  /// A new port on a network the caller may use; `fixedIP` an address of one of its subnets.
  case network(id: String, fixedIP: String?, tag: String?)
}

/// A server's port as the compute service needs it.
public struct ServerPort: Sendable, Hashable {
  public struct Address: Sendable, Hashable {
    public var address: String
    public var version: Int
    /// `fixed` or `floating`.
    public var type: String
    public var subnetID: String
    public init(address: String, version: Int, type: String, subnetID: String) {
      self.address = address
      self.version = version
      self.type = type
      self.subnetID = subnetID
    }
  }
  public struct Subnet: Sendable, Hashable {
    public var id: String
    public var cidr: String
    public var version: Int
    public var gateway: String?
    public var dnsNameservers: [String]
    public var enableDHCP: Bool
    public var ipv6AddressMode: String?
    public init(
      id: String, cidr: String, version: Int, gateway: String?, dnsNameservers: [String], enableDHCP: Bool,
      ipv6AddressMode: String?
    ) {
      self.id = id
      self.cidr = cidr
      self.version = version
      self.gateway = gateway
      self.dnsNameservers = dnsNameservers
      self.enableDHCP = enableDHCP
      self.ipv6AddressMode = ipv6AddressMode
    }
  }

  public var id: String
  public var serverID: String
  public var networkID: String
  public var networkName: String
  public var mac: String
  public var mtu: Int
  /// `ACTIVE`, `DOWN`, `BUILD`.
  public var status: String
  /// Fixed addresses, each followed by the floating one that points at it.
  public var addresses: [Address]
  /// Subnets of the fixed addresses.
  public var subnets: [Subnet]
  public var tag: String?
  public var securityGroupNames: [String]
  /// Ids of the same groups, in the same order.
  public var securityGroupIDs: [String]

  public init(
    id: String, serverID: String, networkID: String, networkName: String, mac: String, mtu: Int, status: String,
    addresses: [Address], subnets: [Subnet], tag: String?, securityGroupNames: [String], securityGroupIDs: [String] = []
  ) {
    self.id = id
    self.serverID = serverID
    self.networkID = networkID
    self.networkName = networkName
    self.mac = mac
    self.mtu = mtu
    self.status = status
    self.addresses = addresses
    self.subnets = subnets
    self.tag = tag
    self.securityGroupNames = securityGroupNames
    self.securityGroupIDs = securityGroupIDs
  }
}

/// What the network service offers the others.
public protocol NetworksContract: Sendable {
  /// Gives a server its cards, in order, on `nodeID`: creates ports or binds existing ones (device_owner
  /// `compute:nova`), and puts what they need into the node's manifest. `requests` nil means `auto`/nothing said:
  /// the project's only network (or a shared one), refused where it is ambiguous; no network at all is no card.
  /// `securityGroups`: names or ids for new ports; empty is the project's default group.
  /// `nodeID` nil: the server has no host (none fits); ports are created unbound.
  /// Throws the compute API's own `API.Fault` (400, 403 over quota, 404→400, 409 port in use).
  func attach(
    _ tx: Transaction, server: ServerReference, requests: [CardRequest]?, securityGroups: [String],
    principal: Principal, nodeID: String?, requestID: String
  ) throws -> [ServerPort]

  /// Takes ports off a server: those made for it are deleted, the others unbound. Unknown ids are ignored.
  func detach(_ tx: Transaction, serverID: String, portIDs: [String], requestID: String) throws

  /// `detach` of everything the server has.
  func release(_ tx: Transaction, serverID: String, requestID: String) throws

  /// The ports of many servers at once, each server's in the order they were attached. What it says changes only with
  /// an entry of the change feed: of a port, network, subnet, floating IP or security group.
  func ports(_ tx: Transaction, servers: [String]) throws -> [String: [ServerPort]]

  /// Ids of the servers that have ports, after `serverID`, in order, at most `limit`.
  func servers(_ tx: Transaction, after serverID: String, limit: Int) throws -> [String]

  /// Adds or removes a security group (name or id of the server's project) on all ports of a server.
  /// Throws `API.Fault` 404 where there is none such.
  func setSecurityGroup(
    _ tx: Transaction, serverID: String, projectID: String, group: String, present: Bool, requestID: String) throws

  /// A renamed server's ports answer DNS under the new hostname: call when it changes.
  func serverRenamed(_ tx: Transaction, serverID: String, hostname: String) throws
}

/// The server a port is attached to.
public struct ServerReference: Sendable, Hashable {
  public var id: String
  public var projectID: String
  /// DNS-safe name, for DHCP.
  public var hostname: String
  public init(id: String, projectID: String, hostname: String) {
    self.id = id
    self.projectID = projectID
    self.hostname = hostname
  }
}

/// Told by the network service when a server's ports changed in a way its guest or its metadata should know.
public protocol PortFollower: Sendable {
  /// The addresses or cards of these servers changed.
  func portsChanged(_ tx: Transaction, servers: [String], requestID: String?) throws
}
