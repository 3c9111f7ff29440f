import Converge
import Kit
import Store

/// Forgets revocations of tokens that have expired meanwhile.
struct RevocationCleanup: Converger {
  let core: IdentityCore
  let name = "identity.revocations"
  let interval: Duration = .seconds(3600)
  let followsChanges = false

  func step() async throws {
    let now = core.now()
    try await core.store.write { tx in try RevocationTable.deleteExpired(tx, at: now) }
  }
}
