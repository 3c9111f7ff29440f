import Kit

/// A place on a network: a MAC, its addresses, and who uses it.
struct Port: Sendable {
  struct FixedIP: Sendable, Hashable {
    var subnetID: String
    var address: String
  }
  struct AddressPair: Sendable, Hashable {
    var address: String
    var mac: String
  }
  struct DHCPOption: Sendable, Hashable {
    var name: String
    var value: String
    var ipVersion: Int
  }
  /// Bounds of one port's lists.
  static let fixedIPsMax = 20
  static let addressPairsMax = 10
  static let dhcpOptionsMax = 20
  static let securityGroupsMax = 50

  var standard: StandardAttributes
  var networkID: String
  var mac: MACAddress
  var adminStateUp = true
  var deviceID = ""
  var deviceOwner = ""
  var portSecurityEnabled = true
  var addressPairs: [AddressPair] = []
  var dhcpOptions: [DHCPOption] = []
  var dnsName = ""
  /// DNS-safe name of the server, for DHCP.
  var hostname = ""
  /// The server it is attached to: said by the compute service alone, never by a user's `device_id`.
  var serverID: String?
  /// The node that should wire it; nil while it is bound to none.
  var nodeID: String?
  /// `binding:host_id`.
  var host = ""
  var vnicType = "normal"
  var bindingProfile = "{}"
  /// Observed: its node has wired it as asked.
  var ready = false
  /// Place among its server's cards.
  var cardPosition = 0
  var cardTag: String?
  /// Made when the server was, and deleted with it.
  var madeForServer = false

  var fixedIPs: [FixedIP] = []
  var securityGroupIDs: [String] = []

  /// Whether the cloud uses it for itself.
  var isService: Bool { deviceOwner.hasPrefix(DeviceOwner.networkPrefix) }

  /// Computed from asked and observed.
  var status: String {
    if deviceOwner == DeviceOwner.floatingIP { return "N/A" }
    return ready && adminStateUp ? "ACTIVE" : "DOWN"
  }
}
