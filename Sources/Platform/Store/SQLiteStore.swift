import Kit

/// The embedded store: one writer and a few readers, each a thread that owns its connection; WAL, every commit durable.
///
/// A disk that is full, read-only or failing refuses writes with a `StoreError` that says so; they go on when the cause
/// is gone, and reads go on meanwhile as far as the disk lets them.
public final class SQLiteStore: Store, BatchingStore {
  private let engine: StoreEngine<SQLiteConnection>

  /// Opens or creates the database at `path` (its folder must exist). Throws `StoreError`.
  public init(path: String, readers: Int = 2) throws {
    engine = try StoreEngine(
      readers: readers,
      .init(
        writer: { try ConnectionHandle { try SQLiteConnection(path: path, readOnly: false) } },
        reader: { try ConnectionHandle { try SQLiteConnection(path: path, readOnly: true) } }))
  }

  public var feed: ChangeFeed { engine.feed }
  var batches: Histogram { engine.committed.batches }
  public func commits(to family: String) -> UInt64? { engine.committed.number(of: family) }

  public func read<T: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T {
    try await engine.read(body)
  }

  @discardableResult
  public func write<T: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T {
    try await engine.write(body)
  }

  /// Writes that nobody has begun yet.
  var writesWaiting: Int { engine.writesWaiting }
}
