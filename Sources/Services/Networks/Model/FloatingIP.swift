/// An address of an external network that can be pointed at a port.
struct FloatingIP: Sendable {
  struct PortDetails: Sendable {
    var name: String
    var networkID: String
    var mac: String
    var adminStateUp: Bool
    var status: String
    var deviceID: String
    var deviceOwner: String
  }

  var standard: StandardAttributes
  var externalNetworkID: String
  /// The port that holds the address on the external network.
  var externalPortID: String
  var address: String
  var portID: String?
  var fixedAddress: String?
  var routerID: String?
  /// Filled when it is read.
  var portDetails: PortDetails?

  var status: String { portID == nil ? "DOWN" : "ACTIVE" }
}
