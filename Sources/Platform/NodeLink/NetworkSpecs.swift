/// A network as a node should hold it: one bridge, one DHCP and metadata namespace.
public struct NetworkSpec: Sendable, Codable, Hashable {
  public struct Subnet: Sendable, Codable, Hashable {
    public struct Route: Sendable, Codable, Hashable {
      public var destination: String
      public var nexthop: String
      public init(destination: String, nexthop: String) {
        self.destination = destination
        self.nexthop = nexthop
      }
    }
    public var id: String
    public var cidr: String
    public var gateway: String?
    public var enableDHCP: Bool
    public var dnsNameservers: [String]
    public var hostRoutes: [Route]
    /// `slaac`, `dhcpv6-stateful`, `dhcpv6-stateless`; nil for IPv4 or where nothing is announced.
    public var ipv6AddressMode: String?
    public var ipv6RAMode: String?

    public init(
      id: String, cidr: String, gateway: String?, enableDHCP: Bool, dnsNameservers: [String], hostRoutes: [Route],
      ipv6AddressMode: String?, ipv6RAMode: String?
    ) {
      self.id = id
      self.cidr = cidr
      self.gateway = gateway
      self.enableDHCP = enableDHCP
      self.dnsNameservers = dnsNameservers
      self.hostRoutes = hostRoutes
      self.ipv6AddressMode = ipv6AddressMode
      self.ipv6RAMode = ipv6RAMode
    }
  }

  /// The port from which DHCP and metadata answer.
  public struct ServicePort: Sendable, Codable, Hashable {
    public var portID: String
    public var mac: String
    /// Address with prefix, `10.0.0.2/24`.
    public var addresses: [String]
    public init(portID: String, mac: String, addresses: [String]) {
      self.portID = portID
      self.mac = mac
      self.addresses = addresses
    }
  }

  public var id: String
  public var projectID: String
  public var mtu: Int
  /// An external network lives on the cloud's external bridge instead of one of its own.
  public var external: Bool
  public var subnets: [Subnet]
  public var dhcpPort: ServicePort?

  public init(
    id: String, projectID: String, mtu: Int, external: Bool, subnets: [Subnet], dhcpPort: ServicePort?
  ) {
    self.id = id
    self.projectID = projectID
    self.mtu = mtu
    self.external = external
    self.subnets = subnets
    self.dhcpPort = dhcpPort
  }
}

/// A server's port as a node should wire it. Its DHCP host entry comes from here too.
public struct PortSpec: Sendable, Codable, Hashable {
  public struct FixedIP: Sendable, Codable, Hashable {
    public var subnetID: String
    public var address: String
    public init(subnetID: String, address: String) {
      self.subnetID = subnetID
      self.address = address
    }
  }
  public struct AddressPair: Sendable, Codable, Hashable {
    public var mac: String
    /// Address or block.
    public var address: String
    public init(mac: String, address: String) {
      self.mac = mac
      self.address = address
    }
  }
  public struct DHCPOption: Sendable, Codable, Hashable {
    /// A name or number of dnsmasq's list; checked where it enters and again where it is written.
    public var name: String
    public var value: String
    public var ipVersion: Int
    public init(name: String, value: String, ipVersion: Int) {
      self.name = name
      self.value = value
      self.ipVersion = ipVersion
    }
  }

  public var id: String
  public var networkID: String
  public var projectID: String
  public var deviceID: String
  public var mac: String
  public var fixedIPs: [FixedIP]
  public var adminStateUp: Bool
  public var portSecurityEnabled: Bool
  public var allowedAddressPairs: [AddressPair]
  public var securityGroupIDs: [String]
  public var hostname: String
  public var extraDHCPOptions: [DHCPOption]

  public init(
    id: String, networkID: String, projectID: String, deviceID: String, mac: String, fixedIPs: [FixedIP],
    adminStateUp: Bool, portSecurityEnabled: Bool, allowedAddressPairs: [AddressPair], securityGroupIDs: [String],
    hostname: String, extraDHCPOptions: [DHCPOption]
  ) {
    self.id = id
    self.networkID = networkID
    self.projectID = projectID
    self.deviceID = deviceID
    self.mac = mac
    self.fixedIPs = fixedIPs
    self.adminStateUp = adminStateUp
    self.portSecurityEnabled = portSecurityEnabled
    self.allowedAddressPairs = allowedAddressPairs
    self.securityGroupIDs = securityGroupIDs
    self.hostname = hostname
    self.extraDHCPOptions = extraDHCPOptions
  }
}

