import Kit
import Store

/// What was deleted, and its rows.
enum DeletedTable {
  private static func decode(_ row: any Row) throws -> DeletedEntry {
    guard let kind = DeletedKind(rawValue: row.text(1)) else {
      throw StoreError(kind: .corrupt, message: "identity_deleted holds a kind that is not known")
    }
    return DeletedEntry(
      id: row.text(0), kind: kind, objectID: row.text(2), name: row.text(3), domainID: row.textOrNil(4),
      deletedAt: row.time(5), deletedBy: row.textOrNil(6), requestID: row.textOrNil(7), purgeAfter: row.time(8),
      rows: row.int(9))
  }

  static func list(_ tx: Transaction, _ conditions: [SQL], _ chunk: Chunk) throws -> [DeletedEntry] {
    try tx.query(
      """
      SELECT e.id, e.kind, e.object_id, e.name, e.domain_id, e.deleted_at, e.deleted_by, e.request_id, e.purge_after,
        (SELECT count(*) FROM identity_deleted_row r WHERE r.entry_id = e.id)
      FROM identity_deleted e \(chunk.clause(conditions, id: "e.id"))
      """, decode)
  }

  static func find(_ tx: Transaction, _ id: String) throws -> DeletedEntry? {
    try list(tx, ["e.id = \(id)"], Chunk(count: 1)).first
  }

  static func insert(_ tx: Transaction, _ entry: DeletedEntry, _ rows: [ArchivedRow]) throws {
    try tx.execute(
      """
      INSERT INTO identity_deleted
        (id, kind, object_id, name, domain_id, deleted_at, deleted_by, request_id, purge_after)
      VALUES (\(entry.id), \(entry.kind.rawValue), \(entry.objectID), \(entry.name), \(entry.domainID),
        \(entry.deletedAt), \(entry.deletedBy), \(entry.requestID), \(entry.purgeAfter))
      """)
    for (ordinal, row) in rows.enumerated() {
      try tx.executeAhead(
        """
        INSERT INTO identity_deleted_row (entry_id, ordinal, table_name, row_key, document)
        VALUES (\(entry.id), \(ordinal), \(row.table), \(row.key), \(JSONValue.object(row.values).text))
        """)
    }
  }

  /// Rows of an entry in the order in which they were found: what a row belongs to comes before it.
  static func rows(_ tx: Transaction, _ entry: String) throws -> [(ordinal: Int, row: ArchivedRow)] {
    try tx.query(
      """
      SELECT ordinal, table_name, row_key, document FROM identity_deleted_row
      WHERE entry_id = \(entry) ORDER BY ordinal
      """
    ) { ($0.int(0), ArchivedRow(table: $0.text(1), values: try $0.document(3), key: $0.text(2))) }
  }

  /// Rows of these tables whose secret was not sealed by the key of this print.
  static func rows(
    _ tx: Transaction, sealedOtherThanBy print: String, tables: [String], countMax: Int
  ) throws -> [(entry: String, ordinal: Int, values: [String: JSONValue])] {
    let member = #""sealed_by":"\#(print)""#
    return try tx.query(
      """
      SELECT entry_id, ordinal, document FROM identity_deleted_row
      WHERE table_name IN (\(list: tables)) AND replace(document, CAST(\(member) AS TEXT), '') = document
      ORDER BY entry_id, ordinal LIMIT \(countMax)
      """
    ) { ($0.text(0), $0.int(1), try $0.document(2)) }
  }

  static func update(_ tx: Transaction, _ entry: String, _ ordinal: Int, _ values: [String: JSONValue]) throws {
    try tx.execute(
      """
      UPDATE identity_deleted_row SET document = \(JSONValue.object(values).text)
      WHERE entry_id = \(entry) AND ordinal = \(ordinal)
      """)
  }

  /// The newest entry, other than `entry`, that keeps the row of a key.
  static func holder(_ tx: Transaction, _ table: String, key: String, not entry: String) throws -> String? {
    try tx.first(
      """
      SELECT r.entry_id FROM identity_deleted_row r JOIN identity_deleted e ON e.id = r.entry_id
      WHERE r.table_name = \(table) AND r.row_key = \(key) AND r.entry_id <> \(entry)
      ORDER BY e.deleted_at DESC, e.id LIMIT 1
      """
    ) { $0.text(0) }
  }

  /// Gives a row to another entry, as its last.
  static func move(_ tx: Transaction, from entry: String, _ ordinal: Int, to other: String) throws {
    try tx.execute(
      """
      UPDATE identity_deleted_row SET entry_id = \(other), ordinal =
        (SELECT COALESCE(max(o.ordinal), 0) + 1 FROM identity_deleted_row o WHERE o.entry_id = \(other))
      WHERE entry_id = \(entry) AND ordinal = \(ordinal)
      """)
  }

  /// Forgets an entry with its rows. Whether it was there.
  @discardableResult
  static func purge(_ tx: Transaction, _ id: String) throws -> Bool {
    try tx.execute("DELETE FROM identity_deleted WHERE id = \(id)") > 0
  }

  /// Forgets at most `countMax` entries whose time is over; how many it was.
  static func purge(_ tx: Transaction, at moment: Timestamp, countMax: Int) throws -> Int {
    try tx.execute(
      """
      DELETE FROM identity_deleted WHERE id IN (
        SELECT id FROM identity_deleted WHERE purge_after <= \(moment) ORDER BY purge_after, id LIMIT \(countMax))
      """)
  }
}
