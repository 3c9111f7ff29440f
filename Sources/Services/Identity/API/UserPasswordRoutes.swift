import API
import Auth
import Kit
import Store

/// Users who change their own passwords.
struct UserPasswordRoutes: Sendable {
  let core: IdentityCore

  var routes: [Route] {
    [
      // The present password says who it is: a user whose password has expired has no token.
      Route(
        .post, "/v3/users/{user_id}/password", Permission("identity:change_password", .open), query: .unread,
        body: .needed(.passwordChange)
      ) { try await change($0) }
    ]
  }

  /// The present password is asked for as at a login, lockout included.
  private func change(_ call: Call) async throws -> Reply {
    let id = try call.parameter("user_id")
    if let caller = call.caller { try DelegationRules.require(.credentials, caller) }
    let fields = try call.object("user")
    let original = Secret(try fields.string("original_password", 0...AuthRequest.secretMax))
    guard let password = try fields.password("password") else { throw fields.invalid("password", "it is required") }
    let rules = PasswordRules(core: core)
    let user = try await LoginRules(core: core).check(.id(id), original)
    try await core.store.read { tx in try Directories.requireWritable(tx, user: id) }
    try rules.checkMayChange(user, at: core.now())
    try rules.checkForm(password)
    try await rules.checkHistory(password, of: user)
    let hash = try await core.hasher.hash(password)
    try await core.store.write { tx in
      guard let fresh = try UserTable.login(tx, id), fresh.isSame(as: user) else { throw LoginRules.refusal }
      try rules.checkMayChange(fresh, at: core.now())
      try rules.set(tx, id, hash: hash, selfService: true)
    }
    return .done
  }
}
