import Kit
import Synchronization

/// When each node was heard last, by this process or by another control's: by a clock that nobody steps and that stands
/// still while the host sleeps.
final class NodeHearing: Sendable {
  private struct State {
    /// Before this nothing can be said of anybody.
    var began: SuspendingClock.Instant
    var last: [String: SuspendingClock.Instant] = [:]
    /// What the store said of each node when it was looked at last.
    var marks: [String: Timestamp] = [:]
  }
  private let state: Mutex<State>
  private let now: @Sendable () -> SuspendingClock.Instant

  init(now: @escaping @Sendable () -> SuspendingClock.Instant = { .now }) {
    self.now = now
    state = Mutex(State(began: now()))
  }

  func heard(_ node: String) {
    let instant = now()
    state.withLock { $0.last[node] = instant }
  }

  /// Takes in when a node was heard last as the store says: where that is another moment than before, some control
  /// heard the node meanwhile. The moment itself is by that one's clock, and means nothing here.
  func saw(_ node: String, _ mark: Timestamp) {
    let instant = now()
    state.withLock { state in
      let before = state.marks.updateValue(mark, forKey: node)
      if before != nil, before != mark { state.last[node] = instant }
    }
  }

  /// The store could not be asked: what other controls heard meanwhile is not known, so everybody has their time anew.
  func lost() {
    let instant = now()
    state.withLock { state in
      state.began = instant
      state.marks = [:]
    }
  }

  /// How long nothing was heard of a node; since this process began, or had the store back, where that is less.
  func silence(of node: String) -> Duration {
    let instant = now()
    return state.withLock { max($0.began, $0.last[node] ?? $0.began).duration(to: instant) }
  }
}

/// Notices when the host's clock is stepped: it and the clock that nobody steps move apart.
struct ClockWatch {
  /// Less than this is drift of the two clocks, and the time between reading them, in seconds.
  static let stepSecondsMin = 2.0
  /// How often it looks, in seconds.
  static let lookSeconds = 1

  private var wall: Timestamp
  private var steady: SuspendingClock.Instant

  init(wall: Timestamp = .now(), steady: SuspendingClock.Instant = .now) {
    self.wall = wall
    self.steady = steady
  }

  /// By how many seconds the clock was stepped since the last look, forward or (negative) back; nil where it was not.
  mutating func look(wall: Timestamp = .now(), steady: SuspendingClock.Instant = .now) -> Double? {
    let step = wall.seconds(since: self.wall) - self.steady.duration(to: steady) / .seconds(1)
    (self.wall, self.steady) = (wall, steady)
    return abs(step) >= Self.stepSecondsMin ? step : nil
  }
}
