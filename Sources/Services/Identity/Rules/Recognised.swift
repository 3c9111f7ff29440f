import Auth
import Kit
import Store

/// Who was recognised, by what, and what bounds the token that comes of it.
struct Recognised: Sendable {
  /// Looks once more, in the final transaction, at what was found outside of it. Throws `Fault` 401.
  typealias Recheck = @Sendable (_ tx: Transaction, _ user: UserLogin, _ now: Timestamp) throws -> Void
  /// What a login changes or uses up: a passcode, one use of a trust. Throws `Fault` 401.
  typealias Use = @Sendable (_ tx: Transaction, _ now: Timestamp) throws -> Void

  var userID: String
  var methods: TokenPayload.Methods
  /// The token that it was exchanged for.
  var parent: TokenPayload?
  var applicationCredentialID: String?
  var trustID: String?
  /// The trustor's, as the trust was entered.
  var trustorGeneration = 0
  /// The OAuth 1.0a access token.
  var accessTokenID: String?
  var federation: Principal.Federation?
  /// The new token ends then at the latest.
  var expiresAt: Timestamp?
  /// The scope that it brings; nil leaves it to the request.
  var scope: AuthRequest.Scope?
  var rechecks: [Recheck] = []
  /// With any, the final transaction writes.
  var uses: [Use] = []

  init(userID: String, methods: TokenPayload.Methods) {
    self.userID = userID
    self.methods = methods
  }

  /// Both together. Throws `Fault` 401 where they are not the same user.
  func merged(with other: Recognised) throws -> Recognised {
    guard userID == other.userID, parent == nil || other.parent == nil, !isDelegated, !other.isDelegated else {
      throw LoginRules.refusal
    }
    var both = self
    both.methods.formUnion(other.methods)
    both.parent = parent ?? other.parent
    both.applicationCredentialID = applicationCredentialID ?? other.applicationCredentialID
    both.trustID = trustID ?? other.trustID
    both.trustorGeneration = trustID == nil ? other.trustorGeneration : trustorGeneration
    both.accessTokenID = accessTokenID ?? other.accessTokenID
    both.federation = federation ?? other.federation
    both.expiresAt = [expiresAt, other.expiresAt].compactMap { $0 }.min()
    both.scope = scope ?? other.scope
    both.rechecks += other.rechecks
    both.uses += other.uses
    return both
  }

  /// Whether it is another's gift, which brings its own scope and stands alone.
  var isDelegated: Bool { applicationCredentialID != nil || accessTokenID != nil || methods.contains(.ec2credential) }
}
