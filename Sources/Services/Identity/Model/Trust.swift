import Auth
import Kit

/// What one user (the trustor) lets another (the trustee) do in its stead: some of its roles in one project.
struct Trust: Sendable {
  var id: String
  var trustorID: String
  var trusteeID: String
  /// nil: the trust gives no roles.
  var projectID: String?
  /// Whether tokens by it speak as the trustor.
  var impersonation: Bool
  var expiresAt: Timestamp?
  /// Logins that are left; nil is without end.
  var remainingUses: Int?
  /// The trust that it hands on.
  var redelegatedTrustID: String?
  /// How often it may be handed on.
  var redelegationCount: Int
  /// Ids of the roles it was made with; empty in lists. A role that is gone stays here, and the trust is worth nothing.
  var roleIDs: [String] = []
  var extra: [String: JSONValue]

  /// Whether it has ended by itself: by its time or by its uses.
  func isSpent(at now: Timestamp) -> Bool { expiresAt.map { $0 <= now } ?? false || remainingUses == 0 }
}
