import Kit
import Synchronization

/// When this process heard each node last, by a clock that nobody steps and that stands still while the host sleeps.
final class NodeHearing: Sendable {
  private let began: SuspendingClock.Instant
  private let last = Mutex<[String: SuspendingClock.Instant]>([:])
  private let now: @Sendable () -> SuspendingClock.Instant

  init(now: @escaping @Sendable () -> SuspendingClock.Instant = { .now }) {
    self.now = now
    began = now()
  }

  func heard(_ node: String) {
    let instant = now()
    last.withLock { $0[node] = instant }
  }

  /// How long nothing was heard of a node; since this process began where it never heard it.
  func silence(of node: String) -> Duration { (last.withLock { $0[node] } ?? began).duration(to: now()) }
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
