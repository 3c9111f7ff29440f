import Kit

/// What a login needs to know of a user.
struct UserLogin: Sendable {
  var id: String
  var domainID: String
  var enabled: Bool
  var passwordHash: String?
  var password: PasswordFacts
  /// Logins that failed since the last that did not.
  var failedLogins: Int
  var lastFailedAt: Timestamp?
  /// When it last logged in; where that was never, when it was made.
  var lastActiveAt: Timestamp?
  /// The time step of the last passcode that it used.
  var passcodeStep: Int
  var options: [String: JSONValue]
  var defaultProjectID: String?
  var tokenGeneration: Int

  /// Whether it is the user as it was read before, with the same password. Another hash of it is no other password.
  func isSame(as before: UserLogin) -> Bool { id == before.id && tokenGeneration == before.tokenGeneration }

  func has(_ option: UserOption) -> Bool { options[option.rawValue] == .bool(true) }
}

/// What is known of a user's present password.
struct PasswordFacts: Sendable {
  /// When it was set; nil where that was before it was kept.
  var createdAt: Timestamp?
  /// When it ends by itself; nil where it does not.
  var expiresAt: Timestamp?
  /// Whether the user set it, not an administrator.
  var isSelfService = false
}

/// What may be switched for one user alone.
enum UserOption: String, CaseIterable, Sendable {
  case ignoreLockoutFailureAttempts = "ignore_lockout_failure_attempts"
  case lockPassword = "lock_password"
  case ignoreChangePasswordUponFirstUse = "ignore_change_password_upon_first_use"
  case ignorePasswordExpiry = "ignore_password_expiry"
  case ignoreUserInactivity = "ignore_user_inactivity"
  case multiFactorAuthEnabled = "multi_factor_auth_enabled"
}
