import NIOCore
import Synchronization

/// Token buckets by name, a bounded number of them.
final class RateLimiter: Sendable {
  /// Names that are remembered. Beyond it, those whose bucket is full again are forgotten; where none is, a new name
  /// shares one bucket with all other new names, so that a flood of names gains nothing.
  static let namesMax = 16_384

  private struct Bucket {
    var tokens: Double
    var filled: NIODeadline
  }
  private struct State {
    var buckets: [String: Bucket] = [:]
    var swept = NIODeadline.uptimeNanoseconds(0)
  }
  private let rate: Rate
  private let state = Mutex(State())

  init(_ rate: Rate) { self.rate = rate }

  /// Takes a token; where there is none, seconds until there will be one.
  func take(_ name: String, at now: NIODeadline) -> Int? {
    state.withLock { state in
      var name = name
      if state.buckets.count >= Self.namesMax, state.buckets[name] == nil {
        if now - state.swept > .seconds(1) { sweep(&state, now) }
        if state.buckets.count >= Self.namesMax { name = "" }
      }
      var bucket = state.buckets[name] ?? Bucket(tokens: rate.burst, filled: now)
      bucket.tokens = tokens(bucket, now)
      bucket.filled = now
      let wait = bucket.tokens >= 1 ? nil : max(1, Int(((1 - bucket.tokens) / rate.perSecond).rounded(.up)))
      if wait == nil { bucket.tokens -= 1 }
      state.buckets[name] = bucket
      return wait
    }
  }

  private func tokens(_ bucket: Bucket, _ now: NIODeadline) -> Double {
    min(rate.burst, bucket.tokens + Double((now - bucket.filled).nanoseconds) / 1e9 * rate.perSecond)
  }

  private func sweep(_ state: inout State, _ now: NIODeadline) {
    state.swept = now
    state.buckets = state.buckets.filter { tokens($0.value, now) < rate.burst }
  }
}
