import API
import Auth
import Kit

/// What a request changes of a user.
struct UserPatch: Sendable {
  private let name: String?
  let enabled: Bool?
  private let defaultProject: Patch<String>
  private let members: [String: JSONValue]
  /// Who the user is elsewhere from now on; nil leaves that as it is.
  let federation: UserFederation?
  /// Whether the request says a password; `password` is nil where it takes it away.
  let setsPassword: Bool
  let password: Secret<String>?

  /// Throws `Fault` 400 for what is not as it must be.
  init(_ fields: JSONFields) throws {
    name = try fields.newStrippedName(255)
    enabled = try fields.flag("enabled")
    defaultProject = try fields.patchString("default_project_id", 1...64)
    setsPassword = fields.has("password")
    password = try fields.password("password")
    federation = try UserFederation(fields)
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
}
