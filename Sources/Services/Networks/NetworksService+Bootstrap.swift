public import Kit
import Store

extension NetworksService {
  /// The name of the external network that a new cloud has.
  public static let externalName = "public"

  /// The cloud's external network, made where it is not there: the administrators' project's, with a subnet whose
  /// gateway is the block's first address and whose pool begins at the tenth. Idempotent; returns the network's id.
  /// Throws `StoreError`, and `NetworkBootstrapError` for a block that is too small.
  public func bootstrapExternal(cidr: CIDR, projectID: String) async throws -> String {
    let poolStart = 10
    guard cidr.version == 4, cidr.prefix <= 27, let gateway = cidr.network.advanced(by: 1),
      let start = cidr.network.advanced(by: poolStart), let end = cidr.last.advanced(by: -1)
    else { throw NetworkBootstrapError.blockTooSmall(cidr) }
    return try await write(requestID: nil) { change in
      let existing = try change.tx.first(
        "SELECT id FROM network WHERE project_id = \(projectID) AND external = 1 ORDER BY created_at LIMIT 1"
      ) { $0.text(0) }
      if let existing { return existing }
      var network = Network(standard: StandardAttributes(projectID: projectID, name: Self.externalName))
      network.external = true
      network.isDefault = true
      network.mtu = NetworkRules.mtuOutside
      network.segmentationID = try NetworkRules.freeSegment(change)
      try change.tx.insert(network)
      var subnet = Subnet(
        standard: StandardAttributes(projectID: projectID, name: Self.externalName + "-subnet"), networkID: network.id,
        cidr: cidr)
      subnet.gateway = gateway
      subnet.enableDHCP = false
      subnet.pools = [Subnet.Pool(start: start, end: end)]
      try change.tx.insert(subnet)
      return network.id
    }
  }
}

/// Why the external network could not be made.
public enum NetworkBootstrapError: Error, Sendable {
  /// IPv4 with at least 32 addresses is needed.
  case blockTooSmall(CIDR)
}
