public import Kit

/// What a store says of itself on a page of metrics.
public enum StoreFacts {
  /// Writes how far the change feed is, how many of its rows are kept, and how large the database is. Throws
  /// `StoreError`.
  public static func write(_ tx: Transaction, _ page: inout MetricsPage) throws {
    let newest = try tx.count("SELECT max(revision) FROM changes")
    let oldest = try tx.count("SELECT min(revision) FROM changes")
    page.family("haneul_store_feed_revision", "gauge", "Newest revision of the change feed.") { $0.sample([], newest) }
    page.family("haneul_store_feed_oldest_revision", "gauge", "Oldest revision that the change feed keeps.") {
      $0.sample([], oldest)
    }
    let bytes = try size(tx)
    page.family("haneul_store_bytes", "gauge", "Size of the database, without its log.") { $0.sample([], bytes) }
  }

  private static func size(_ tx: Transaction) throws -> Int {
    if tx.isPostgres { return try tx.count("SELECT pg_database_size(current_database())") }
    return try tx.count("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
  }
}
