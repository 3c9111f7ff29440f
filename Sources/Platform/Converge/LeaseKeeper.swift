public import Logging
public import Store
import Synchronization

/// Holds, or waits for, the lease under which a control process runs the convergers.
///
/// Which process has it does not matter, so there is one lease for all of them: one small write every `beatSeconds`
/// from the holder, one read a second from each that waits.
public final class LeaseKeeper: Sendable {
  /// The lease of everything that converges.
  public static let convergers = "convergers"
  /// How often the holder says that it lives.
  static let beatSeconds = 2
  /// How long the same beat must have been seen before another takes the lease; the holder begins nothing after as long
  /// without a beat.
  static let lastSeconds = 5

  private struct State {
    var lease: Lease?
    /// When the holder's last beat that went well began.
    var beaten: SuspendingClock.Instant?
    /// What was seen of another's lease, and since when without a change.
    var seen: (entry: LeaseTable.Entry, since: SuspendingClock.Instant)?
    var nextFollower = 0
    var followers: [Int: AsyncStream<Void>.Continuation] = [:]
  }
  private let store: any Store
  private let name: String
  private let holder: String
  private let logger: Logger
  private let now: @Sendable () -> SuspendingClock.Instant
  private let state = Mutex(State())

  /// - Parameters:
  ///   - holder: this process's place, `host/1`: no two processes that live have the same. A process that is started
  ///     where another died takes what that one held at once.
  ///   - now: a clock that nobody steps.
  public init(
    store: any Store, name: String = LeaseKeeper.convergers, holder: String, logger: Logger,
    now: @escaping @Sendable () -> SuspendingClock.Instant = { .now }
  ) {
    self.store = store
    self.name = name
    self.holder = holder
    self.logger = logger
    self.now = now
  }

  /// The lease, where this process holds it and was heard by the store lately enough to begin something.
  public var lease: Lease? {
    let now = now()
    return state.withLock { state in
      guard let beaten = state.beaten, beaten.duration(to: now) < .seconds(Self.lastSeconds) else { return nil }
      return state.lease
    }
  }

  /// Something each time the lease comes to this process.
  func taken() -> AsyncStream<Void> {
    let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
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

  /// Holds or waits until the task is cancelled. Call `release` when everything that worked under it has ended.
  public func run() async {
    while !Task.isCancelled {
      do { try await look() } catch is CancellationError { return } catch {
        couldNotLook()
        logger.warning("the lease could not be looked at", metadata: ["error": "\(error)"])
      }
      let pause = state.withLock { $0.lease == nil } ? 1 : Self.beatSeconds
      guard (try? await Task.sleep(for: .seconds(pause), clock: .suspending)) != nil else { return }
    }
  }

  /// Nothing can be said of another's beats while the store could not be read.
  func couldNotLook() { state.withLock { $0.seen = nil } }

  /// One beat where it is held, else one look at who holds it.
  func look() async throws {
    let began = now()
    if let lease = state.withLock({ $0.lease }) {
      if try await store.write({ try LeaseTable.beat($0, lease) }) {
        let late = state.withLock { state in
          defer { state.beaten = began }
          return state.beaten.map { $0.duration(to: began) >= .seconds(Self.lastSeconds) } ?? true
        }
        if late { announce() }
        return
      }
      logger.warning("the lease went to another control process", metadata: ["lease": "\(name)"])
      state.withLock { ($0.lease, $0.beaten, $0.seen) = (nil, nil, nil) }
    }
    let entry = try await store.read { [name] in try LeaseTable.find($0, name) }
    guard mayTake(entry, at: began) else { return }
    guard
      let lease = try await store.write({ [name, holder] in try LeaseTable.take($0, name, holder: holder, seen: entry) }
      )
    else { return }
    state.withLock { ($0.lease, $0.beaten, $0.seen) = (lease, began, nil) }
    logger.info("this process runs the convergers", metadata: ["lease": "\(name)", "fence": "\(lease.fence)"])
    announce()
  }

  /// Free, of the process whose place this one took, or without a beat for too long.
  private func mayTake(_ entry: LeaseTable.Entry?, at now: SuspendingClock.Instant) -> Bool {
    guard let entry, !entry.holder.isEmpty, entry.holder != holder else { return true }
    return state.withLock { state in
      guard let seen = state.seen, seen.entry == entry else {
        state.seen = (entry, now)
        return false
      }
      return seen.since.duration(to: now) >= .seconds(Self.lastSeconds)
    }
  }

  private func announce() {
    for follower in state.withLock({ Array($0.followers.values) }) { follower.yield() }
  }

  /// Gives the lease back, so that another process need not wait. It is tried once.
  public func release() async {
    guard
      let lease = state.withLock({ state in
        defer { (state.lease, state.beaten) = (nil, nil) }
        return state.lease
      })
    else { return }
    do { try await store.write { try LeaseTable.release($0, lease) } } catch {
      logger.warning("the lease could not be given back", metadata: ["error": "\(error)"])
    }
  }
}
