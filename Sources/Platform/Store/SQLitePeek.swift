/// Reads a store's file beside the process that owns it, for commands that must work without it.
public enum SQLitePeek {
  /// Runs `body` once on a snapshot. Writing in it fails. Throws `StoreError`, and what `body` throws.
  public static func read<T>(path: String, _ body: (Transaction) throws -> T) throws -> T {
    try ConnectionHandle { try SQLiteConnection(path: path, readOnly: true) }.read(body)
  }
}
