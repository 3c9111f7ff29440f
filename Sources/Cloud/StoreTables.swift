import Store

/// The tables of a store as its engine knows them, for what must treat every table alike: backup and restore.
enum StoreTables {
  /// What a column holds, in the words of a backup.
  enum Kind: String, Sendable, Codable {
    case integer, real, text, blob
  }

  struct Column: Sendable, Codable, Hashable {
    var name: String
    var kind: Kind
  }

  /// Whether there is a table of this name.
  static func exists(_ tx: Transaction, _ name: String) throws -> Bool {
    tx.isPostgres
      ? try tx.exists(
        "SELECT 1 FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = \(name)")
      : try tx.exists("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = \(name)")
  }

  /// Names of all tables, sorted.
  static func names(_ tx: Transaction) throws -> [String] {
    let all =
      tx.isPostgres
      ? try tx.query(
        """
        SELECT table_name FROM information_schema.tables
        WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'
        """
      ) { $0.text(0) }
      : try tx.query("SELECT name FROM sqlite_master WHERE type = 'table'") { $0.text(0) }
    return all.filter { !$0.hasPrefix("sqlite_") }.sorted()
  }

  /// The columns in their order.
  static func columns(_ tx: Transaction, _ table: String) throws -> [Column] {
    if tx.isPostgres {
      return try tx.query(
        """
        SELECT column_name, data_type FROM information_schema.columns
        WHERE table_schema = current_schema() AND table_name = \(table) ORDER BY ordinal_position
        """
      ) { Column(name: $0.text(0), kind: kind($0.text(1))) }
    }
    return try tx.query("SELECT name, type FROM pragma_table_info(\(table)) ORDER BY cid") {
      Column(name: $0.text(0), kind: kind($0.text(1)))
    }
  }

  private static func kind(_ type: String) -> Kind {
    switch type.lowercased() {
    case "integer", "bigint", "smallint": .integer
    case "real", "double precision": .real
    case "blob", "bytea": .blob
    default: .text
    }
  }

  /// Which columns of a table name a row of which column of which table.
  struct Reference: Sendable, Hashable {
    var column: String
    var table: String
    var target: String
  }

  static func references(_ tx: Transaction, _ table: String) throws -> [Reference] {
    if tx.isPostgres {
      return try tx.query(
        """
        SELECT a.attname, f.relname, b.attname FROM pg_constraint c
        JOIN pg_class f ON f.oid = c.confrelid
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
        JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = c.confkey[1]
        WHERE c.contype = 'f' AND c.conrelid = to_regclass(quote_ident(\(table)))
        """
      ) { Reference(column: $0.text(0), table: $0.text(1), target: $0.text(2)) }
    }
    return try tx.query("SELECT \"from\", \"table\", \"to\" FROM pragma_foreign_key_list(\(table))") {
      Reference(column: $0.text(0), table: $0.text(1), target: $0.text(2))
    }
  }

  /// Lets the counters of numbered rows go on after the highest number there is, where rows came with their numbers.
  static func settleCounters(_ tx: Transaction) throws {
    // SQLite counts on from the highest by itself.
    guard tx.isPostgres else { return }
    let counters = try tx.query(
      """
      SELECT table_name, column_name FROM information_schema.columns
      WHERE table_schema = current_schema() AND is_identity = 'YES'
      """
    ) { ($0.text(0), $0.text(1)) }
    for (table, column) in counters {
      _ = try tx.query(
        """
        SELECT setval(pg_get_serial_sequence(quote_ident(\(table)), \(column)),
          COALESCE((SELECT max("\(raw: column)") FROM "\(raw: table)"), 0) + 1, false)
        """
      ) { _ in }
    }
  }
}
