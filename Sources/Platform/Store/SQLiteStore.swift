import Foundation
import Kit

/// The embedded store: one writer and a few readers, each a thread that owns its connection; WAL, every commit durable.
///
/// Writes that wait together are committed together, one fsync for many: each closure runs in a savepoint of its own,
/// and nobody is answered before COMMIT. A disk that is full, read-only or failing refuses writes with a `StoreError`
/// that says so; they go on when the cause is gone, and reads go on meanwhile as far as the disk lets them.
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

  private typealias Read = @Sendable (SQLiteHandle) -> Void
  /// A closure of the writer's, with its answer held back until the outcome of COMMIT is known.
  private struct Write: Sendable {
    let run: @Sendable (SQLiteConnection) -> Finish
    /// Answers without running it.
    let refuse: @Sendable (any Error) -> Void
  }
  private struct Finish {
    var revision: Int64?
    /// Why this one is not kept, whatever becomes of the others.
    var reason: (any Error)?
    var answer: ((any Error)?) -> Void
  }

  /// Opens or creates the database at `path` (its folder must exist). Throws `StoreError`.
  public init(path: String, readers: Int = 2) throws {
    writer = WorkQueue(waitingMax: Self.waitingMax)
    reader = WorkQueue(waitingMax: Self.waitingMax)
    let feed = self.feed
    try writer.start(name: "store-writer", { try SQLiteHandle(path: path, readOnly: false) }) { handle, next in
      Self.commitTogether(next, on: handle, feed: feed)
    }
    for number in 1...readers {
      try reader.start(name: "store-reader-\(number)", { try SQLiteHandle(path: path, readOnly: true) }) {
        handle, next in
        next.first(handle)
      }
    }
  }

  deinit {
    writer.stop()
    reader.stop()
  }

  public func read<T: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
      let accepted = reader.append { handle in
        continuation.resume(
          with: Result {
            try handle.use { connection in
              try connection.run("BEGIN")
              let value = try body(Transaction(connection))
              try connection.run("COMMIT")
              return value
            }
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
            return Finish(revision: nil, reason: reason) { _ in continuation.resume(throwing: reason) }
          }
        },
        refuse: { continuation.resume(throwing: $0) })
      if !writer.append(job) { continuation.resume(throwing: Self.overloaded) }
    }
  }

  /// Writes that nobody has begun yet.
  var writesWaiting: Int { writer.waiting }

  private static var overloaded: StoreError { StoreError(kind: .overloaded, message: "too many requests wait") }

  /// Runs `body` so that nothing of it is kept where it throws. Where even that fails the whole transaction is ended,
  /// which its batch sees.
  private static func savepoint<T>(_ connection: SQLiteConnection, _ body: () throws -> T) -> Result<T, any Error> {
    do {
      try connection.run("SAVEPOINT one")
      let value = try body()
      try connection.run("RELEASE one")
      return .success(value)
    } catch {
      if connection.inTransaction {
        do {
          try connection.run("ROLLBACK TO one")
          try connection.run("RELEASE one")
        } catch { try? connection.run("ROLLBACK") }
      }
      return .failure(error)
    }
  }

  /// Runs `next` and what joins it within `batchNanoseconds` in one transaction; answers everybody after COMMIT.
  private static func commitTogether(_ next: WorkQueue<Write>.Taken, on handle: SQLiteHandle, feed: ChangeFeed) {
    var finishes: [Finish] = []
    do {
      try handle.use { connection in
        try connection.run("BEGIN IMMEDIATE")
        try gather(next, on: connection, &finishes)
        try connection.run("COMMIT")
      }
    } catch {
      if finishes.isEmpty { next.first.refuse(error) }
      for finish in finishes { finish.answer(error) }
      return
    }
    for finish in finishes { finish.answer(nil) }
    if let newest = finishes.compactMap(\.revision).max() { feed.wake(newest) }
  }

  /// Runs closures until there are enough. Throws where SQLite has ended the transaction, and with it all of them: what
  /// ran on would be committed one by one.
  private static func gather(
    _ next: WorkQueue<Write>.Taken, on connection: SQLiteConnection, _ finishes: inout [Finish]
  ) throws {
    let began = DispatchTime.now().uptimeNanoseconds
    var job: Write? = next.first
    while let current = job {
      let finish = current.run(connection)
      finishes.append(finish)
      guard connection.inTransaction else {
        throw finish.reason as? StoreError ?? StoreError(kind: .io, message: "the transaction was ended by a failure")
      }
      let full = finishes.count == batchMax || DispatchTime.now().uptimeNanoseconds - began >= batchNanoseconds
      job = full ? nil : next.more()
    }
  }
}
