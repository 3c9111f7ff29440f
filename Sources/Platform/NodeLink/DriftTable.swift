public import Kit
public import Store

/// Where the world was found different from what was asked, and what was done about it: one row a finding, open until
/// its node says that it is over. What flaps is one row that counts.
public enum DriftTable {
  /// Settled findings kept, of all nodes together.
  public static let settledMax = 10_000
  /// Open findings kept of one node; what is more is counted and said.
  public static let openPerNodeMax = 5000
  /// A finding that comes back so soon after it was settled is the same one once more, in seconds.
  public static let sameWithinSeconds = 600.0
  /// Characters kept of each text.
  static let textMax = 1000

  static let migrations = [
    Migration(
      room: "nodelink", number: 3, .expand,
      [
        """
        CREATE TABLE drift (
          number INTEGER PRIMARY KEY AUTOINCREMENT, node_id TEXT NOT NULL, subject TEXT NOT NULL, field TEXT NOT NULL,
          kind TEXT, object_id TEXT, asked TEXT NOT NULL, found TEXT NOT NULL, done TEXT NOT NULL,
          since INTEGER NOT NULL, again INTEGER NOT NULL, settled INTEGER, times INTEGER NOT NULL)
        """,
        "CREATE UNIQUE INDEX drift_open ON drift (node_id, subject, field) WHERE settled IS NULL",
        "CREATE INDEX drift_subject ON drift (node_id, subject, field, number)",
        "CREATE INDEX drift_object ON drift (kind, object_id, number)",
        "CREATE INDEX drift_settled ON drift (settled, number) WHERE settled IS NOT NULL",
        "CREATE TABLE drift_unkept (node_id TEXT PRIMARY KEY, count INTEGER NOT NULL)",
      ])
  ]

  /// A finding as control keeps it.
  public struct Entry: Sendable, Hashable {
    /// Grows with each new row; the marker of a page.
    public var number: Int64
    public var nodeID: String
    /// `since` is when it was noticed first.
    public var finding: DriftFinding
    /// How often it was noticed: more than once where it flaps.
    public var times: Int
    /// When it was noticed last.
    public var again: Timestamp
  }

  /// What a list is narrowed to; nil leaves it open.
  public struct Filter: Sendable {
    public var node: String?
    public var subject: String?
    public var field: DriftField?
    /// True for what is open, false for what is settled.
    public var open: Bool?

    public init(node: String? = nil, subject: String? = nil, field: DriftField? = nil, open: Bool? = nil) {
      self.node = node
      self.subject = subject
      self.field = field
      self.open = open
    }
  }

  /// How many findings of a field are kept; the field tells the policy.
  public struct Count: Sendable, Hashable {
    public var field: DriftField
    public var open: Int
    public var settled: Int
  }

  /// Open findings of every node, newest first, at most `limit`.
  public static func open(_ tx: Transaction, limit: Int) throws -> [Entry] {
    try all(tx, Filter(open: true), limit: limit)
  }

  /// Findings, newest first, at most `limit`; those older than row `after` where it is given.
  public static func all(_ tx: Transaction, _ filter: Filter, limit: Int, after: Int64? = nil) throws -> [Entry] {
    var conditions: [SQL] = []
    if let node = filter.node { conditions.append("node_id = \(node)") }
    if let subject = filter.subject { conditions.append("subject = \(subject)") }
    if let field = filter.field { conditions.append("field = \(field.rawValue)") }
    if let open = filter.open { conditions.append(open ? "settled IS NULL" : "settled IS NOT NULL") }
    if let after { conditions.append("number < \(after)") }
    return try list(tx, conditions, limit: limit)
  }

  /// Findings of one object, newest first, at most `limit`. They outlive the object.
  public static func of(_ tx: Transaction, _ key: ObjectKey, limit: Int = 100) throws -> [Entry] {
    try list(tx, ["kind = \(key.kind.rawValue)", "object_id = \(key.id)"], limit: limit)
  }

  /// One finding by its number; nil where there is none (any more).
  public static func find(_ tx: Transaction, number: Int64) throws -> Entry? {
    try list(tx, ["number = \(number)"], limit: 1).first
  }

  /// Counts of each field that has any, by field.
  public static func counts(_ tx: Transaction) throws -> [Count] {
    try tx.query("SELECT field, count(*) - count(settled), count(settled) FROM drift GROUP BY field ORDER BY field") {
      row in
      DriftField(rawValue: row.text(0)).map { Count(field: $0, open: row.int(1), settled: row.int(2)) }
    }.compactMap { $0 }
  }

  /// Open findings that were not kept because their node has `openPerNodeMax` already, by node.
  public static func unkept(_ tx: Transaction) throws -> [String: Int] {
    Dictionary(
      try tx.query("SELECT node_id, count FROM drift_unkept ORDER BY node_id") { ($0.text(0), $0.int(1)) },
      uniquingKeysWith: { $1 })
  }

  private static func list(_ tx: Transaction, _ conditions: [SQL], limit: Int) throws -> [Entry] {
    try tx.query(
      """
      SELECT number, node_id, subject, field, kind, object_id, asked, found, done, since, again, settled, times
      FROM drift \(SQL.whereAll(conditions)) ORDER BY number DESC LIMIT \(limit)
      """, decode
    ).compactMap { $0 }
  }

  /// nil for a field that only a newer release knows.
  private static func decode(_ row: any Row) -> Entry? {
    guard let field = DriftField(rawValue: row.text(3)) else { return nil }
    let key = row.textOrNil(4).flatMap(ObjectKind.init(rawValue:)).map { ObjectKey($0, row.text(5)) }
    return Entry(
      number: Int64(row.int(0)), nodeID: row.text(1),
      finding: DriftFinding(
        subject: row.text(2), key: key, field: field, asked: row.text(6), found: row.text(7), since: row.time(9),
        done: row.text(8), settled: row.timeOrNil(11)),
      times: row.int(12), again: row.time(10))
  }
}
