import Auth
import Kit

/// A credential of its own that a user gives to a program: some of its roles in one project.
struct ApplicationCredential: Sendable {
  var id: String
  var userID: String
  var name: String
  var projectID: String
  var description: String?
  var expiresAt: Timestamp?
  /// Whether its tokens may manage further application credentials.
  var unrestricted: Bool
  var roles: [Named] = []
  /// What alone its tokens may do; nil is everything.
  var accessRules: [AccessRule]?
}

/// An id with its name.
struct Named: Sendable, Hashable {
  var id: String
  var name: String
}
