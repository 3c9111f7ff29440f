import Foundation
import Kit

/// The embedded store: one writer and a few readers, each a thread that owns its connection; WAL, every commit durable.
///
/// Writes that wait together are committed together, one fsync for many: each closure runs in a savepoint of its own,
/// and nobody is answered before COMMIT.
public final class SQLiteStore: Store {
  /// Writes in one commit at the most.
  static let batchMax = 128
  /// Closures that may wait for the writer, or for a reader; more are refused as overloaded.
  static let waitingMax = 4096
  /// How long a batch takes in further closures, in nanoseconds.
  static let batchNanoseconds: UInt64 = 5_000_000

  public let feed = ChangeFeed()
  private let writer: WorkQueue<Write>
  private let reader: WorkQueue<Read>

  private typealias Read = @Sendable (SQLiteConnection) -> Void
  /// A closure of the writer's, with its answer held back until the outcome of COMMIT is known.
  private struct Write: Sendable {
    let run: @Sendable (SQLiteConnection) -> Finish
    /// Answers without running it.
    let refuse: @Sendable (any Error) -> Void
  }
  private struct Finish {
    var revision: Int64?
    var answer: ((any Error)?) -> Void
  }

  /// Opens or creates the database at `path` (its folder must exist). Throws `StoreError`.
  public init(path: String, readers: Int = 2) throws {
    writer = WorkQueue(waitingMax: Self.waitingMax)
    reader = WorkQueue(waitingMax: Self.waitingMax)
    let feed = self.feed
    try writer.start(name: "store-writer", { try SQLiteConnection(path: path, readOnly: false) }) { connection, next in
      Self.commitTogether(next, on: connection, feed: feed)
    }
    for number in 1...readers {
      try reader.start(name: "store-reader-\(number)", { try SQLiteConnection(path: path, readOnly: true) }) {
        connection, next in next.first(connection)
      }
    }
  }

  deinit {
    writer.stop()
    reader.stop()
  }

  public func read<T: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
      let accepted = reader.append { connection in
        continuation.resume(
          with: Result {
            try connection.run("BEGIN")
            defer { try? connection.run("COMMIT") }
            return try body(Transaction(connection))
          })
      }
      if !accepted { continuation.resume(throwing: Self.overloaded) }
    }
  }

  @discardableResult
  public func write<T: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
      let job = Write(
        run: { connection in
          let transaction = Transaction(connection)
          switch Self.savepoint(connection, { try body(transaction) }) {
          case .success(let value):
            return Finish(revision: transaction.revision) { error in
              if let error { continuation.resume(throwing: error) } else { continuation.resume(returning: value) }
            }
          case .failure(let reason):
            return Finish(revision: nil) { _ in continuation.resume(throwing: reason) }
          }
        },
        refuse: { continuation.resume(throwing: $0) })
      if !writer.append(job) { continuation.resume(throwing: Self.overloaded) }
    }
  }

  private static var overloaded: StoreError { StoreError(kind: .overloaded, message: "too many requests wait") }

  private static func savepoint<T>(_ connection: SQLiteConnection, _ body: () throws -> T) -> Result<T, any Error> {
    do {
      try connection.run("SAVEPOINT one")
      do {
        let value = try body()
        try connection.run("RELEASE one")
        return .success(value)
      } catch {
        try connection.run("ROLLBACK TO one")
        try connection.run("RELEASE one")
        return .failure(error)
      }
    } catch {
      return .failure(error)
    }
  }

  /// Runs `next` and what joins it within `batchNanoseconds` in one transaction; answers everybody after COMMIT.
  private static func commitTogether(_ next: WorkQueue<Write>.Taken, on connection: SQLiteConnection, feed: ChangeFeed)
  {
    do { try connection.run("BEGIN IMMEDIATE") } catch {
      next.first.refuse(error)
      return
    }
    var finishes = [next.first.run(connection)]
    let began = DispatchTime.now().uptimeNanoseconds
    while finishes.count < batchMax, DispatchTime.now().uptimeNanoseconds - began < batchNanoseconds,
      let more = next.more()
    {
      finishes.append(more.run(connection))
    }
    var failure: (any Error)?
    do { try connection.run("COMMIT") } catch {
      failure = error
      try? connection.run("ROLLBACK")
    }
    for finish in finishes { finish.answer(failure) }
    if failure == nil, let newest = finishes.compactMap(\.revision).max() { feed.wake(newest) }
  }
}
