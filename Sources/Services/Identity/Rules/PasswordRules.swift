import API
import Auth
import Kit
import Store

/// What an operator demands of passwords: their form, age, end and history.
struct PasswordRules: Sendable {
  let core: IdentityCore
  private var settings: PasswordSettings { core.settings.passwords }

  /// Former passwords that are compared with a new one at the most: each costs a hash.
  static let historyMax = 32

  /// Throws `Fault` 400 for a password whose form is not as it must be.
  func checkForm(_ password: Secret<String>) throws {
    guard let pattern = settings.pattern, !pattern.matches(password.reveal()) else { return }
    throw Fault.badRequest("The password does not match the requirements: \(settings.patternDescription).")
  }

  /// The hash of a new password that is as it must be. Throws `Fault` 400, or `AsyncSlots.Full`.
  func hash(_ password: Secret<String>) async throws -> String {
    try checkForm(password)
    return try await core.hasher.hash(password)
  }

  /// Throws `Fault` 400 where the user may not replace its password itself: it is locked, or too young.
  func checkMayChange(_ user: UserLogin, at now: Timestamp) throws {
    if user.has(.lockPassword) {
      throw Fault.badRequest("The user's password is locked: only an administrator may change it.")
    }
    guard settings.minimumAgeDays > 0, user.password.isSelfService, let created = user.password.createdAt else {
      return
    }
    let end = created.adding(seconds: Double(settings.minimumAgeDays) * Self.day)
    guard now < end else { return }
    throw Fault.badRequest(
      "A password must be used for \(settings.minimumAgeDays) day(s) before it is changed. "
        + "\(Int(end.seconds(since: now) / Self.day)) day(s) remain.")
  }

  /// Throws `Fault` 400 where the password is the present one or one of the last. `AsyncSlots.Full` under overload.
  func checkHistory(_ password: Secret<String>, of user: UserLogin) async throws {
    let count = min(settings.uniqueLastCount, Self.historyMax)
    guard count > 0 else { return }
    let former = try await core.store.read { tx in try UserTable.formerHashes(tx, user.id, countMax: count - 1) }
    for hash in [user.passwordHash].compactMap({ $0 }) + former {
      guard try await !core.hasher.verify(password, hash: hash) else {
        throw Fault.badRequest("The password must differ from the last \(count) of this user.")
      }
    }
  }

  /// Sets a user's password and voids its tokens; nil takes it away. One that an administrator sets may have to be
  /// changed at once.
  func set(_ tx: Transaction, _ id: String, hash: String?, selfService: Bool) throws {
    guard let user = try UserTable.login(tx, id) else { return }
    let now = core.now()
    let count = min(settings.uniqueLastCount, Self.historyMax)
    if let old = user.passwordHash, count > 1 {
      try UserTable.remember(tx, id, formerHash: old, at: now, countMax: count - 1)
    }
    var facts = PasswordFacts(createdAt: hash == nil ? nil : now, isSelfService: selfService)
    if hash != nil { facts.expiresAt = end(for: user, at: now, selfService: selfService) }
    try UserTable.setPassword(tx, id, hash: hash, facts)
  }

  private func end(for user: UserLogin, at now: Timestamp, selfService: Bool) -> Timestamp? {
    if !selfService, settings.changeUponFirstUse, !user.has(.ignoreChangePasswordUponFirstUse) { return now }
    guard settings.expiresDays > 0, !user.has(.ignorePasswordExpiry) else { return nil }
    let end = now.adding(seconds: Double(settings.expiresDays) * Self.day)
    return Timestamp(microseconds: end.microseconds / 1_000_000 * 1_000_000)
  }

  static let day = 86_400.0
}

extension LoginRules {
  /// Whether the user must change its password before it may log in with it.
  func isPasswordExpired(_ user: UserLogin, at now: Timestamp) -> Bool {
    guard let end = user.password.expiresAt, !user.has(.ignorePasswordExpiry) else { return false }
    return end <= now
  }

  /// Whether the user is disabled for it has not logged in for too long.
  func isInactive(_ user: UserLogin, at now: Timestamp) -> Bool {
    core.settings.isInactive(since: user.lastActiveAt, user.options, at: now)
  }

  /// What a login does so that its user counts as active: nothing where nobody is disabled for not being.
  func noteActivity(of id: String) -> [Recognised.Use] {
    guard core.settings.inactiveDaysMax > 0 else { return [] }
    return [{ tx, now in try UserTable.noteActive(tx, id, at: now, day: now.startOfDay) }]
  }
}

extension IdentityCore {
  /// A user as it is shown: one that is disabled for it was not there for long looks disabled.
  func seen(_ user: User) -> User {
    guard settings.isInactive(since: user.lastActiveAt, user.options, at: now()) else { return user }
    var seen = user
    seen.enabled = false
    return seen
  }
}

extension IdentitySettings {
  /// Whether a user whose last login was then is disabled for it: days are counted as the calendar does, in UTC.
  func isInactive(since last: Timestamp?, _ options: [String: JSONValue], at now: Timestamp) -> Bool {
    guard inactiveDaysMax > 0, let last, options[UserOption.ignoreUserInactivity.rawValue] != .bool(true) else {
      return false
    }
    return now.startOfDay.seconds(since: last.startOfDay) >= Double(inactiveDaysMax) * PasswordRules.day
  }
}

extension Timestamp {
  /// When the day began, in UTC.
  var startOfDay: Timestamp {
    let day: Int64 = 86_400_000_000
    return Timestamp(microseconds: microseconds - (microseconds % day + day) % day)
  }
}
