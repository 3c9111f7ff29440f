import CSimulation

@testable import Store

/// The disk under the store: it outlives control. One SQLite database in memory, used on the simulation's thread.
///
/// `@unchecked Sendable`: everything of the simulation runs on its one thread.
final class StoreDisk: @unchecked Sendable {
  let connection: SQLiteConnection
  private(set) var commits = 0

  init() throws { connection = try SQLiteConnection(path: ":memory:", readOnly: false) }

  /// Throws for a read that writes.
  func read<T>(_ body: (Transaction) throws -> T) throws -> T {
    try connection.run("BEGIN")
    defer { try? connection.run("ROLLBACK") }
    let before = connection.rowsChanged
    let value = try body(Transaction(connection))
    guard connection.rowsChanged == before else { throw StoreError(kind: .readOnly, message: "a read has written") }
    return value
  }

  /// Returns what `body` gives and the newest revision, nil where the feed carries nothing of it.
  func write<T>(_ body: (Transaction) throws -> T) throws -> (value: T, revision: Int64?) {
    try connection.run("BEGIN IMMEDIATE")
    let transaction = Transaction(connection)
    do {
      let value = try body(transaction)
      try connection.run("COMMIT")
      commits += 1
      return (value, transaction.revision)
    } catch {
      if connection.inTransaction { try? connection.run("ROLLBACK") }
      throw error
    }
  }
}

/// The store as one life of control has it: what it is told to fail with, it fails with; what was committed stays, what
/// was not goes with control.
///
/// `@unchecked Sendable`: everything of the simulation runs on its one thread.
final class SimulatedStore: Store, @unchecked Sendable {
  let feed = ChangeFeed()
  private let world: World
  private let life: Life

  init(world: World, life: Life) {
    self.world = world
    self.life = life
  }

  func read<T: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T {
    try await world.pause(microseconds: 20...400)
    try life.check()
    if let fault = world.storeFault(ofRead: true) { throw fault }
    return try world.disk.read(body)
  }

  @discardableResult
  func write<T: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T {
    try await world.pause(microseconds: 20...2000)
    try life.check()
    if let fault = world.storeFault(ofRead: false) { throw fault }
    let (value, revision) = try world.disk.write(body)
    // Kept from here on, and nobody knows it yet.
    if world.controlDiesAtCommit() { throw Life.Over() }
    try await world.pause(microseconds: 100...4000)
    try life.check()
    if let revision { feed.wake(revision) }
    if world.storeForgetsToAnswer() {
      throw StoreError(kind: .outcomeUnknown, message: "simulated: gone while committing")
    }
    return value
  }
}
