/// A thread's connection, opened anew when the disk failed under it: what SQLite keeps of a file that could not be
/// read, written or synced is not to be trusted, and a file opened while its file system was read-only stays so.
final class SQLiteHandle {
  private let path: String
  private let readOnly: Bool
  private var current: SQLiteConnection?

  /// Throws `StoreError` where it cannot be opened now.
  init(path: String, readOnly: Bool) throws {
    self.path = path
    self.readOnly = readOnly
    current = try SQLiteConnection(path: path, readOnly: readOnly)
  }

  /// Runs `body` on a connection that has no transaction open. Throws `StoreError` where it cannot be opened, and what
  /// `body` throws.
  func use<T>(_ body: (SQLiteConnection) throws -> T) throws -> T {
    let connection = try current ?? SQLiteConnection(path: path, readOnly: readOnly)
    current = connection
    do {
      let value = try body(connection)
      settle(connection)
      return value
    } catch {
      settle(connection)
      if let error = error as? StoreError, [.io, .readOnly, .corrupt].contains(error.kind) { current = nil }
      throw error
    }
  }

  /// Ends a transaction that a failure left open; a connection where that fails too is given up.
  private func settle(_ connection: SQLiteConnection) {
    guard connection.inTransaction else { return }
    try? connection.run("ROLLBACK")
    if connection.inTransaction { current = nil }
  }
}
