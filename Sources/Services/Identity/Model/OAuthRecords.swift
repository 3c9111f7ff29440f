import Kit

/// A program that may ask users for access (OAuth 1.0a).
struct Consumer: Sendable {
  var id: String
  var description: String?
  /// Shown when it is made.
  var secret: Secret<String>
  var extra: [String: JSONValue]
}

/// A consumer's question to a user, and the user's answer once there is one.
struct RequestToken: Sendable {
  var id: String
  var consumerID: String
  var projectID: String
  var secret: Secret<String>
  var expiresAt: Timestamp
  /// Who authorised it, with which roles (ids); nil as long as nobody has.
  var userID: String?
  var roleIDs: [String] = []
  /// What the user hands to the consumer to show that it agreed.
  var verifier: Secret<String>?
}

/// What a consumer logs in with for a user.
struct AccessToken: Sendable {
  var id: String
  var consumerID: String
  var userID: String
  var projectID: String
  var secret: Secret<String>
  var expiresAt: Timestamp
  var roleIDs: [String] = []
}
