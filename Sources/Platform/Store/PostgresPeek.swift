import Kit

/// Reads, or writes once, on a PostgreSQL store beside the processes that serve it: for commands that end soon after.
/// Everything happens on the caller's thread, so none is left inside libpq when the program ends.
public enum PostgresPeek {
  /// Runs `body` once on a snapshot. Writing in it fails. Throws `StoreError`, and what `body` throws.
  public static func read<T>(url: String, _ body: (Transaction) throws -> T) throws -> T {
    try handle(url).read(body)
  }

  /// Runs `body` in a transaction, with every other writer held up until it ends. Throws `StoreError`, and what `body`
  /// throws.
  public static func write<T>(url: String, _ body: (Transaction) throws -> T) throws -> T {
    try handle(url).use { connection in
      try connection.beginWriting()
      let value = try body(Transaction(connection))
      try connection.commitWriting(newest: nil)
      return value
    }
  }

  private static func handle(_ url: String) throws -> ConnectionHandle<PostgresConnection> {
    let address = try PostgresAddress(url: url)
    return try ConnectionHandle { try PostgresConnection(address, sender: Identifier.hex()) }
  }
}
