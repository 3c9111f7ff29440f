public import Kit
public import Store

/// Work over several resources that takes time and may fail on the way: stored before it starts, done step by step,
/// and unwound, the last step first, where it cannot come to its end.
///
/// Every step moves in one transaction with the record of its progress, so a crash at any moment is only a delay.
/// What is one transaction, or a level that a node converges to, needs no saga.
public struct Saga: Sendable, Hashable {
  public enum State: String, Sendable {
    case forward, unwinding
    /// It came to its end.
    case done
    /// It was unwound, or something else took its place: `error` says why.
    case failed

    public var isOpen: Bool { self == .forward || self == .unwinding }
  }

  public var id: String
  /// The `SagaKind` it is of.
  public var kind: String
  /// Id of the resource it works for.
  public var subject: String
  /// The request that asked for it.
  public var requestID: String
  /// Who asked; nil where the cloud itself did.
  public var userID: String?
  public var state: State
  /// Place of the step in hand: the one to be done next, or to be undone next.
  public var step: Int
  /// What it was given and what its steps remember, a JSON document.
  public var input: String
  public var began: Timestamp
  /// The time it has lived through, as `PassClock` counts, in milliseconds.
  public var elapsedMs: Int
  /// How often the step in hand broke off.
  public var attempts: Int
  /// After a break: `elapsedMs` at which it is tried again.
  public var retryAtMs: Int
  /// What the step in hand waits for, in words for people.
  public var waitingFor: String?
  /// Why it failed, in words for people.
  public var error: String?
}

/// When a saga that does not come to its end is unwound. Unwinding itself has no limits: it never gives up.
public struct SagaLimits: Sendable {
  /// How often a step may break off.
  public var attemptsMax: Int
  /// How long all steps together may take, in seconds.
  public var secondsMax: Int

  public init(attemptsMax: Int, secondsMax: Int) {
    self.attemptsMax = attemptsMax
    self.secondsMax = secondsMax
  }
}

/// What one try of a step came to.
public enum SagaOutcome: Sendable, Hashable {
  case done
  /// Nothing is wrong, and something outside must happen first: the words say what, for people.
  case waiting(for: String)
  /// It cannot be done: the words say why, for people. The saga is unwound.
  case failed(reason: String)
}

/// What one try of an undoing came to. It cannot fail: it goes on until it is done.
public enum SagaUndoing: Sendable, Hashable {
  case done
  case waiting(for: String)
}

/// One step next to its undo. Both are pure functions of the transaction and the saga's input, and idempotent; an undo
/// also copes with a step that was never done or only begun. Neither waits: it says what for, and is called again.
public struct SagaStep<Input: Codable & Sendable>: Sendable {
  public typealias Act = @Sendable (Transaction, inout Input) throws -> SagaOutcome
  public typealias Undo = @Sendable (Transaction, inout Input) throws -> SagaUndoing

  let name: String
  let act: Act
  let undo: Undo?

  /// `undo` nil: the step leaves nothing behind; a comment beside it says why.
  public init(_ name: String, act: @escaping Act, undo: Undo?) {
    self.name = name
    self.act = act
    self.undo = undo
  }
}
