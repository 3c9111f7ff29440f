import Kit

/// A user as administrators see it. Its password's hash is not part of it.
struct User: Sendable {
  var id: String
  var domainID: String
  var name: String
  var enabled: Bool
  var defaultProjectID: String?
  var options: [String: JSONValue]
  var extra: [String: JSONValue]
  /// When its password ends; nil where it does not end by itself, or there is none.
  var passwordExpiresAt: Timestamp?
  /// When it last logged in; where that was never, when it was made. Is read, never written with a user.
  var lastActiveAt: Timestamp?
}
