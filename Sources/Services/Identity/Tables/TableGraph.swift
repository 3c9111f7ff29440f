import Auth
import Kit
import Store

/// The identity tables as the store itself knows them: their columns, and which row goes with which.
///
/// It is read where it is needed and not declared: so no table can be forgotten, and a process of an older release that
/// shares the store keeps the rows of tables that a newer one has made.
struct TableGraph: Sendable {
  /// How a column's value is read.
  enum Kind: Sendable {
    case text, integer, real, bytes
  }

  struct Table: Sendable {
    var columns: [(name: String, kind: Kind)] = []
    /// Columns of the primary key, in its order; empty where there is none.
    var key: [String] = []

    func has(_ column: String) -> Bool { columns.contains { $0.name == column } }
  }

  /// A foreign key.
  struct Link: Sendable {
    var child: String
    var columns: [String] = []
    var parent: String
    /// The parent's columns, in the order of `columns`.
    var parentColumns: [String] = []
    /// Whether the child goes with its parent.
    var cascades: Bool
    /// Whether the child's columns become null when its parent goes.
    var setsNull: Bool
  }

  private(set) var tables: [String: Table] = [:]
  private(set) var links: [Link] = []

  init(_ tx: Transaction) throws {
    try tx.forEach(tx.isPostgres ? Self.postgresColumns : Self.sqliteColumns) { row in
      let (name, column) = (row.text(0), row.text(1))
      tables[name, default: Table()].columns.append((column, Self.kind(row.text(2))))
      let place = row.int(3)
      if place > 0 { keyed.append((name, place, column)) }
    }
    for (name, _, column) in keyed.sorted(by: { $0.place < $1.place }) { tables[name]?.key.append(column) }
    keyed = []
    var last: String?
    try tx.forEach(tx.isPostgres ? Self.postgresLinks : Self.sqliteLinks) { row in
      let name = row.text(0) + " " + row.text(1)
      if name != last {
        let action = row.text(5).uppercased()
        links.append(
          Link(
            child: row.text(0), parent: row.text(3), cascades: ["CASCADE", "C"].contains(action),
            setsNull: ["SET NULL", "N"].contains(action)))
        last = name
      }
      let parent = row.text(3)
      let place = links[links.count - 1].columns.count
      links[links.count - 1].columns.append(row.text(2))
      links[links.count - 1].parentColumns.append(row.textOrNil(4) ?? tables[parent]?.key[place] ?? "id")
    }
  }

  /// Columns of primary keys while they are being read.
  private var keyed: [(table: String, place: Int, column: String)] = []

  private static func kind(_ type: String) -> Kind {
    switch type.uppercased() {
    case "INTEGER", "BIGINT": .integer
    case "REAL", "DOUBLE PRECISION": .real
    case "BLOB", "BYTEA": .bytes
    default: .text
    }
  }

  // MARK: Rows

  /// Rows for which `condition` holds; it may name columns of the table.
  func rows(_ tx: Transaction, _ name: String, where condition: SQL) throws -> [ArchivedRow] {
    guard let table = tables[name] else { return [] }
    let columns = table.columns.map(\.name).joined(separator: ", ")
    return try tx.query("SELECT \(raw: columns) FROM \(raw: name) WHERE \(condition)") { row in
      var values: [String: JSONValue] = [:]
      for (index, column) in table.columns.enumerated() { values[column.name] = Self.value(row, index, column.kind) }
      return ArchivedRow(table: name, values: values, key: table.keyText(values))
    }
  }

  private static func value(_ row: any Row, _ index: Int, _ kind: Kind) -> JSONValue {
    if row.isNull(index) { return .null }
    return switch kind {
    case .text: .string(row.text(index))
    case .integer: .int(row.int(index))
    case .real: .double(row.double(index))
    case .bytes: .object(["bytes": .string(Base64URL.encode(row.blob(index)))])
    }
  }

  /// Puts a row in; false where one with its key, or with something else that must be unique, is there.
  func insert(_ tx: Transaction, _ row: ArchivedRow) throws -> Bool {
    guard let table = tables[row.table] else { return false }
    // A column that a later release added has its default, one that it took away is not missed.
    let columns = table.columns.map(\.name).filter { row.values[$0] != nil }
    let values = try columns.map { try Self.bound(row.values[$0] ?? .null) }
    return try tx.execute(
      """
      INSERT INTO \(raw: row.table) (\(raw: columns.joined(separator: ", ")))
      VALUES (\(SQL.joined(values.map { "\($0)" }, separator: ", "))) ON CONFLICT DO NOTHING
      """) > 0
  }

  private static func bound(_ value: JSONValue) throws -> SQLValue {
    switch value {
    case .null: return .null
    case .string(let text): return .text(text)
    case .int(let number): return .int(Int64(number))
    case .double(let number): return .double(number)
    case .object(let members):
      guard let text = members["bytes"]?.string, let bytes = Base64URL.decode(text) else { break }
      return .blob(bytes)
    case .bool, .array: break
    }
    throw StoreError(kind: .corrupt, message: "a deleted row holds a value that no column can have")
  }

  /// The condition that `columns` have these values; nil where one of them is null, which refers to nothing.
  static func match(_ columns: [String], _ values: [JSONValue?]) throws -> SQL? {
    var parts: [SQL] = []
    for (column, value) in zip(columns, values) {
      guard let value, !value.isNull else { return nil }
      let bound = try bound(value)
      parts.append("\(raw: column) = \(bound)")
    }
    return parts.isEmpty ? nil : SQL.joined(parts, separator: " AND ")
  }
}

extension TableGraph.Table {
  /// The values of the primary key, or of all columns where there is none, as JSON.
  func keyText(_ values: [String: JSONValue]) -> String {
    JSONValue.array((key.isEmpty ? columns.map(\.name) : key).map { values[$0] ?? .null }).text
  }
}

// MARK: What the engines say

extension TableGraph {
  private static let sqliteColumns: SQL = """
    SELECT m.name, c.name, c.type, c.pk FROM sqlite_master m JOIN pragma_table_info(m.name) c
    WHERE m.type = 'table' AND substr(m.name, 1, 9) = 'identity_' ORDER BY m.name, c.cid
    """

  private static let sqliteLinks: SQL = """
    SELECT m.name, f.id, f."from", f."table", f."to", f.on_delete
    FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f
    WHERE m.type = 'table' AND substr(m.name, 1, 9) = 'identity_' ORDER BY m.name, f.id, f.seq
    """

  private static let postgresColumns: SQL = """
    SELECT t.relname::text, a.attname::text, format_type(a.atttypid, NULL),
      (COALESCE(array_position(i.indkey::int2[], a.attnum), -1) + 1)::bigint
    FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = current_schema()
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_index i ON i.indrelid = t.oid AND i.indisprimary
    WHERE t.relkind = 'r' AND substr(t.relname::text, 1, 9) = 'identity_' ORDER BY t.relname, a.attnum
    """

  private static let postgresLinks: SQL = """
    SELECT t.relname::text, c.conname::text, a.attname::text, p.relname::text, b.attname::text, c.confdeltype::text
    FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class p ON p.oid = c.confrelid
    JOIN pg_namespace n ON n.oid = t.relnamespace AND n.nspname = current_schema()
    JOIN LATERAL unnest(c.conkey, c.confkey) WITH ORDINALITY AS k (child, parent, place) ON true
    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.child
    JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = k.parent
    WHERE c.contype = 'f' AND substr(t.relname::text, 1, 9) = 'identity_'
    ORDER BY t.relname, c.conname, k.place
    """
}
