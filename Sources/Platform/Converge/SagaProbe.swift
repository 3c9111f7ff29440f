/// Where a test plays what may happen to a saga's step; nothing else gives a runner one.
public struct SagaProbe: Sendable {
  public enum Play: Sendable, Hashable {
    case go
    /// The step, or its undo, is run twice.
    case twice
    /// It fails without having done anything.
    case fail
    /// It does what it does, and fails all the same.
    case actThenFail
    /// It does what it does, and the process dies before COMMIT.
    case breakOff
  }

  /// What a failure that was played says.
  public static let reason = "A test made this step fail."

  struct BrokenOff: Error {}

  /// Says what happens to the step in hand of a saga that goes forward or is unwound.
  let before: @Sendable (Saga, _ step: String) -> Play

  public init(before: @escaping @Sendable (Saga, _ step: String) -> Play) { self.before = before }
}
