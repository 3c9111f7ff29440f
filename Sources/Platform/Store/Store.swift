/// Where everything that was asked and observed is kept. One store serves all services.
public protocol Store: Sendable {
  /// Runs `body` on a consistent snapshot. Writing in it fails. Throws what `body` throws, or `StoreError`.
  func read<T: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T

  /// Runs `body` in a transaction and returns when it is durable. Where `body` throws, nothing of it is kept.
  /// Throws what `body` throws, or `StoreError`.
  @discardableResult
  func write<T: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T

  /// Wakes those who follow what changes.
  var feed: ChangeFeed { get }

  /// A number that has grown before any write that changed tables of `family` is answered, which are those whose names
  /// begin with this word and an underscore: what was read from them after this was taken holds as long as it stays the
  /// same. nil where other processes write to the store too.
  func commits(to family: String) -> UInt64?
}

extension Store {
  public func commits(to family: String) -> UInt64? { nil }
}
