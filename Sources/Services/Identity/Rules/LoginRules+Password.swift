import API
import Auth
import Kit
import Logging
import Store

/// A user's password.
struct PasswordLogin: LoginMethod {
  static let name = "password"
  static let shape = JSONShape.object(
    [.needed("user", .loginUser([.needed("password", .secret)]))], others: .ignored)

  let user: Reference
  private let password: Secret<String>

  var claim: Reference? { user }

  init(_ fields: JSONFields) throws {
    let members = try fields.object("user")
    user = try Reference(members)
    password = Secret(try members.string("password", 0...AuthRequest.secretMax))
  }

  func recognise(_ rules: LoginRules, _ call: Call) async throws -> Recognised {
    let user = try await rules.check(user, password)
    if rules.isPasswordExpired(user, at: rules.core.now()) {
      throw Fault.unauthorized("The password of user \(user.id) has expired and must be changed.")
    }
    var recognised = rules.recognised(user, by: .password)
    if let old = user.passwordHash, PasswordHasher.isOutdated(old) {
      let new = try await rules.core.hasher.hash(password)
      recognised.uses.append { tx, _ in try UserTable.replaceHash(tx, user.id, old, with: new) }
    }
    return recognised
  }
}

extension LoginRules {
  /// The user that a password fits, as it was read before. Throws `Fault` 401: unknown user, wrong password, disabled
  /// or locked out, all alike. An expired password is none of its business.
  func check(_ reference: Reference, _ password: Secret<String>) async throws -> UserLogin {
    if let known = try await Directories(core: core).check(reference, password) {
      guard let user = known.user, known.isRight, isUsable(user, at: core.now()) else {
        throw try await refused(known.user, counts: !known.isRight)
      }
      return user
    }
    let user = try await core.store.read { tx in
      try UserTable.id(tx, reference).flatMap { try UserTable.login(tx, $0) }
    }
    let fits = password.reveal().utf8.count <= PasswordHasher.passwordBytesMax
    let right = try await core.hasher.verify(fits ? password : Secret(""), hash: user?.passwordHash) && fits
    guard let user, right, isUsable(user, at: core.now()) else { throw try await refused(user, counts: !right) }
    return user
  }

  /// A user who showed who it is, with what the final transaction looks at once more: the user can still be used, and
  /// its password is the one that was shown. Earlier failures are forgiven when the token is issued, not before: who
  /// knows one secret of two must not get rid of the failures at the other.
  func recognised(_ user: UserLogin, by method: TokenPayload.Methods) -> Recognised {
    var recognised = Recognised(userID: user.id, methods: method)
    recognised.rechecks = [
      { _, fresh, now in
        guard isUsable(fresh, at: now), fresh.isSame(as: user) else { throw Self.refusal }
      }
    ]
    recognised.uses = noteActivity(of: user.id)
    if user.failedLogins > 0 {
      recognised.uses.append { tx, _ in try UserTable.setFailures(tx, user.id, 0, at: nil) }
    }
    return recognised
  }

  /// Whether a user may log in at all, as far as its own row tells.
  func isUsable(_ user: UserLogin, at now: Timestamp) -> Bool {
    user.enabled && !isLocked(user, at: now) && !isInactive(user, at: now)
  }

  func isLocked(_ user: UserLogin, at now: Timestamp) -> Bool {
    guard core.settings.lockoutFailures > 0, user.failedLogins >= core.settings.lockoutFailures,
      let last = user.lastFailedAt, !user.has(.ignoreLockoutFailureAttempts)
    else { return false }
    return core.settings.lockoutSeconds == 0 || now.seconds(since: last) < core.settings.lockoutSeconds
  }

  /// Counts a refused login, and the user's failure where `counts`: not while it is locked out, so that guesses do not
  /// lengthen that. The lock is looked at in the same transaction, so that guesses made at once are all counted.
  /// Returns the refusal, for the caller to throw.
  func refused(_ user: UserLogin?, counts: Bool) async throws -> Fault {
    let now = core.now()
    let lockedNow: Bool = try await core.store.write { tx in
      try UserTable.countRefusedLogin(tx)
      guard counts, let user, let fresh = try UserTable.login(tx, user.id), !isLocked(fresh, at: now) else {
        return false
      }
      let maximum = core.settings.lockoutFailures
      let before = maximum > 0 && fresh.failedLogins >= maximum ? 0 : fresh.failedLogins
      // A lock without an end must not meet the only one who could undo it.
      let isEndless = core.settings.lockoutSeconds == 0 && before + 1 == maximum
      if isEndless, try AdministratorTable.isLast(tx, user: user.id) { return false }
      try UserTable.setFailures(tx, user.id, before + 1, at: now)
      return before + 1 == maximum
    }
    if lockedNow, let user { core.logger.warning("user locked out", metadata: ["user": "\(user.id)"]) }
    return Self.refusal
  }
}
