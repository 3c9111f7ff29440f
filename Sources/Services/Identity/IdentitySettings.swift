/// What an operator may set about logins and tokens. Times are in seconds.
public struct IdentitySettings: Sendable {
  /// How long a token got with a password or an application credential lives.
  public var tokenSeconds: Double
  /// Failed logins in a row that lock a user out.
  public var lockoutFailures: Int
  /// How long a user stays locked out after the last failure.
  public var lockoutSeconds: Double
  /// Keys are rotated when the staged one is this old. It must not be shorter than a token's life.
  public var keyRotationSeconds: Double
  /// Keys kept: the staged one, the primary, and those that still open tokens. At least 3.
  public var keysMax: Int

  public init(
    tokenSeconds: Double = 3600, lockoutFailures: Int = 5, lockoutSeconds: Double = 1800,
    keyRotationSeconds: Double = 86_400, keysMax: Int = 3
  ) {
    self.tokenSeconds = tokenSeconds
    self.lockoutFailures = lockoutFailures
    self.lockoutSeconds = lockoutSeconds
    self.keyRotationSeconds = keyRotationSeconds
    self.keysMax = max(keysMax, 3)
  }
}
