public import Kit
import Synchronization

/// Counts and times the passes of convergers.
public final class ConvergerMeter: MetricsSource {
  /// What is counted of one converger.
  final class Tally: Sendable {
    let duration = Histogram()
    let failed = Counter()
    /// When a pass went well last, by a clock that nobody steps, in nanoseconds; 0 where none has.
    let succeeded = Gauge()
    let running = Gauge()
  }
  private let tallies = Mutex<[String: Tally]>([:])
  private let watch = Stopwatch()

  public init() {}

  /// The same converger, with its passes counted.
  public func counting(_ converger: any Converger) -> any Converger {
    let tally = Tally()
    tallies.withLock { $0[converger.name] = tally }
    return Counted(inner: converger, tally: tally, clock: watch)
  }

  private struct Counted: Converger {
    let inner: any Converger
    let tally: Tally
    let clock: Stopwatch

    var name: String { inner.name }
    var interval: Duration { inner.interval }
    var followsChanges: Bool { inner.followsChanges }

    func step() async throws {
      let watch = Stopwatch()
      tally.running.add(1)
      defer {
        tally.running.add(-1)
        tally.duration.observe(nanoseconds: watch.nanoseconds)
      }
      do { try await inner.step() } catch {
        if !(error is CancellationError) { tally.failed.add() }
        throw error
      }
      tally.succeeded.set(Int(clock.nanoseconds))
    }
  }

  public func write(_ page: inout MetricsPage) {
    let all = tallies.withLock { $0.map { (name: $0.key, tally: $0.value) } }.sorted { $0.name < $1.name }
    let now = Int(watch.nanoseconds)
    page.family("haneul_converger_pass_seconds", "histogram", "How long passes took, failed ones too.") { page in
      for (name, tally) in all { page.sample([("converger", name)], tally.duration) }
    }
    page.family("haneul_converger_failed_total", "counter", "Passes that failed.") { page in
      for (name, tally) in all { page.sample([("converger", name)], tally.failed.count) }
    }
    page.family("haneul_converger_running", "gauge", "Whether a pass runs now.") { page in
      for (name, tally) in all { page.sample([("converger", name)], tally.running.number) }
    }
    page.family(
      "haneul_converger_success_age_seconds", "gauge",
      "Time since a pass went well last; since the start where none has. It grows in a control without the lease."
    ) { page in
      for (name, tally) in all { page.sample([("converger", name)], Double(now - tally.succeeded.number) / 1e9) }
    }
  }
}
