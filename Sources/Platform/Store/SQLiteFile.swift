/// The file of an embedded store that nobody has open.
public enum SQLiteFile {
  /// Takes what its log holds into the file itself, durably, and removes the log: from then on it is one file that can
  /// be copied, linked and renamed. Throws `StoreError` where it cannot be opened, or somebody has it open.
  public static func fold(path: String) throws {
    let connection = try SQLiteConnection(path: path, readOnly: false)
    try connection.run("PRAGMA wal_checkpoint(TRUNCATE)")
    try connection.run("PRAGMA journal_mode=DELETE")
  }
}
