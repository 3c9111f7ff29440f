import Auth
import Store

/// Bringing users from elsewhere. No route takes a hash.
extension IdentityService {
  /// A hash that nobody can be checked against, or a user who is not there.
  public struct ImportFailure: Error, CustomStringConvertible {
    public let description: String
  }

  /// Gives a user the password whose hash Keystone kept (bcrypt, bcrypt_sha256, scrypt or pbkdf2_sha512), and voids its
  /// tokens. The hash becomes one of ours when the user next logs in, unless it is stronger. Throws `ImportFailure` or
  /// `StoreError`.
  public func importPasswordHash(_ hash: String, user id: String) async throws {
    guard PasswordHasher.reads(hash) else { throw ImportFailure(description: "this is no hash that can be checked") }
    let rules = PasswordRules(core: core)
    try await core.store.write { tx in
      guard try UserTable.login(tx, id) != nil else { throw ImportFailure(description: "there is no user \(id)") }
      try rules.set(tx, id, hash: hash, selfService: true)
    }
  }
}
