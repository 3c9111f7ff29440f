import Kit
import Logging
import Store
import Synchronization

/// Remembers what was noted within the last minute, so that many logins a second cost one write a minute.
final class LastUse: Sendable {
  enum Kind: String, Sendable {
    case user, applicationCredential = "application_credential", credential
  }

  struct Key: Sendable, Hashable {
    var kind: Kind
    var id: String
  }

  /// Between two notes of the same, in seconds.
  static let accuracySeconds: Double = 60
  /// Remembered at the most; then all are forgotten, and noted again.
  private static let keysMax = 20_000

  private let noted = Mutex<[Key: Timestamp]>([:])

  /// Whether a use is to be written: the first of its minute.
  func isNews(_ key: Key, at now: Timestamp) -> Bool {
    noted.withLock { noted in
      if let last = noted[key], abs(now.seconds(since: last)) < Self.accuracySeconds { return false }
      if noted.count >= Self.keysMax { noted.removeAll() }
      noted[key] = now
      return true
    }
  }
}

extension IdentityCore {
  /// Notes who logged in; a token got by a token is no login.
  func noteUse(_ payload: TokenPayload) async {
    if payload.methods.contains(.token) { return }
    if let id = payload.applicationCredentialID { await noteUse(.applicationCredential, id) }
    await noteUse(.user, payload.userID)
  }

  func noteUse(_ kind: LastUse.Kind, _ id: String) async {
    let now = now()
    let key = LastUse.Key(kind: kind, id: id)
    guard lastUse.isNews(key, at: now) else { return }
    do {
      try await store.write { tx in try LastUseTable.note(tx, key, at: now) }
    } catch {
      // The login was right, and stays so.
      logger.warning("a login's time was not kept", metadata: ["error": "\(error)"])
    }
  }
}
