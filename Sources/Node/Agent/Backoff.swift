/// How often something that does not last is done again: at once, then with a growing pause; from the start again when
/// it has lasted for a while.
struct Backoff: Sendable {
  private var tries = 0
  private var notBefore: ContinuousClock.Instant?

  /// Counts a try and returns nil where one may be made now, else how long to wait.
  mutating func wait(_ timing: AgentTiming) -> Duration? {
    let now = ContinuousClock.now
    if let notBefore {
      if now < notBefore { return notBefore - now }
      if now > notBefore + timing.retryMax { tries = 0 }
    }
    notBefore = now + min(timing.retryMax, timing.retryFirst * (1 << min(tries, 16)))
    tries += 1
    return nil
  }
}
