/// What holds for what users hand on. Times are in seconds.
extension IdentitySettings {
  /// The keys of credentials are rotated when the staged one is this old.
  var credentialKeyRotationSeconds: Double { 30 * 86_400 }
  /// Keys of credentials kept. What was deleted and can be restored is not sealed anew: its key must still be there.
  var credentialKeysMax: Int { 3 + Int((deletedSeconds / credentialKeyRotationSeconds).rounded(.up)) }
  /// How far from now the time of a signed request may be.
  var signatureSeconds: Double { 900 }
  /// How long an OAuth 1.0a request token waits for a user's word, and how long the access token then lives.
  var requestTokenSeconds: Double { 28_800 }
  var accessTokenSeconds: Double { 86_400 }
  /// How often a trust may be handed on at the most.
  var redelegationsMax: Int { 3 }
}
