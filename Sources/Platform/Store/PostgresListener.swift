import Foundation
import Synchronization

/// Hears of what other processes have committed, on a thread and a connection of its own, and wakes the feed.
///
/// After the connection was lost it wakes everybody: what was told meanwhile went by unheard.
final class PostgresListener: Sendable {
  /// How long it listens before it looks whether it shall end, in milliseconds.
  private static let patienceMilliseconds = 500
  /// Between two attempts to connect.
  private static let retryMilliseconds = 500
  private let stopped = Atomic(false)
  private let feed: ChangeFeed
  private let open: @Sendable () throws -> PostgresConnection

  init(feed: ChangeFeed, open: @escaping @Sendable () throws -> PostgresConnection) {
    self.feed = feed
    self.open = open
  }

  func start() {
    let thread = Thread { [self] in
      while !stopped.load(ordering: .acquiring) {
        try? listen()
        if !stopped.load(ordering: .acquiring) { Thread.sleep(forTimeInterval: Double(Self.retryMilliseconds) / 1000) }
      }
    }
    thread.name = "store-listener"
    thread.stackSize = 1 << 20
    thread.start()
  }

  /// The thread ends soon after.
  func stop() { stopped.store(true, ordering: .releasing) }

  /// Listens until the connection is lost or it shall end.
  private func listen() throws {
    let connection = try open()
    try connection.listen()
    // Listened first, looked then: nothing falls between.
    feed.wake(try Self.newest(connection))
    while !stopped.load(ordering: .acquiring) {
      if let newest = try connection.heard(within: Self.patienceMilliseconds).max() { feed.wake(newest) }
    }
  }

  private static func newest(_ connection: PostgresConnection) throws -> Int64 {
    // A new store has no feed yet.
    let exists = try Transaction(connection).exists("SELECT 1 WHERE to_regclass('changes') IS NOT NULL")
    return exists ? try Transaction(connection).newestRevision() : 0
  }
}
