public import Store

/// The right of one control process to run the convergers, where several share a store. At any time one process holds
/// it; a process that lost it without noticing (it was paused, or cut off) can write nothing under it any more.
public struct Lease: Sendable, Hashable {
  /// What it is for.
  public var name: String
  /// The process that holds it, by its place: `host/1`.
  public var holder: String
  /// Grows by one whenever the lease goes to a process. Whoever writes under an older one is refused.
  public var fence: Int64

  public init(name: String, holder: String, fence: Int64) {
    self.name = name
    self.holder = holder
    self.fence = fence
  }

  /// The lease under which this task works; nil where none is needed. Every write through a `FencedStore` checks it.
  @TaskLocal public static var current: Lease?

  /// The lease went to another process meanwhile: nothing of the write was kept.
  public struct Lost: Error, Sendable, Hashable {
    public var lease: Lease
  }

  /// Throws `Lost` where the lease is not its holder's any more.
  func check(_ tx: Transaction) throws {
    guard try LeaseTable.find(tx, name)?.fence == fence else { throw Lost(lease: self) }
  }
}

/// A store that lets a task write only as long as the lease it works under is held: the check is the first statement
/// of the transaction itself. Tasks that work under no lease write as ever.
public struct FencedStore: Store {
  private let base: any Store

  public init(_ base: any Store) { self.base = base }

  public var feed: ChangeFeed { base.feed }
  public func commits(to family: String) -> UInt64? { base.commits(to: family) }

  public func read<T: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T {
    try await base.read(body)
  }

  /// Throws `Lease.Lost` besides what every store throws.
  @discardableResult
  public func write<T: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T {
    guard let lease = Lease.current else { return try await base.write(body) }
    return try await base.write { tx in
      try lease.check(tx)
      return try body(tx)
    }
  }
}

/// Leases as they are stored.
///
/// A row carries no time, so no host's clock counts: the holder changes `beat` every `LeaseKeeper.beatSeconds`, and who
/// has seen the same beat for `LeaseKeeper.lastSeconds` by a clock of its own that nobody steps may take the lease.
public enum LeaseTable {
  /// One lease as it stands in the store.
  struct Entry: Sendable, Hashable {
    /// Empty: it was given back.
    var holder: String
    var fence: Int64
    var beat: Int64
  }

  public static let migrations = [
    Migration(
      room: "converge", number: 2, .expand,
      [
        """
        CREATE TABLE lease (
          name TEXT PRIMARY KEY, holder TEXT NOT NULL, fence INTEGER NOT NULL, beat INTEGER NOT NULL)
        """
      ])
  ]

  /// Every lease with its holder, by name. For people.
  public static func holders(_ tx: Transaction) throws -> [(name: String, holder: String)] {
    try tx.query("SELECT name, holder FROM lease ORDER BY name") { ($0.text(0), $0.text(1)) }
  }

  static func find(_ tx: Transaction, _ name: String) throws -> Entry? {
    try tx.first("SELECT holder, fence, beat FROM lease WHERE name = \(name)") {
      Entry(holder: $0.text(0), fence: Int64($0.int(1)), beat: Int64($0.int(2)))
    }
  }

  /// Gives the lease to `holder` with the next fence, where it still stands as `seen` (nil: there was none yet).
  static func take(_ tx: Transaction, _ name: String, holder: String, seen: Entry?) throws -> Lease? {
    guard try find(tx, name) == seen else { return nil }
    let fence = (seen?.fence ?? 0) + 1
    try tx.execute(
      """
      INSERT INTO lease (name, holder, fence, beat) VALUES (\(name), \(holder), \(fence), 0)
      ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, fence = excluded.fence, beat = excluded.beat
      """)
    return Lease(name: name, holder: holder, fence: fence)
  }

  /// Says that the holder lives. False where the lease is another's by now.
  static func beat(_ tx: Transaction, _ lease: Lease) throws -> Bool {
    try tx.execute("UPDATE lease SET beat = beat + 1 WHERE name = \(lease.name) AND fence = \(lease.fence)") > 0
  }

  /// Gives the lease back, so that another need not wait.
  static func release(_ tx: Transaction, _ lease: Lease) throws {
    try tx.execute("UPDATE lease SET holder = '' WHERE name = \(lease.name) AND fence = \(lease.fence)")
  }
}
