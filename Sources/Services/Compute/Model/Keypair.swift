import Kit

/// A user's public key.
struct Keypair: Sendable {
  var userID: String
  var name: String
  var number: Int
  /// `ssh`.
  var type: String
  var publicKey: String
  /// MD5 of the key's bytes with colons.
  var fingerprint: String
  var createdAt: Timestamp
}
