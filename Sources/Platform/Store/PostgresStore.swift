import Kit

/// The store on a PostgreSQL server, which several control processes may share.
///
/// One thread writes, a few read, one listens; each owns its connection. A server that restarts or is gone makes
/// everything fail with `StoreError.Kind.unavailable`; connections are opened anew by themselves.
public final class PostgresStore: Store, BatchingStore {
  private let engine: StoreEngine<PostgresConnection>
  private let listener: PostgresListener

  /// Connects to `url` (`postgres://user@host/database`, or libpq's `name=value` text). The database must exist, be of
  /// encoding UTF8, and may be empty. Throws `StoreError`.
  public init(url: String, readers: Int = 4) throws {
    let address = try PostgresAddress(url: url)
    let gate = ConnectGate()
    let sender = Identifier.hex()
    let connect = { @Sendable in try PostgresConnection(address, sender: sender) }
    let open = { @Sendable in try gate.pass(connect) }
    engine = try StoreEngine(
      readers: readers,
      .init(
        writer: { try ConnectionHandle(open: open) },
        // Opened when they are needed.
        reader: { try ConnectionHandle(later: true, open: open) }))
    listener = PostgresListener(feed: engine.feed, open: connect)
    listener.start()
  }

  deinit { listener.stop() }

  public var feed: ChangeFeed { engine.feed }
  var batches: Histogram { engine.committed.batches }
  /// Others write too.
  public func commits(to family: String) -> UInt64? { nil }

  public func read<T: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T {
    try await engine.read(body)
  }

  @discardableResult
  public func write<T: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T {
    try await engine.write(body)
  }
}
