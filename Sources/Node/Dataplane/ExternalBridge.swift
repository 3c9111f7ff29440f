/// The bridge that external networks are on: floating IPs and routers' gateways.
public struct ExternalBridge: Sendable, Hashable {
  /// One of the cloud's own names (`CloudTag.interface(.external, "")`), made and kept by the data plane, or a bridge
  /// of the operator's, which is only used.
  public var name: String
  /// Address with prefix put on our own bridge, so that the host itself reaches floating IPs; nil for none.
  public var address: String?
  /// Whether the host forwards what comes from this bridge and masquerades it. Otherwise it forwards nothing.
  public var masquerade: Bool
  /// TCP ports of the host that guests may reach by our own bridge, say the API's. Else they get ICMP and answers.
  public var hostPorts: [UInt16]

  public init(name: String, address: String? = nil, masquerade: Bool = false, hostPorts: [UInt16] = []) {
    self.name = name
    self.address = address
    self.masquerade = masquerade
    self.hostPorts = hostPorts
  }
}