/// The rules of one security group.
public struct SecurityGroupSpec: Sendable, Codable, Hashable {
  public struct Rule: Sendable, Codable, Hashable {
    public enum Direction: String, Sendable, Codable { case ingress, egress }
    public var id: String
    public var direction: Direction
    /// 4 or 6.
    public var ipVersion: Int
    /// IANA protocol number; nil means any.
    public var protocolNumber: Int?
    /// Ports of TCP, UDP, SCTP, DCCP, UDP-Lite; for ICMP the type (`portMin`) and code (`portMax`).
    public var portMin: Int?
    public var portMax: Int?
    /// Block the other side must be in; nil with `remoteGroupID` nil means anyone.
    public var remoteCIDR: String?
    /// The other side must be a member of this group: its addresses are the `addressSet` object of the same id.
    public var remoteGroupID: String?

    public init(
      id: String, direction: Direction, ipVersion: Int, protocolNumber: Int?, portMin: Int?, portMax: Int?,
      remoteCIDR: String?, remoteGroupID: String?
    ) {
      self.id = id
      self.direction = direction
      self.ipVersion = ipVersion
      self.protocolNumber = protocolNumber
      self.portMin = portMin
      self.portMax = portMax
      self.remoteCIDR = remoteCIDR
      self.remoteGroupID = remoteGroupID
    }
  }
  public var id: String
  public var stateful: Bool
  public var rules: [Rule]

  public init(id: String, stateful: Bool, rules: [Rule]) {
    self.id = id
    self.stateful = stateful
    self.rules = rules
  }
}

/// The addresses of a security group's members: an object of its own, so that one change rewrites no port.
public struct AddressSetSpec: Sendable, Codable, Hashable {
  public var id: String
  /// Addresses or blocks, IPv4 and IPv6 together.
  public var addresses: [String]

  public init(id: String, addresses: [String]) {
    self.id = id
    self.addresses = addresses
  }
}

/// A router as a node should hold it: one namespace.
public struct RouterSpec: Sendable, Codable, Hashable {
  public struct Interface: Sendable, Codable, Hashable {
    public var portID: String
    public var networkID: String
    public var mac: String
    /// Address with prefix.
    public var addresses: [String]
    /// IPv6 subnets of this interface that are announced by router advertisements.
    public var advertised: [NetworkSpec.Subnet]
    public var mtu: Int

    public init(
      portID: String, networkID: String, mac: String, addresses: [String], advertised: [NetworkSpec.Subnet], mtu: Int
    ) {
      self.portID = portID
      self.networkID = networkID
      self.mac = mac
      self.addresses = addresses
      self.advertised = advertised
      self.mtu = mtu
    }
  }
  public struct Gateway: Sendable, Codable, Hashable {
    public var portID: String
    public var networkID: String
    public var mac: String
    /// Address with prefix, on the external network.
    public var addresses: [String]
    /// Default gateways, at most one of each IP version.
    public var nexthops: [String]
    public var enableSNAT: Bool
    public var mtu: Int

    public init(
      portID: String, networkID: String, mac: String, addresses: [String], nexthops: [String], enableSNAT: Bool,
      mtu: Int
    ) {
      self.portID = portID
      self.networkID = networkID
      self.mac = mac
      self.addresses = addresses
      self.nexthops = nexthops
      self.enableSNAT = enableSNAT
      self.mtu = mtu
    }
  }
  public struct FloatingIP: Sendable, Codable, Hashable {
    public var id: String
    public var floating: String
    public var fixed: String
    public init(id: String, floating: String, fixed: String) {
      self.id = id
      self.floating = floating
      self.fixed = fixed
    }
  }

  public var id: String
  public var projectID: String
  public var adminStateUp: Bool
  public var interfaces: [Interface]
  public var gateway: Gateway?
  public var floatingIPs: [FloatingIP]
  public var routes: [NetworkSpec.Subnet.Route]

  public init(
    id: String, projectID: String, adminStateUp: Bool, interfaces: [Interface], gateway: Gateway?,
    floatingIPs: [FloatingIP], routes: [NetworkSpec.Subnet.Route]
  ) {
    self.id = id
    self.projectID = projectID
    self.adminStateUp = adminStateUp
    self.interfaces = interfaces
    self.gateway = gateway
    self.floatingIPs = floatingIPs
    self.routes = routes
  }
}
