import Converge
import Kit
import Logging
import Store

/// Forgets for good what was deleted longer ago than it is kept.
struct DeletedCleanup: Converger {
  /// Entries forgotten in one transaction.
  private static let countMax = 50
  /// When somebody logged in last is forgotten after so long.
  private static let useKeptSeconds: Double = 400 * 86_400

  let core: IdentityCore
  let name = "identity.deleted"
  let interval: Duration = .seconds(3600)
  let followsChanges = false

  func step() async throws {
    let now = core.now()
    var purged = 0
    while true {
      let count = try await core.store.write { tx in try DeletedTable.purge(tx, at: now, countMax: Self.countMax) }
      purged += count
      if count < Self.countMax { break }
    }
    try await core.store.write { tx in
      try LastUseTable.purge(tx, before: now.adding(seconds: -Self.useKeptSeconds))
    }
    if purged > 0 { core.logger.info("deleted things forgotten", metadata: ["count": "\(purged)"]) }
  }
}
