/// A router between networks, with or without a way out.
struct Router: Sendable {
  static let routesMax = 30

  var standard: StandardAttributes
  var adminStateUp = true
  var enableSNAT = true
  var routes: [Subnet.Route] = []
  var availabilityZoneHints: [String] = []
  /// The port on the external network; nil without a gateway.
  var gatewayPortID: String?
  /// Filled when it is read.
  var gatewayNetworkID: String?
  var gatewayFixedIPs: [Port.FixedIP] = []
}
