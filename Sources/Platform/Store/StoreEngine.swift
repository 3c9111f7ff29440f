import Foundation
import Kit

/// What both engines do alike: one thread that writes and a few that read, each owning its connection.
///
/// Writes that wait together are committed together, one sync for many: each closure runs in a savepoint of its own,
/// and nobody is answered before COMMIT.
final class StoreEngine<Connection: EngineConnection>: Sendable {
  typealias Handle = ConnectionHandle<Connection>
  /// How connections are opened, on the thread that will own them.
  struct Openers: Sendable {
    var writer: @Sendable () throws -> Handle
    var reader: @Sendable () throws -> Handle
  }
  /// A closure of the writer's, with its answer held back until the outcome of COMMIT is known.
  private struct Write: Sendable {
    let run: @Sendable (Connection) -> Finish
    /// Answers without running it.
    let refuse: @Sendable (any Error) -> Void
  }
  private struct Finish {
    var revision: Int64?
    /// Why this one is not kept, whatever becomes of the others.
    var reason: (any Error)?
    var answer: ((any Error)?) -> Void
  }

  let feed = ChangeFeed()
  /// Counts the commits that changed rows.
  let committed = CommitCount()
  private let writer = WorkQueue<Write>(waitingMax: StoreLimits.waitingMax)
  private let reader = WorkQueue<@Sendable (Handle) -> Void>(waitingMax: StoreLimits.waitingMax)

  /// Starts the threads. Throws what opening throws.
  init(readers: Int, _ openers: Openers) throws {
    let (feed, committed) = (self.feed, self.committed)
    try writer.start(name: "store-writer", { (try openers.writer(), BatchPatience()) }) { owned, next in
      Self.commitTogether(next, on: owned.0, owned.1, feed: feed, committed: committed)
    }
    for number in 1...readers {
      try reader.start(name: "store-reader-\(number)", openers.reader) { handle, next in next.first(handle) }
    }
  }

  // The threads end when they have done what waits.
  deinit {
    writer.stop()
    reader.stop()
  }

  /// Writes that nobody has begun yet.
  var writesWaiting: Int { writer.waiting }

  func read<T: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
      let accepted = reader.append { handle in continuation.resume(with: Result { try handle.read(body) }) }
      if !accepted { continuation.resume(throwing: Self.overloaded) }
    }
  }

  func write<T: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T {
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

  private static var overloaded: StoreError { StoreError(kind: .overloaded, message: "too many requests wait") }

  /// Runs `body` so that nothing of it is kept where it throws. Where even that fails the whole transaction is ended,
  /// which its batch sees.
  private static func savepoint<T>(_ connection: Connection, _ body: () throws -> T) -> Result<T, any Error> {
    do {
      try connection.savepoint()
      let value = try body()
      try connection.releaseSavepoint()
      return .success(value)
    } catch {
      if connection.inTransaction {
        do { try connection.returnToSavepoint() } catch { try? connection.rollback() }
      }
      return .failure(error)
    }
  }

  /// Runs `next` and what joins it in one transaction; answers everybody after COMMIT.
  private static func commitTogether(
    _ next: WorkQueue<Write>.Taken, on handle: Handle, _ patience: BatchPatience, feed: ChangeFeed,
    committed: CommitCount
  ) {
    var finishes: [Finish] = []
    var newest: Int64?
    do {
      try handle.use { connection in
        let before = connection.rowsChanged
        // Counted before anybody is answered, and where COMMIT failed too: what it kept is not known then.
        defer {
          let changed = connection.takeChanged()
          if connection.rowsChanged != before { committed.grow(changed) }
        }
        try connection.beginWriting()
        try gather(next, on: connection, patience, &finishes)
        newest = finishes.compactMap(\.revision).max()
        try patience.measure { try connection.commitWriting(newest: newest) }
      }
    } catch {
      if finishes.isEmpty { next.first.refuse(error) }
      for finish in finishes { finish.answer(error) }
      return
    }
    committed.batches.observe(finishes.count)
    for finish in finishes { finish.answer(nil) }
    if let newest { feed.wake(newest) }
  }

  /// Runs closures until there are enough. Throws where the engine has ended the transaction, and with it all of them:
  /// what ran on would be committed one by one.
  private static func gather(
    _ next: WorkQueue<Write>.Taken, on connection: Connection, _ patience: BatchPatience, _ finishes: inout [Finish]
  ) throws {
    let began = DispatchTime.now().uptimeNanoseconds
    var job: Write? = next.first
    while let current = job {
      let finish = current.run(connection)
      finishes.append(finish)
      guard connection.inTransaction else {
        throw finish.reason as? StoreError ?? StoreError(kind: .io, message: "the transaction was ended by a failure")
      }
      let spent = DispatchTime.now().uptimeNanoseconds - began
      let full = finishes.count == StoreLimits.batchMax || spent >= patience.nanoseconds
      job = full ? nil : next.more()
    }
  }
}

/// The bounds of what waits and of what is committed together.
enum StoreLimits {
  /// Writes in one commit at the most.
  static let batchMax = 128
  /// Closures that may wait for the writer, or for a reader; more are refused as overloaded.
  static let waitingMax = 4096
  /// How long a batch takes in further closures, in nanoseconds: at least, and at most where committing takes long.
  static let batchNanoseconds: ClosedRange<UInt64> = 5_000_000...50_000_000
}

/// How long a batch takes in further closures: as long as the last COMMIT took, so that a disk or server that is slow
/// to commit does so for more of them. Used on the writer's thread alone.
private final class BatchPatience {
  private(set) var nanoseconds = StoreLimits.batchNanoseconds.lowerBound

  func measure(_ commit: () throws -> Void) rethrows {
    let began = DispatchTime.now().uptimeNanoseconds
    try commit()
    let took = DispatchTime.now().uptimeNanoseconds - began
    nanoseconds = min(max(took, StoreLimits.batchNanoseconds.lowerBound), StoreLimits.batchNanoseconds.upperBound)
  }
}
