import Identity

/// What the operator chose about logins and what is deleted: kept in `cloud.json`. nil is the standard.
public struct IdentityChoices: Sendable, Codable, Hashable {
  public var tokenSeconds: Int?
  public var lockoutFailures: Int?
  public var lockoutSeconds: Int?
  public var inactiveDays: Int?
  public var passwordDays: Int?
  public var passwordMinimumDays: Int?
  public var passwordHistory: Int?
  public var passwordChangeFirst: Bool?
  /// Empty is none.
  public var passwordPattern: String?
  public var passwordHint: String?
  public var deletedDays: Int?
  public var strictLimits: Bool?
  public var allEndpoints: Bool?

  public init() {}

  private static let daysMax = 36_500
  private static let deletedDaysMax = 3650
  /// A token lives a week at the most: keys are rotated by the day, and each is kept until what it sealed is over.
  private static let tokenSecondsMax = 604_800
  /// Passwords of a user that are compared at the most.
  private static let historyMax = 32

  /// These with what was said put over them. Throws `CloudProblem` for what cannot be.
  func with(_ said: IdentityChoices) throws -> IdentityChoices {
    var all = self
    all.tokenSeconds = try Self.checked("--token-seconds", said.tokenSeconds, 60...Self.tokenSecondsMax) ?? tokenSeconds
    all.lockoutFailures = try Self.checked("--lockout-failures", said.lockoutFailures, 0...1000) ?? lockoutFailures
    all.lockoutSeconds =
      try Self.checked("--lockout-seconds", said.lockoutSeconds, 0...Self.daysMax * 86_400) ?? lockoutSeconds
    all.inactiveDays = try Self.checked("--inactive-days", said.inactiveDays, 0...Self.daysMax) ?? inactiveDays
    all.passwordDays = try Self.checked("--password-days", said.passwordDays, 0...Self.daysMax) ?? passwordDays
    all.passwordMinimumDays =
      try Self.checked("--password-minimum-days", said.passwordMinimumDays, 0...Self.daysMax) ?? passwordMinimumDays
    all.passwordHistory =
      try Self.checked("--password-history", said.passwordHistory, 0...Self.historyMax) ?? passwordHistory
    all.deletedDays = try Self.checked("--deleted-days", said.deletedDays, 0...Self.deletedDaysMax) ?? deletedDays
    all.passwordChangeFirst = said.passwordChangeFirst ?? passwordChangeFirst
    all.passwordPattern = said.passwordPattern ?? passwordPattern
    all.passwordHint = said.passwordHint ?? passwordHint
    all.strictLimits = said.strictLimits ?? strictLimits
    all.allEndpoints = said.allEndpoints ?? allEndpoints
    if (try? all.pattern()) == nil {
      throw CloudProblem("--password-pattern \(all.passwordPattern ?? "") is no regular expression.")
    }
    if let least = all.passwordMinimumDays, let most = all.passwordDays, most > 0, least >= most {
      throw CloudProblem("--password-minimum-days must be less than --password-days: nobody could change a password.")
    }
    return all
  }

  private static func checked(_ name: String, _ value: Int?, _ range: ClosedRange<Int>) throws -> Int? {
    guard let value else { return nil }
    guard range.contains(value) else {
      throw CloudProblem("\(name) \(value) is not \(range.lowerBound) to \(range.upperBound).")
    }
    return value
  }

  private func pattern() throws -> PasswordPattern?? {
    guard let text = passwordPattern, !text.isEmpty else { return .some(nil) }
    return try PasswordPattern(text)
  }

  /// As the service takes them.
  var settings: IdentitySettings {
    let standard = IdentitySettings()
    var settings = standard
    settings.tokenSeconds = tokenSeconds.map(Double.init) ?? standard.tokenSeconds
    settings.lockoutFailures = lockoutFailures ?? standard.lockoutFailures
    settings.lockoutSeconds = lockoutSeconds.map(Double.init) ?? standard.lockoutSeconds
    settings.inactiveDaysMax = inactiveDays ?? standard.inactiveDaysMax
    settings.deletedSeconds = deletedDays.map { Double($0) * 86_400 } ?? standard.deletedSeconds
    settings.passwords.expiresDays = passwordDays ?? standard.passwords.expiresDays
    settings.passwords.minimumAgeDays = passwordMinimumDays ?? standard.passwords.minimumAgeDays
    settings.passwords.uniqueLastCount = passwordHistory ?? standard.passwords.uniqueLastCount
    settings.passwords.changeUponFirstUse = passwordChangeFirst ?? standard.passwords.changeUponFirstUse
    settings.passwords.pattern = (try? pattern()) ?? nil
    settings.passwords.patternDescription = passwordHint ?? standard.passwords.patternDescription
    settings.limitModel = strictLimits == true ? .strictTwoLevel : .flat
    settings.returnsAllEndpointsIfNoFilter = allEndpoints ?? standard.returnsAllEndpointsIfNoFilter
    // A key opens tokens for as long as they can be asked about.
    let life = settings.tokenSeconds + settings.expiredTokenSeconds
    settings.keysMax = max(standard.keysMax, 3 + Int((life / settings.keyRotationSeconds).rounded(.up)))
    return settings
  }
}
