import Contracts
import Kit
import Store

/// The ledger as those read and repair it who know what should stand in it.
extension PlacementRules {
  /// Why each host refuses the amounts, by hostname; those that would take them are left out.
  static func refusals(_ tx: Transaction, _ resources: Resources, at now: Timestamp) throws -> [HostRefusal] {
    let seen = Dictionary(
      try tx.query("SELECT provider, at FROM resource_provider_seen") { ($0.text(0), $0.time(1)) },
      uniquingKeysWith: { $1 })
    return try ProviderTable.list(tx).compactMap { provider in
      var reasons: [HostRefusal.Reason] = provider.enabled ? [] : [.disabled]
      let silence = seen[provider.uuid].map { now.seconds(since: $0) } ?? 0
      if silence > silenceSecondsMax { reasons.append(.silent(seconds: Int(silence))) }
      for resource in ResourceClass.allCases {
        guard let asked = resources.amounts[resource] else { continue }
        let inventory = provider.inventories[resource]
        if inventory?.fits(asked) == true { continue }
        let free = min(inventory?.free ?? 0, inventory?.total ?? 0)
        switch resource {
        case .vcpu: reasons.append(.vcpus(asked: asked, free: free))
        case .memory: reasons.append(.memoryMiB(asked: asked, free: free))
        case .disk: reasons.append(.diskGiB(asked: asked, free: free))
        }
      }
      return reasons.isEmpty ? nil : HostRefusal(hostname: provider.name, reasons: reasons)
    }
  }

  /// What the consumers hold that `which` names, one record for each host; who holds nothing has one of no host.
  static func claims(_ tx: Transaction, _ which: SQL) throws -> [ClaimRecord] {
    let rows = try tx.query(
      """
      SELECT c.uuid, a.provider, a.class, a.used
      FROM (SELECT uuid FROM consumer WHERE \(which)) c
      LEFT JOIN allocation a ON a.consumer = c.uuid ORDER BY c.uuid, a.provider
      """
    ) { ($0.text(0), $0.textOrNil(1) ?? "", ResourceClass(rawValue: $0.textOrNil(2) ?? ""), $0.intOrNil(3) ?? 0) }
    var claims: [ClaimRecord] = []
    var amounts: Amounts = [:]
    for (consumer, provider, resource, used) in rows {
      if claims.last.map({ ($0.serverID, $0.nodeID) != (consumer, provider) }) ?? true {
        claims.append(ClaimRecord(serverID: consumer, nodeID: provider, resources: Resources([:])))
        amounts = [:]
      }
      if let resource { amounts[resource] = used }
      claims[claims.count - 1].resources = Resources(amounts)
    }
    return claims
  }

  /// Writes what a server that lives on a host holds of it, whatever room is left. Nothing where the host is not known.
  static func hold(
    _ tx: Transaction, _ claim: ClaimRecord, projectID: String, userID: String, at now: Timestamp
  ) throws {
    guard try ProviderTable.find(tx, claim.nodeID) != nil else { return }
    try release(tx, consumer: claim.serverID, at: now)
    try AllocationTable.insert(
      tx, consumer: claim.serverID, projectID: projectID, userID: userID, provider: claim.nodeID,
      claim.resources.amounts, at: now)
    try ProviderTable.touch(tx, uuid: claim.nodeID, at: now)
  }
}
