import API
import Auth
import Kit
import Store

/// Puts back what was deleted: all its rows in one transaction, each after what it belongs to.
struct RestoreRules {
  /// What came of it.
  struct Outcome: Sendable {
    var entry: DeletedEntry
    /// Rows that are back, by table.
    var restored: [String: Int] = [:]
    /// What belongs to something else that is deleted, too, and comes back with that.
    var waiting: [Remnant] = []
    /// What belonged to something that is gone for good.
    var dropped: [Remnant] = []
  }

  /// A row that did not come back.
  struct Remnant: Sendable {
    /// `role_assignment`
    var what: String
    /// Its ids and its name.
    var members: [String: JSONValue]
    /// What it waits for, `role auditor`; nil where that is gone for good.
    var with: String?
  }

  /// Remnants named at the most, of each sort.
  static let remnantsMax = 200

  private let tx: Transaction
  private let graph: TableGraph
  private var outcome: Outcome
  /// Parents that were found, or put back.
  private var present: Set<String> = []

  private init(_ tx: Transaction, _ entry: DeletedEntry) throws {
    self.tx = tx
    graph = try TableGraph(tx)
    outcome = Outcome(entry: entry)
  }

  /// Throws `Fault` 404 where there is no such entry; 409 where something of its name is there by now, or what it
  /// belongs to is not.
  static func restore(_ tx: Transaction, _ id: String) throws -> Outcome {
    guard let entry = try DeletedTable.find(tx, id) else { throw Fault.noSuch("deleted thing", id) }
    var rules = try RestoreRules(tx, entry)
    try rules.run()
    return rules.outcome
  }

  private mutating func run() throws {
    let all = try DeletedTable.rows(tx, outcome.entry.id)
    guard let root = all.first else { throw StoreError(kind: .corrupt, message: "a deleted thing has no rows") }
    if let missing = try missing(root.row).first { throw try orphan(missing) }
    var pending = all
    while true {
      var left: [(ordinal: Int, row: ArchivedRow)] = []
      for item in pending {
        if try missing(item.row).isEmpty { try put(item.row) } else { left.append(item) }
      }
      if left.isEmpty || left.count == pending.count {
        pending = left
        break
      }
      pending = left
    }
    try settle(pending)
    try DeletedTable.purge(tx, outcome.entry.id)
  }

  /// The rows that a row refers to and that are not there: their tables and keys.
  private mutating func missing(_ row: ArchivedRow) throws -> [(table: String, key: String)] {
    var missing: [(table: String, key: String)] = []
    for link in graph.links where link.child == row.table {
      let values = link.columns.map { row.values[$0] }
      guard let condition = try TableGraph.match(link.parentColumns, values) else { continue }
      let members = Dictionary(zip(link.parentColumns, values.map { $0 ?? .null }), uniquingKeysWith: { $1 })
      let name = link.parent + JSONValue.object(members).text
      if present.contains(name) { continue }
      if try tx.exists("SELECT 1 FROM \(raw: link.parent) WHERE \(condition)") {
        present.insert(name)
      } else {
        missing.append((link.parent, graph.tables[link.parent]?.keyText(members) ?? ""))
      }
    }
    return missing
  }

  private mutating func put(_ row: ArchivedRow) throws {
    var row = row
    // What was issued before stays dead.
    if let generation = row.values["token_generation"]?.int { row.values["token_generation"] = .int(generation + 1) }
    if row.table == ArchivedRow.defaultProject { return try UserTable.restoreDefaultProject(tx, row) }
    guard try graph.insert(tx, row) else {
      // A link between two things that somebody has made again is as good as the old one.
      if graph.tables[row.table]?.key == ["id"] { throw try taken(row) }
      return
    }
    outcome.restored[row.table, default: 0] += 1
    AccessNotes.came(Self.word(row.table), row.ids)
    try CarefulDelete.tell(tx, row)
  }

  /// What stays out: to the entry of what it belongs to where that can be restored, else dropped. A row comes after
  /// what it belongs to, so that what goes with a row that moves finds it there.
  private mutating func settle(_ pending: [(ordinal: Int, row: ArchivedRow)]) throws {
    for (ordinal, row) in pending {
      let holders = try missing(row).map { try DeletedTable.holder(tx, $0.table, key: $0.key, not: outcome.entry.id) }
      var remnant = Remnant(
        what: Self.word(row.table), members: row.ids.compactMapValues { $0.map { .string($0) } }, with: nil)
      if let first = holders.first ?? nil, holders.allSatisfy({ $0 != nil }) {
        try DeletedTable.move(tx, from: outcome.entry.id, ordinal, to: first)
        remnant.with = try DeletedTable.find(tx, first).map { "\($0.kind.rawValue) \($0.name)" }
        outcome.waiting.append(remnant)
      } else {
        outcome.dropped.append(remnant)
      }
    }
  }

  // MARK: Words

  /// `role_assignment` of `identity_role_assignment`.
  static func word(_ table: String) -> String { String(table.trimmingPrefix("identity_")) }

  private func orphan(_ missing: (table: String, key: String)) throws -> Fault {
    let entry = outcome.entry
    let thing = "\(entry.kind.rawValue) \(entry.name.quoted)"
    let holder = try DeletedTable.holder(tx, missing.table, key: missing.key, not: entry.id)
    if let holder = try holder.flatMap({ try DeletedTable.find(tx, $0) }) {
      return .conflict(
        "The \(thing) belongs to \(holder.kind.rawValue) \(holder.name.quoted), which is deleted, too. Restore that "
          + "first: haneul restore \(holder.kind.rawValue) \(holder.objectID)")
    }
    return .conflict("What the \(thing) belongs to is gone for good, so that it cannot be restored.")
  }

  /// Somebody else has the id or the name.
  private func taken(_ row: ArchivedRow) throws -> Fault {
    let kind = Self.word(row.table)
    let id = row.values["id"]?.string ?? ""
    if try tx.exists("SELECT 1 FROM \(raw: row.table) WHERE id = \(id)") {
      return .conflict("There is a \(kind) of the id \(id.quoted) already, so that the deleted one cannot be restored.")
    }
    let name = CarefulDelete.name(row) ?? id
    return .conflict(
      "There is another \(kind) of the name \(name.quoted) by now. Rename that one, then restore: openstack "
        + "\(kind) set --name NEW-NAME \(name)")
  }
}
