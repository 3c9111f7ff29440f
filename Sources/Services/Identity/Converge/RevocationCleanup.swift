import Converge
import Kit
import Store

/// Forgets revocations of tokens that nobody can see any more, groups of federated logins whose time is over,
/// signatures that are too old by now, and OAuth 1.0a tokens that have ended.
struct RevocationCleanup: Converger {
  let core: IdentityCore
  let name = "identity.revocations"
  let interval: Duration = .seconds(3600)
  let followsChanges = false

  func step() async throws {
    let now = core.now()
    let oldest = now.adding(seconds: -core.settings.tokenSeconds - RevocationEventTable.keptLonger)
    try await core.store.write { tx in
      // A token that has ended can still be validated for a while: till then it must be known that it was revoked.
      let unseen = now.adding(seconds: -core.settings.expiredTokenSeconds)
      try RevocationTable.deleteExpired(tx, at: unseen)
      try AccessTokenTable.deleteExpired(tx, at: unseen)
      try RequestTokenTable.deleteExpired(tx, at: now)
      try CredentialTable.forgetSignatures(tx, before: now)
      try RevocationEventTable.deleteOld(tx, before: oldest)
      try FederatedUserTable.deleteExpiredGroups(tx, at: now)
    }
  }
}
