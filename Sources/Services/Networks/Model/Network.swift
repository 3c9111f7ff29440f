/// A network: a broadcast domain of its own, or the outside.
struct Network: Sendable {
  /// Smallest and largest MTU taken, in bytes.
  static let mtuRange = 68...1500

  var standard: StandardAttributes
  var adminStateUp = true
  var shared = false
  var external = false
  /// In bytes.
  var mtu = 1500
  var portSecurityEnabled = true
  var isDefault = false
  /// `provider:segmentation_id`: the VNI.
  var segmentationID = 0
  var availabilityZoneHints: [String] = []
  /// Ids of its subnets; filled when it is read.
  var subnetIDs: [String] = []
}
