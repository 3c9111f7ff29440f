import Kit
import Store

/// When users, application credentials and EC2 keys were last used to log in.
enum LastUseTable {
  static func note(_ tx: Transaction, _ use: LastUse.Key, at moment: Timestamp) throws {
    try tx.execute(
      """
      INSERT INTO last_use (kind, object_id, used_at) VALUES (\(use.kind.rawValue), \(use.id), \(moment))
      ON CONFLICT (kind, object_id) DO UPDATE SET used_at = excluded.used_at
      """)
  }

  /// By id; those that were never used are not in it. At most 1,000 ids.
  static func times(_ tx: Transaction, _ kind: LastUse.Kind, _ ids: [String]) throws -> [String: Timestamp] {
    if ids.isEmpty { return [:] }
    return Dictionary(
      try tx.query(
        "SELECT object_id, used_at FROM last_use WHERE kind = \(kind.rawValue) AND object_id IN (\(list: ids))"
      ) { ($0.text(0), $0.time(1)) }, uniquingKeysWith: { $1 })
  }

  static func purge(_ tx: Transaction, before moment: Timestamp) throws {
    try tx.execute("DELETE FROM last_use WHERE used_at < \(moment)")
  }
}
