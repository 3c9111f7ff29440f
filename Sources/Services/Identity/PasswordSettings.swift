/// What an operator may demand of passwords. All of it is off where nothing is said, as in Keystone.
public struct PasswordSettings: Sendable {
  /// Days after which a password ends; 0 is never.
  public var expiresDays: Int
  /// Days that a user's own new password stays; 0 is none.
  public var minimumAgeDays: Int
  /// So many passwords in a row must differ, the new one included; 0 asks for nothing. 32 at the most are compared.
  public var uniqueLastCount: Int
  /// Whether a password that an administrator sets must be changed before it can be used.
  public var changeUponFirstUse: Bool
  /// What a password must match, from its beginning.
  public var pattern: PasswordPattern?
  /// Says to users what `pattern` asks for.
  public var patternDescription: String

  public init(
    expiresDays: Int = 0, minimumAgeDays: Int = 0, uniqueLastCount: Int = 0, changeUponFirstUse: Bool = false,
    pattern: PasswordPattern? = nil, patternDescription: String = ""
  ) {
    self.expiresDays = expiresDays
    self.minimumAgeDays = minimumAgeDays
    self.uniqueLastCount = uniqueLastCount
    self.changeUponFirstUse = changeUponFirstUse
    self.pattern = pattern
    self.patternDescription = patternDescription
  }
}

/// A regular expression that passwords must match from their beginning, as Python's `re.match` looks at it.
public struct PasswordPattern: Sendable {
  /// As the operator wrote it.
  public let text: String

  /// Throws where `text` is no regular expression.
  public init(_ text: String) throws {
    _ = try Regex(text)
    self.text = text
  }

  /// A regular expression may not be shared by threads, so each look makes its own: setting a password is rare.
  func matches(_ password: String) -> Bool {
    guard let expression = try? Regex(text) else { return false }
    return (try? expression.prefixMatch(in: password)) != nil
  }
}
