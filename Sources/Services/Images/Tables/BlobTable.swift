import Contracts
import Store

/// Which bytes are kept, and who stands on them.
///
/// Each row names a file of its own, so taking a row away and bringing the same bytes in again cannot meet in one file.
enum BlobTable {
  static func find(_ tx: Transaction, digest: String) throws -> BlobRecord? {
    try tx.first(
      "SELECT digest, file, size, md5, sha512, format, virtual_size FROM blob WHERE digest = \(digest)"
    ) { read($0, from: 0) } ?? nil
  }

  /// Seven columns, from `column` on: digest, file, size, md5, sha512, format, virtual size; nil where they are null.
  static func read(_ row: any Row, from column: Int) -> BlobRecord? {
    guard let digest = row.textOrNil(column), let format = DiskFormat(rawValue: row.text(column + 5)) else {
      return nil
    }
    return BlobRecord(
      digest: digest, file: row.text(column + 1), size: Int64(row.int(column + 2)), md5: row.text(column + 3),
      sha512: row.text(column + 4), format: format, virtualSize: Int64(row.int(column + 6)))
  }

  /// Makes the bytes known. Where the same bytes are there already, those stay, and false is returned.
  static func add(_ tx: Transaction, _ blob: BlobRecord) throws -> Bool {
    try tx.execute(
      """
      INSERT INTO blob (digest, file, size, md5, sha512, format, virtual_size)
      VALUES (\(blob.digest), \(blob.file), \(blob.size), \(blob.md5), \(blob.sha512), \(blob.format.rawValue),
        \(blob.virtualSize))
      ON CONFLICT (digest) DO NOTHING
      """) == 1
  }

  static func pin(_ tx: Transaction, digest: String, holder: String) throws {
    try tx.execute(
      "INSERT INTO blob_pin (digest, holder) VALUES (\(digest), \(holder)) ON CONFLICT (digest, holder) DO NOTHING")
  }

  static func unpin(_ tx: Transaction, digest: String, holder: String) throws {
    try tx.execute("DELETE FROM blob_pin WHERE digest = \(digest) AND holder = \(holder)")
  }

  static func pins(_ tx: Transaction, holders: [String]) throws -> [ImagePin] {
    try tx.query("SELECT digest, holder FROM blob_pin WHERE holder IN (\(list: holders)) ORDER BY holder, digest") {
      ImagePin(digest: $0.text(0), holder: $0.text(1))
    }
  }

  /// The pins of holders that come after `holder`, by holder; at most `limit` holders.
  static func pins(_ tx: Transaction, after holder: String, limit: Int) throws -> [ImagePin] {
    try tx.query(
      """
      SELECT digest, holder FROM blob_pin WHERE holder IN (
        SELECT DISTINCT holder FROM blob_pin WHERE holder > \(holder) ORDER BY holder LIMIT \(limit))
      ORDER BY holder, digest
      """
    ) { ImagePin(digest: $0.text(0), holder: $0.text(1)) }
  }

  private static let unused: SQL = """
    NOT EXISTS (SELECT 1 FROM image WHERE image.digest = blob.digest)
    AND NOT EXISTS (SELECT 1 FROM blob_pin WHERE blob_pin.digest = blob.digest)
    """

  /// Whether any bytes have neither an image nor a pin.
  static func hasUnused(_ tx: Transaction) throws -> Bool {
    try tx.exists("SELECT 1 FROM blob WHERE \(unused) LIMIT 1")
  }

  /// Forgets bytes that no image and no pin refers to; returns the files that may now be removed.
  static func forgetUnused(_ tx: Transaction) throws -> [String] {
    try tx.query("DELETE FROM blob WHERE \(unused) RETURNING file") { $0.text(0) }
  }

  /// `forgetUnused` for one digest.
  static func forgetUnused(_ tx: Transaction, digest: String) throws -> String? {
    try tx.first("DELETE FROM blob WHERE digest = \(digest) AND \(unused) RETURNING file") { $0.text(0) }
  }

  /// Of `files`, those that are the file of known bytes or of an upload under way.
  static func known(_ tx: Transaction, among files: [String]) throws -> Set<String> {
    var known: Set<String> = []
    for start in stride(from: 0, to: files.count, by: 500) {
      let part = Array(files[start..<min(start + 500, files.count)])
      try tx.forEach(
        """
        SELECT file FROM blob WHERE file IN (\(list: part))
        UNION ALL SELECT upload_id FROM image WHERE upload_id IN (\(list: part))
        """
      ) { known.insert($0.text(0)) }
    }
    return known
  }
}
