import Synchronization

/// Wakes followers after a commit that changed something. A wake-up carries the newest revision and may stand for
/// many: a follower reads what it missed from the store.
public final class ChangeFeed: Sendable {
  private struct State {
    var nextFollower = 0
    var followers: [Int: AsyncStream<Int64>.Continuation] = [:]
  }
  private let state = Mutex(State())

  init() {}

  /// A stream of newest revisions; wake-ups that were not taken yet fall together into one.
  public func follow() -> AsyncStream<Int64> {
    let (stream, continuation) = AsyncStream.makeStream(of: Int64.self, bufferingPolicy: .bufferingNewest(1))
    let number = state.withLock { state in
      state.nextFollower += 1
      state.followers[state.nextFollower] = continuation
      return state.nextFollower
    }
    continuation.onTermination = { [weak self] _ in
      _ = self?.state.withLock { $0.followers.removeValue(forKey: number) }
    }
    return stream
  }

  func wake(_ revision: Int64) {
    for follower in state.withLock({ Array($0.followers.values) }) { follower.yield(revision) }
  }
}
