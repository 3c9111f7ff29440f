import Auth
import Kit
import Store
import Synchronization

/// Tokens that were found valid, for as long as nothing has changed since.
///
/// What was read is worth something only at the very state of identity's tables that it was read from: any commit to
/// them, of anybody, voids it. So a right that was taken away is gone in the next request. A store that cannot say
/// whether they changed has no cache at all.
final class TokenCache: Sendable {
  /// Tokens remembered at the most; the next one empties the cache.
  static let tokensMax = 4096

  /// The state that something was read from: the store's, and that of the keys which open tokens.
  struct Stamp: Hashable, Sendable {
    var commits: UInt64
    var keys: Int
  }

  private struct Entry: Sendable {
    var stamp: Stamp
    var verified: VerifiedToken
  }
  private let entries = Mutex<[TokenDigest: Entry]>([:])
  /// Tokens that were looked for, by what came of it.
  private let hits = Counter()
  private let misses = Counter()
  private let unasked = Counter()

  /// What the token was found to be at `stamp`; nil where it was not looked at then, or has ended since.
  func find(_ token: TokenDigest, at stamp: Stamp, now: Timestamp) -> VerifiedToken? {
    guard let entry = entries.withLock({ $0[token] }), entry.stamp == stamp, now < entry.verified.endsAt else {
      misses.add()
      return nil
    }
    hits.add()
    return entry.verified
  }

  /// Counts a token that was verified without looking here, as the store cannot say whether it changed.
  func noteUnasked() { unasked.add() }

  /// Remembers what was read after `stamp` was taken.
  func keep(_ token: TokenDigest, _ verified: VerifiedToken, at stamp: Stamp) {
    entries.withLock { entries in
      if entries.count >= Self.tokensMax, entries[token] == nil { entries.removeAll(keepingCapacity: true) }
      entries[token] = Entry(stamp: stamp, verified: verified)
    }
  }

  /// Tokens remembered now.
  var count: Int { entries.withLock { $0.count } }
}

extension TokenCache: MetricsSource {
  func write(_ page: inout MetricsPage) {
    page.family(
      "haneul_token_cache_lookups_total", "counter",
      "Tokens to verify: remembered (hit), read from the store (miss), or of a store that has no cache (off)."
    ) {
      for (result, counter) in [("hit", hits), ("miss", misses), ("off", unasked)] {
        $0.sample([("result", result)], counter.count)
      }
    }
    page.family("haneul_token_cache_tokens", "gauge", "Tokens remembered.") { $0.sample([], count) }
  }
}
