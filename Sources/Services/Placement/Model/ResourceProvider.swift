import Contracts
import Kit

/// A host as the ledger sees it.
struct ResourceProvider: Sendable, Hashable {
  /// The node's id.
  var uuid: String
  /// The host's name.
  var name: String
  /// Counts changes of its inventory and of the claims on it.
  var generation: Int
  /// Whether new servers may be put on it.
  var enabled: Bool
  var updatedAt: Timestamp
  var inventories: [ResourceClass: Inventory] = [:]
  /// Consumers that hold something of it.
  var consumerCount = 0

  /// The trait that says that no new servers come.
  static let disabledTrait = "COMPUTE_STATUS_DISABLED"

  var traits: [String] { enabled ? [] : [Self.disabledTrait] }

  func fits(_ amounts: Amounts) -> Bool {
    amounts.allSatisfy { inventories[$0.key]?.fits($0.value) ?? false }
  }

  var record: HostRecord {
    HostRecord(
      nodeID: uuid, hostname: name, total: Resources(inventories.mapValues(\.total)),
      used: Resources(inventories.mapValues(\.used)), serverCount: consumerCount)
  }
}
