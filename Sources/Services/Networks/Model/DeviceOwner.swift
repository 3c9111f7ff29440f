/// Who uses a port: the words of `device_owner`.
enum DeviceOwner {
  static let dhcp = "network:dhcp"
  static let routerInterface = "network:router_interface"
  static let routerGateway = "network:router_gateway"
  static let floatingIP = "network:floatingip"
  /// A server's port, whatever its availability zone.
  static let computePrefix = "compute:"
  static let computeNova = "compute:nova"
  /// What the cloud itself uses: never said by a user.
  static let networkPrefix = "network:"
}
