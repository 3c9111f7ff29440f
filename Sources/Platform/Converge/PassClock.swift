import Synchronization

/// Counts the time a converger lives through, pass by pass, for limits that must end in time and not before.
///
/// The host's wall clock may be stepped by an hour either way: a limit that compared two of its readings would end
/// everything at once, or hold everything up. This clock cannot be stepped. What passes while the process is down or
/// held up counts at most `longest`, for nothing could be seen meanwhile. What passed while another control process had
/// the lease counts nothing here: that one counted it.
public final class PassClock: Sendable {
  private let least: Duration
  private let longest: Duration
  private let uptime: @Sendable () -> Duration
  private let last = Mutex<(at: Duration, fence: Int64?)?>(nil)

  /// - Parameters:
  ///   - least: shorter passes count nothing yet: their time goes to the next one, so that a loop that is woken a
  ///     thousand times a second writes no more than one that is not.
  ///   - longest: what one pass counts at the most.
  ///   - uptime: a clock that only goes on; its zero means nothing.
  public init(
    least: Duration = .seconds(1), longest: Duration, uptime: @escaping @Sendable () -> Duration = PassClock.uptime
  ) {
    self.least = least
    self.longest = longest
    self.uptime = uptime
  }

  /// The time since this process asked first.
  public static let uptime: @Sendable () -> Duration = {
    let began = ContinuousClock.now
    return { ContinuousClock.now - began }
  }()

  /// Whole milliseconds since the last call that counted some, from 0 (the first one) to `longest`.
  public func pass() -> Int {
    let now = uptime()
    let fence = Lease.current?.fence
    return last.withLock { last in
      guard let before = last?.at, last?.fence == fence, now >= before else {
        last = (now, fence)
        return 0
      }
      if now - before < least { return 0 }
      let counted = min(longest, now - before).components
      let milliseconds = Int(counted.seconds) * 1000 + Int(counted.attoseconds / 1_000_000_000_000_000)
      last = (now - before > longest ? now : before + .milliseconds(milliseconds), fence)
      return milliseconds
    }
  }
}
