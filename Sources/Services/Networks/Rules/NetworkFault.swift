import API
import Kit

/// The faults of the network service, in Neutron's words for their types.
enum NetworkFault {
  static func invalid(_ message: String) -> Fault {
    .badRequest("Invalid input for operation: \(message).", type: "InvalidInput")
  }
  static func networkInUse(_ id: String) -> Fault {
    .conflict(
      "Unable to complete operation on network \(id). There are one or more ports still in use on the network.",
      type: "NetworkInUse")
  }
  static func subnetInUse(_ id: String, _ reason: String) -> Fault {
    .conflict("Unable to complete operation on subnet \(id): \(reason).", type: "SubnetInUse")
  }
  static func portInUse(_ port: Port) -> Fault {
    .conflict(
      "Unable to complete operation on port \(port.id) for network \(port.networkID). Port already has an attached "
        + "device \(port.deviceID).", type: "PortInUse")
  }
  static func servicePort(_ port: Port) -> Fault {
    .conflict(
      "Port \(port.id) cannot be changed or deleted directly via the port API: has device owner \(port.deviceOwner).",
      type: "ServicePortInUse")
  }
  static func addressTaken(_ address: String, _ subnetID: String) -> Fault {
    .conflict("IP address \(address) already allocated in subnet \(subnetID)", type: "IpAddressAlreadyAllocated")
  }
  static func forbidden(_ permission: String) -> Fault {
    .forbidden("Policy doesn't allow \(permission) to be performed.")
  }
}
