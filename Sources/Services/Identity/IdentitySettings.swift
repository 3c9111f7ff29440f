/// What an operator may set about logins and tokens. Times are in seconds.
public struct IdentitySettings: Sendable {
  /// How long a token got with a password or an application credential lives.
  public var tokenSeconds: Double
  /// How long after its end a token can still be validated by a service that asks for it.
  public var expiredTokenSeconds: Double
  /// How long a receipt for a login that lacks methods is good.
  public var receiptSeconds: Double
  /// Passcodes (TOTP) of so many time steps before the present one are good, too.
  public var passcodeStepsBefore: Int
  /// What is demanded of passwords.
  public var passwords: PasswordSettings
  /// Days without a login after which a user is disabled; 0 is never.
  public var inactiveDaysMax: Int
  /// Failed logins in a row that lock a user out; 0 is never.
  public var lockoutFailures: Int
  /// How long a user stays locked out after the last failure; 0 is until an administrator lets it in.
  public var lockoutSeconds: Double
  /// Keys are rotated when the staged one is this old. It must not be shorter than a token's life.
  public var keyRotationSeconds: Double
  /// How long what was deleted can be restored.
  public var deletedSeconds: Double
  /// Keys kept: the staged one, the primary, and those that still open tokens. At least 3; a token opens for
  /// `keysMax - 2` rotations after it was issued, so that 5 are needed for `expiredTokenSeconds` of two days.
  public var keysMax: Int
  /// What is asked of a new limit.
  public var limitModel: LimitModel = .flat
  /// Whether a project that no endpoint was given to has all of them in its catalogue; else none.
  public var returnsAllEndpointsIfNoFilter = true

  public init(
    tokenSeconds: Double = 3600, expiredTokenSeconds: Double = 172_800, receiptSeconds: Double = 300,
    passcodeStepsBefore: Int = 1, passwords: PasswordSettings = PasswordSettings(), inactiveDaysMax: Int = 0,
    lockoutFailures: Int = 5, lockoutSeconds: Double = 1800,
    keyRotationSeconds: Double = 86_400, keysMax: Int = 5,
    deletedSeconds: Double = 30 * 86_400
  ) {
    self.tokenSeconds = tokenSeconds
    self.deletedSeconds = deletedSeconds
    self.expiredTokenSeconds = expiredTokenSeconds
    self.receiptSeconds = receiptSeconds
    self.passcodeStepsBefore = passcodeStepsBefore
    self.passwords = passwords
    self.inactiveDaysMax = inactiveDaysMax
    self.lockoutFailures = lockoutFailures
    self.lockoutSeconds = lockoutSeconds
    self.keyRotationSeconds = keyRotationSeconds
    self.keysMax = max(keysMax, 3)
  }
}
