public import Converge
public import Store
import Synchronization

/// Examines a saga in the three exhaustive ways: each step run twice or broken off before COMMIT; a failure at each
/// step, before and after it did its work; and, from each failure, each undo run twice or broken off. Forward it must
/// always come to the same end, and unwound it must leave what was there before it.
public struct SagaExam: Sendable {
  /// A world of its own in which the saga can be run once.
  public struct World: Sendable {
    let store: any Store
    let runner: @Sendable (SagaProbe) -> SagaRunner
    let begin: @Sendable (SagaRunner) async throws -> String
    let outside: @Sendable () async throws -> Void
    let slate: @Sendable () async throws -> [String]

    /// - Parameters:
    ///   - runner: one whose clock goes on by some seconds with each pass.
    ///   - begin: stores the saga and returns its id.
    ///   - outside: lets everything outside control take notice: a node that does what is asked and reports.
    ///   - slate: everything that the saga may touch, in lines that are the same in every world: no ids, no times.
    public init(
      store: any Store, runner: @escaping @Sendable (SagaProbe) -> SagaRunner,
      begin: @escaping @Sendable (SagaRunner) async throws -> String,
      outside: @escaping @Sendable () async throws -> Void, slate: @escaping @Sendable () async throws -> [String]
    ) {
      self.store = store
      self.runner = runner
      self.begin = begin
      self.outside = outside
      self.slate = slate
    }
  }

  /// What is played at one step, in one direction. A break happens once, as a crash does.
  private struct Play: Sendable, Hashable {
    var step: String
    var unwinding: Bool
    var play: SagaProbe.Play
  }

  private struct End: Sendable {
    var state: Saga.State?
    var error: String?
    var before: [String]
    var after: [String]
  }

  /// Rounds of runner and outside after which a saga is taken to hang.
  private static let roundsMax = 40

  private let steps: [String]
  private let lastEnds: Bool
  private let make: @Sendable () async throws -> World

  /// `lastEnds`: the last step is one that cannot fail once it has done its work, for the saga ends in its transaction.
  public init(of kind: SagaKind, lastEnds: Bool = false, _ make: @escaping @Sendable () async throws -> World) {
    steps = kind.stepNames
    self.lastEnds = lastEnds
    self.make = make
  }

  /// What is wrong; nothing where the saga passes.
  public func complaints() async throws -> [String] {
    let plain = try await run([])
    guard plain.state == .done else { return ["plain: \(plain.state?.rawValue ?? "hangs") \(plain.error ?? "")"] }
    var found: [String] = plain.before == plain.after ? ["plain: it changes nothing, so nothing is examined"] : []
    for (place, step) in steps.enumerated() {
      for play in [SagaProbe.Play.twice, .breakOff] {
        let end = try await run([Play(step: step, unwinding: false, play: play)])
        found += Self.compare("\(step) \(play)", end, .done, plain.after)
      }
      let failures: [SagaProbe.Play] = lastEnds && place == steps.count - 1 ? [.fail] : [.fail, .actThenFail]
      for play in failures {
        let failure = Play(step: step, unwinding: false, play: play)
        let end = try await run([failure])
        found += Self.compare("\(step) \(play)", end, .failed, end.before)
        for undone in steps[...place] {
          for again in [SagaProbe.Play.twice, .breakOff] {
            let end = try await run([failure, Play(step: undone, unwinding: true, play: again)])
            found += Self.compare("\(step) \(play), undo of \(undone) \(again)", end, .failed, end.before)
          }
        }
      }
    }
    return found
  }

  private static func compare(_ name: String, _ end: End, _ state: Saga.State, _ wanted: [String]) -> [String] {
    guard let ended = end.state else { return ["\(name): it hangs"] }
    guard ended == state else { return ["\(name): \(ended.rawValue) instead of \(state.rawValue): \(end.error ?? "")"] }
    let missing = wanted.filter { !end.after.contains($0) }
    let left = end.after.filter { !wanted.contains($0) }
    if missing.isEmpty, left.isEmpty, end.after.count == wanted.count { return [] }
    return ["\(name): left \(left), missing \(missing)"]
  }

  private func run(_ plays: [Play]) async throws -> End {
    let world = try await make()
    let before = try await world.slate()
    let probe = Self.probe(plays)
    let runner = world.runner(probe)
    let id = try await world.begin(runner)
    for _ in 0..<Self.roundsMax {
      try await runner.step()
      let saga = try await world.store.read { try SagaTable.find($0, id: id) }
      if let saga, !saga.state.isOpen {
        try await world.outside()
        return End(state: saga.state, error: saga.error, before: before, after: try await world.slate())
      }
      try await world.outside()
    }
    return End(state: nil, error: nil, before: before, after: [])
  }

  private static func probe(_ plays: [Play]) -> SagaProbe {
    let left = Remaining(plays)
    return SagaProbe { saga, step in left.take(step, unwinding: saga.state == .unwinding) }
  }

  /// The plays to come: a break is played once.
  private final class Remaining: Sendable {
    private let plays: Mutex<[Play]>
    init(_ plays: [Play]) { self.plays = Mutex(plays) }

    func take(_ step: String, unwinding: Bool) -> SagaProbe.Play {
      plays.withLock { plays in
        guard let place = plays.firstIndex(where: { $0.step == step && $0.unwinding == unwinding }) else { return .go }
        let play = plays[place].play
        if play == .breakOff { plays.remove(at: place) }
        return play
      }
    }
  }
}
