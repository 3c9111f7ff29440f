import API
import Auth
import Kit

/// What a request changes of a user.
struct UserPatch: Sendable {
  private let name: String?
  private let enabled: Bool?
  private let defaultProject: Patch<String>
  private let members: [String: JSONValue]
  /// Whether the request says a password; `password` is nil where it takes it away.
  let setsPassword: Bool
  let password: Secret<String>?

  /// Throws `Fault` 400 for what is not as it must be.
  init(_ fields: JSONFields) throws {
    name = try fields.newName(255)
    enabled = try fields.flag("enabled")
    defaultProject = try fields.patchString("default_project_id", 1...64)
    setsPassword = fields.has("password")
    password = try fields.password("password")
    var members: [String: JSONValue] = [:]
    for name in ["options", "domain_id"] {
      if let value = fields.value(name) { members[name] = value }
    }
    self.members = fields.newExtra().merging(members) { $1 }
  }

  /// Throws `Fault` 400 for a member that cannot be changed.
  func applied(to old: User) throws -> User {
    let fields = JSONFields(members, path: "user")
    try fields.unchanged("domain_id", old.domainID)
    var user = old
    user.name = name ?? old.name
    user.enabled = enabled ?? old.enabled
    user.defaultProjectID = defaultProject.applied(to: old.defaultProjectID)
    user.options = try fields.userOptions(over: old.options)
    user.extra = fields.extra(over: old.extra)
    return user
  }
}

extension JSONFields {
  /// A new password; nil where it is absent or null. Throws `Fault` 400 for one that is too long.
  func password(_ name: String) throws -> Secret<String>? {
    // Never kept with what nobody knows.
    _ = value("original_password")
    guard let text = try optionalString(name, 0...PasswordHasher.passwordBytesMax) else { return nil }
    guard text.utf8.count <= PasswordHasher.passwordBytesMax else {
      throw invalid(name, "it is longer than \(PasswordHasher.passwordBytesMax) bytes")
    }
    return Secret(text)
  }

  /// A user's options: those that Haneul honours, the ones about expiry by having none. Throws `Fault` 400 for another.
  func userOptions(over old: [String: JSONValue]) throws -> [String: JSONValue] {
    guard let fields = try optionalObject("options") else { return old }
    var options = old
    for name in Self.userOptionNames {
      switch try fields.patchBool(name) {
      case .absent: break
      case .null: options[name] = nil
      case .value(let flag): options[name] = .bool(flag)
      }
    }
    try fields.finish()
    return options
  }

  private static let userOptionNames = [
    "ignore_lockout_failure_attempts", "lock_password", "ignore_change_password_upon_first_use",
    "ignore_password_expiry", "ignore_user_inactivity",
  ]
}
