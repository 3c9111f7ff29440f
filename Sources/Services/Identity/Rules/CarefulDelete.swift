import API
import Auth
import Kit
import Store

/// Deletes users, groups, roles, projects and domains so that they can be restored.
///
/// The thing itself and every row that goes with it are copied into `identity_deleted` and then really deleted, in one
/// transaction: nothing that asks for rights can meet what is gone.
struct CarefulDelete: Sendable {
  /// Rows kept of one thing at the most.
  static let rowsMax = 200_000
  /// Values compared in one statement.
  private static let valuesMax = 200

  /// Who asked, and by which request; nil where the program itself did.
  let by: String?
  let requestID: String?
  let at: Timestamp
  /// How long it can be restored, in seconds.
  let keptSeconds: Double

  init(_ core: IdentityCore, _ call: Call) {
    by = call.caller?.userID
    requestID = call.requestID
    at = core.now()
    keptSeconds = core.settings.deletedSeconds
  }

  /// Deletes what is there; nothing happens where it is not. Throws `Fault` 409 where it is too much at once.
  func delete(_ tx: Transaction, _ kind: DeletedKind, _ id: String) throws {
    let graph = try TableGraph(tx)
    var rows = try Self.closure(tx, graph, kind, id)
    guard let root = rows.first else { return }
    let name = Self.name(root) ?? id
    guard rows.count <= Self.rowsMax else {
      throw Fault.conflict(
        "With \(kind.rawValue) \(name.quoted) more than \(Self.rowsMax) rows would go at once. Delete its projects, "
          + "groups and users first: each of them stays restorable, too.")
    }
    let entry = DeletedEntry(
      id: Identifier.hex(), kind: kind, objectID: id, name: name, domainID: root.values["domain_id"]?.string,
      deletedAt: at, deletedBy: by, requestID: requestID, purgeAfter: at.adding(seconds: keptSeconds))
    if kind == .project || kind == .domain {
      rows += try UserTable.defaultProjects(tx, of: id)
      try UserTable.forgetDefaultProjects(tx, of: id)
    }
    try DeletedTable.insert(tx, entry, rows)
    try AccessNotes.row(tx, kind.table, id) { _ = try tx.execute("DELETE FROM \(raw: kind.table) WHERE id = \(id)") }
    for row in rows where row.table == "identity_role_assignment" || row.table == "identity_group_member" {
      AccessNotes.went(RestoreRules.word(row.table), row.ids)
    }
    for row in rows { try Self.tell(tx, row) }
    for row in rows { try noteRevocation(tx, row) }
  }

  /// Says to services that ask whose tokens are void now.
  private func noteRevocation(_ tx: Transaction, _ row: ArchivedRow) throws {
    guard let id = row.values["id"]?.string else { return }
    switch row.table {
    case DeletedKind.user.table: try RevocationEventTable.note(tx, .user, id, at: at)
    case DeletedKind.project.table: try RevocationEventTable.note(tx, .project, id, at: at)
    default: break
    }
  }

  /// What a row is called; a role of a domain keeps its own name beside one that is unique.
  static func name(_ row: ArchivedRow) -> String? {
    row.values["own_name"]?.string ?? row.values["name"]?.string
  }

  /// Says in the change feed that a user or project changed.
  static func tell(_ tx: Transaction, _ row: ArchivedRow) throws {
    guard let id = row.values["id"]?.string else { return }
    if row.table == DeletedKind.project.table { try tx.change("project", id) }
    if row.table == DeletedKind.user.table { try tx.change("user", id) }
  }

  /// A thing and all rows that go with it, each after what it goes with; one more than `rowsMax` where there are more.
  static func closure(
    _ tx: Transaction, _ graph: TableGraph, _ kind: DeletedKind, _ id: String
  ) throws -> [ArchivedRow] {
    var found = try graph.rows(tx, kind.table, where: "id = \(id)")
    var seen = Set(found.map(identity))
    var wave = found
    while !wave.isEmpty {
      var next: [ArchivedRow] = []
      for (table, parents) in Dictionary(grouping: wave, by: \.table).sorted(by: { $0.key < $1.key }) {
        for link in graph.links where link.cascades && link.parent == table {
          for condition in try conditions(link, parents) {
            for row in try graph.rows(tx, link.child, where: condition) where seen.insert(identity(row)).inserted {
              next.append(row)
            }
            if found.count + next.count > rowsMax { return found + next }
          }
        }
      }
      found += next
      wave = next
    }
    return found
  }

  private static func identity(_ row: ArchivedRow) -> String { row.table + row.key }

  /// Which rows of a link's child belong to `parents`, a statement's part each.
  private static func conditions(_ link: TableGraph.Link, _ parents: [ArchivedRow]) throws -> [SQL] {
    let matches = try parents.compactMap { parent in
      try TableGraph.match(link.columns, link.parentColumns.map { parent.values[$0] })
    }
    return stride(from: 0, to: matches.count, by: valuesMax).map { start in
      let some = matches[start..<min(start + valuesMax, matches.count)]
      return SQL.joined(some.map { "(\($0))" }, separator: " OR ")
    }
  }
}
