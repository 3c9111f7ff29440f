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
}

/// What a login needs to know of a user.
struct UserLogin: Sendable {
  var id: String
  var enabled: Bool
  var passwordHash: String?
  /// Logins that failed since the last that did not.
  var failedLogins: Int
  var lastFailedAt: Timestamp?
  var options: [String: JSONValue]
  var defaultProjectID: String?
  var tokenGeneration: Int
}
