import Kit
public import Logging
public import Store

/// Carries sagas on: woken by every change and by the clock, one step in one transaction with its progress.
public struct SagaRunner: Converger {
  /// Sagas read at a time.
  private static let pageMax = 100
  /// The longest pause after a step that broke off, in seconds.
  private static let pauseSecondsMax = 60

  private let kinds: [String: SagaKind]
  private let store: any Store
  private let clock: PassClock
  private let probe: SagaProbe?
  private let logger: Logger

  public let name: String
  public var interval: Duration { .seconds(2) }
  public var followsChanges: Bool { true }

  /// - Parameters:
  ///   - name: of the loop, `compute.sagas`.
  ///   - clock: counts the time that sagas live through.
  ///   - probe: lets a test play what may happen to a step.
  public init(
    _ name: String, _ kinds: [SagaKind], store: any Store, clock: PassClock, logger: Logger, probe: SagaProbe? = nil
  ) {
    self.name = name
    self.kinds = Dictionary(kinds.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    self.store = store
    self.clock = clock
    self.logger = logger
    self.probe = probe
  }

  /// Stores a new saga of `kind` and takes the steps that can be taken at once, all in this transaction. Throws what a
  /// step throws: the caller's transaction goes with it.
  @discardableResult
  public func begin<Input: Codable & Sendable>(
    _ tx: Transaction, _ kind: SagaKind, _ input: Input, subject: String, requestID: String, userID: String?
  ) throws -> Saga {
    var saga = Saga(
      id: Identifier.uuid(), kind: kind.name, subject: subject, requestID: requestID, userID: userID,
      state: .forward, step: 0, input: SagaKind.encode(input, or: "{}"), began: .now(), elapsedMs: 0, attempts: 0,
      retryAtMs: 0, waitingFor: nil, error: nil)
    try SagaTable.insert(tx, saga)
    guard probe == nil else { return saga }
    while saga.state == .forward, try move(tx, &saga, kind) {}
    return saga
  }

  public func step() async throws {
    let passed = clock.pass()
    var (ids, tooMany) = try await store.read { tx in
      (try SagaTable.openIDs(tx, after: "", limit: Self.pageMax), try SagaTable.hasTooMany(tx))
    }
    if tooMany { try await store.write { try SagaTable.compact($0) } }
    if passed > 0, !ids.isEmpty { try await store.write { try SagaTable.count($0, milliseconds: passed) } }
    while let last = ids.last {
      for id in ids { try await carryOn(id, kinds) }
      if ids.count < Self.pageMax { return }
      ids = try await store.read { try SagaTable.openIDs($0, after: last, limit: Self.pageMax) }
    }
  }

  /// Takes steps of one saga until it waits or ends. What breaks one saga off does not hold the others up.
  private func carryOn(_ id: String, _ kinds: [String: SagaKind]) async throws {
    guard let saga = try await store.read({ try SagaTable.find($0, id: id) }) else { return }
    guard let kind = kinds[saga.kind] else {
      // Of another release: it is left for the one that knows it.
      return logger.warning("a saga is of an unknown kind", metadata: ["saga": "\(id)", "kind": "\(saga.kind)"])
    }
    // Every step forward, every step back, and the turn between.
    for _ in 0...kind.steps.count * 2 + 2 {
      CrashPoint.pass(.advanceSaga, .before, saga.kind)
      let moved = try await moveOnce(id, kind)
      CrashPoint.pass(.advanceSaga, .after, saga.kind)
      guard moved else { return }
    }
  }

  private func moveOnce(_ id: String, _ kind: SagaKind) async throws -> Bool {
    do {
      return try await store.write { tx in
        guard var saga = try SagaTable.find(tx, id: id), saga.state.isOpen, saga.elapsedMs >= saga.retryAtMs else {
          return false
        }
        return try move(tx, &saga, kind)
      }
    } catch let error as StoreError where error.isOutage || [.busy, .overloaded].contains(error.kind) {
      // The store itself is in trouble: no try of the saga's.
      throw error
    } catch let lost as Lease.Lost { throw lost } catch {
      try await brokeOff(id, kind, error)
      return false
    }
  }

  /// Counts a try that broke off; the next one comes after a pause that grows.
  private func brokeOff(_ id: String, _ kind: SagaKind, _ error: any Error) async throws {
    logger.error("a saga's step broke off", metadata: ["saga": "\(id)", "kind": "\(kind.name)", "error": "\(error)"])
    try await store.write { tx in
      guard var saga = try SagaTable.find(tx, id: id), saga.state.isOpen else { return }
      saga.attempts += 1
      saga.retryAtMs = saga.elapsedMs + min(Self.pauseSecondsMax, 1 << min(saga.attempts, 10)) * 1000
      saga.waitingFor = "step \(name(of: saga, kind)), which broke off and is tried again"
      try SagaTable.save(tx, saga)
    }
  }

  private func name(of saga: Saga, _ kind: SagaKind) -> String {
    kind.steps.indices.contains(saga.step) ? kind.steps[saga.step].name : "end"
  }

  // MARK: one move, in one transaction

  /// True where there may be more to do at once.
  private func move(_ tx: Transaction, _ saga: inout Saga, _ kind: SagaKind) throws -> Bool {
    let before = saga
    let more = saga.state == .forward ? try forward(tx, &saga, kind) : try unwind(tx, &saga, kind)
    if saga != before { try SagaTable.save(tx, saga) }
    if !saga.state.isOpen { try kind.ended(tx, saga) }
    return more && saga.state.isOpen
  }

  private func forward(_ tx: Transaction, _ saga: inout Saga, _ kind: SagaKind) throws -> Bool {
    guard saga.step < kind.steps.count else {
      saga.state = .done
      saga.waitingFor = nil
      return false
    }
    let step = kind.steps[saga.step]
    if saga.attempts >= kind.limits.attemptsMax {
      return turn(&saga, "Step \(step.name) broke off \(saga.attempts) times; control's log has the cause.")
    }
    switch try outcome(tx, &saga, step) {
    case .done:
      saga.step += 1
      saga.attempts = 0
      saga.waitingFor = nil
      if saga.step == kind.steps.count { saga.state = .done }
      return true
    case .failed(let reason): return turn(&saga, reason)
    case .waiting(let what):
      saga.attempts = 0
      saga.waitingFor = what
      if saga.elapsedMs > kind.limits.secondsMax * 1000 {
        return turn(&saga, "It was not done within \(kind.limits.secondsMax) seconds, waiting for \(what).")
      }
      return false
    }
  }

  private func outcome(_ tx: Transaction, _ saga: inout Saga, _ step: SagaKind.Step) throws -> SagaOutcome {
    switch probe?.before(saga, step.name) ?? .go {
    case .go: return try step.act(tx, &saga.input)
    case .twice:
      _ = try step.act(tx, &saga.input)
      return try step.act(tx, &saga.input)
    case .fail: return .failed(reason: SagaProbe.reason)
    case .actThenFail:
      _ = try step.act(tx, &saga.input)
      return .failed(reason: SagaProbe.reason)
    case .breakOff:
      _ = try step.act(tx, &saga.input)
      throw SagaProbe.BrokenOff()
    }
  }

  /// From here on everything is undone, beginning with the step in hand: it may have done a part.
  private func turn(_ saga: inout Saga, _ reason: String) -> Bool {
    saga.state = .unwinding
    saga.attempts = 0
    saga.waitingFor = nil
    saga.error = reason
    return true
  }

  private func unwind(_ tx: Transaction, _ saga: inout Saga, _ kind: SagaKind) throws -> Bool {
    guard saga.step >= 0 else {
      saga.state = .failed
      return false
    }
    switch try undoing(tx, &saga, kind.steps[min(saga.step, kind.steps.count - 1)]) {
    case .done:
      saga.step -= 1
      saga.attempts = 0
      saga.waitingFor = nil
      if saga.step < 0 { saga.state = .failed }
      return true
    case .waiting(let what):
      saga.attempts = 0
      saga.waitingFor = what
      return false
    }
  }

  private func undoing(_ tx: Transaction, _ saga: inout Saga, _ step: SagaKind.Step) throws -> SagaUndoing {
    guard let undo = step.undo else { return .done }
    switch probe?.before(saga, step.name) ?? .go {
    case .go, .fail, .actThenFail: return try undo(tx, &saga.input)
    case .twice:
      _ = try undo(tx, &saga.input)
      return try undo(tx, &saga.input)
    case .breakOff:
      _ = try undo(tx, &saga.input)
      throw SagaProbe.BrokenOff()
    }
  }
}
