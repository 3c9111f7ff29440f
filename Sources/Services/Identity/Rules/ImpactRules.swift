import API
import Auth
import Contracts
import Kit
import Store

/// Finds out what a delete would take away, by doing it in a transaction that is not kept: what is told is what would
/// happen.
struct ImpactRules: Sendable {
  /// Carries the result out of the transaction that is undone by throwing it.
  private struct Undone: Error {
    var impact: Impact
  }

  /// What logged in before that is not counted as automation that lives.
  private static let recentSeconds: Double = 30 * 86_400
  /// Projects asked about, and rows looked up, at once.
  private static let idsMax = 500
  /// Ids of each kind told of a project.
  private static let holdingIDsMax = 20

  let core: IdentityCore

  /// Throws what `check` throws.
  func impact(
    _ call: Call, _ kind: DeletedKind, _ id: String, _ check: @escaping @Sendable (Transaction) throws -> Void
  ) async throws -> Impact {
    let rule = try LastAdministrator(core, call)
    do {
      try await core.store.write { tx in
        throw Undone(impact: try impact(tx, rule, kind, id, check))
      }
    } catch let undone as Undone {
      return undone.impact
    }
    throw Fault.noSuch(kind.rawValue, id)
  }

  private func impact(
    _ tx: Transaction, _ rule: LastAdministrator, _ kind: DeletedKind, _ id: String,
    _ check: (Transaction) throws -> Void
  ) throws -> Impact {
    let users = try ReachTable.usersWithRole(tx)
    let projects = try ReachTable.projects(tx)
    // A domain must be disabled before: that is part of what would be done.
    if kind == .domain { try tx.execute("UPDATE identity_project SET enabled = 0 WHERE id = \(id) AND is_domain = 1") }
    try check(tx)
    let rows = try CarefulDelete.closure(tx, try TableGraph(tx), kind, id)
    guard let root = rows.first else { throw Fault.noSuch(kind.rawValue, id) }
    var impact = Impact(
      kind: kind, id: id, name: CarefulDelete.name(root) ?? id,
      restorableUntil: core.now().adding(seconds: core.settings.deletedSeconds))
    for row in rows { impact.rows[row.table, default: 0] += 1 }
    try fill(tx, &impact, rows)
    let goneProjects = ids(rows, DeletedKind.project.table)
    let holdings = try lost(
      tx, goneProjects, names: try ProjectTable.names(tx, Array(goneProjects.prefix(Self.idsMax))))
    impact.refusal = try refusal(tx, rule, kind, id)
    let bare = try users.subtracting(ReachTable.usersWithRole(tx)).sorted()
    let names = try UserTable.names(tx, Array(bare.prefix(Impact.namedMax)))
    impact.withoutRole = Impact.Sort(bare.compactMap { id in names[id].map { Self.named(id, $0) } })
    let unreached = try projects.subtracting(ReachTable.projects(tx)).subtracting(goneProjects).sorted()
    impact.unreachable =
      try holdings + lost(tx, unreached, names: try ProjectTable.names(tx, Array(unreached.prefix(Self.idsMax))))
    return impact
  }

  /// Does it, and says why it would not be done.
  private func refusal(_ tx: Transaction, _ rule: LastAdministrator, _ kind: DeletedKind, _ id: String) throws
    -> String?
  {
    do {
      try rule.keep(tx) { _ = try tx.execute("DELETE FROM \(raw: kind.table) WHERE id = \(id)") }
      return nil
    } catch let fault as Fault where fault.status == 409 {
      return fault.message
    }
  }

  // MARK: What goes with it

  private func fill(_ tx: Transaction, _ impact: inout Impact, _ rows: [ArchivedRow]) throws {
    let names = try Names(tx, rows)
    impact.users = Impact.Sort(
      rows.filter { $0.table == DeletedKind.user.table }.map { Self.named($0.text("id"), $0.text("name")) })
    impact.assignments = Impact.Sort(
      rows.filter { $0.table == "identity_role_assignment" }.map { names.described($0, ["inherited"]) })
    impact.trusts = Impact.Sort(rows.filter { $0.table == "identity_trust" }.map { names.described($0, []) })
    impact.keypairs = try core.holders.flatMap { holder in
      try ids(rows, DeletedKind.user.table).prefix(Self.idsMax).flatMap {
        try holder.holdings(tx, user: $0, idsMax: Self.holdingIDsMax)
      }
    }
    // An application credential may go, or lose a role.
    let weakened = Set(
      rows.filter { $0.table == "identity_application_credential_role" }.map { $0.text("credential_id") })
    let gone = rows.filter { $0.table == "identity_application_credential" }
    let credentialIDs = weakened.union(gone.map { $0.text("id") }).sorted()
    let used = try times(tx, .applicationCredential, credentialIDs)
    let credentials = try TableGraph(tx).rows(
      tx, "identity_application_credential", where: "id IN (\(list: Array(credentialIDs.prefix(Self.idsMax))))")
    impact.applicationCredentials = Impact.Sort(credentials.map { names.described($0, [], used[$0.text("id")]) })
    impact.applicationCredentials.count = credentialIDs.count
    let secrets = rows.filter { $0.table == "identity_credential" }
    let signed = try times(tx, .credential, secrets.map { $0.text("id") })
    impact.credentials = Impact.Sort(secrets.map { names.described($0, ["type"], signed[$0.text("id")]) })
    let logins = try times(tx, .user, ids(rows, DeletedKind.user.table))
    let all =
      used.map { ("application_credential", $0.key, $0.value) } + signed.map { ("credential", $0.key, $0.value) }
      + logins.map { ("user", $0.key, $0.value) }
    let since = core.now().adding(seconds: -Self.recentSeconds)
    let recent = all.filter { $0.2 >= since }.sorted { ($1.2, $0.1) < ($0.2, $1.1) }
    impact.automation = Impact.Sort(
      recent.map { kind, id, time in
        .object([
          "kind": .string(kind), "id": .string(id), "name": .string(names.of(id) ?? id),
          "last_used_at": .string(time.iso8601Microseconds),
        ])
      })
  }

  private func times(_ tx: Transaction, _ kind: LastUse.Kind, _ ids: [String]) throws -> [String: Timestamp] {
    try stride(from: 0, to: ids.count, by: Self.idsMax).reduce(into: [:]) { all, start in
      let some = Array(ids[start..<min(start + Self.idsMax, ids.count)])
      all.merge(try LastUseTable.times(tx, kind, some)) { $1 }
    }
  }

  private func ids(_ rows: [ArchivedRow], _ table: String) -> [String] {
    rows.filter { $0.table == table }.map { $0.text("id") }
  }

  /// Those of the projects that hold something: the first 500 are asked about.
  private func lost(_ tx: Transaction, _ projects: [String], names: [String: String]) throws -> [Impact.Lost] {
    try projects.prefix(Self.idsMax).compactMap { id in
      let holdings = try core.holders.flatMap {
        try $0.holdings(tx, projects: [id], idsMax: Self.holdingIDsMax)
      }
      return holdings.isEmpty ? nil : Impact.Lost(project: Named(id: id, name: names[id] ?? id), holdings: holdings)
    }
  }

  private static func named(_ id: String, _ name: String) -> JSONValue {
    .object(["id": .string(id), "name": .string(name)])
  }

  /// Names of what rows speak of, by id.
  private struct Names {
    private var byID: [String: String] = [:]

    init(_ tx: Transaction, _ rows: [ArchivedRow]) throws {
      var ids: [String: Set<String>] = [:]
      for row in rows {
        if row.values["id"] != nil { byID[row.text("id")] = CarefulDelete.name(row) }
        for (column, table) in Self.tables {
          if let id = row.values[column]?.string { ids[table, default: []].insert(id) }
        }
        if let id = row.values["credential_id"]?.string {
          ids["identity_application_credential", default: []].insert(id)
        }
      }
      for (table, ids) in ids {
        let name = table == "identity_role" ? "COALESCE(own_name, name)" : "name"
        let some = Array(ids.sorted().prefix(ImpactRules.idsMax))
        try tx.forEach("SELECT id, \(raw: name) FROM \(raw: table) WHERE id IN (\(list: some))") {
          byID[$0.text(0)] = $0.text(1)
        }
      }
    }

    private static let tables = [
      "user_id": "identity_user", "group_id": "identity_group", "role_id": "identity_role",
      "project_id": "identity_project", "trustor_user_id": "identity_user", "trustee_user_id": "identity_user",
    ]

    func of(_ id: String) -> String? { byID[id] }

    /// A row by its ids, the names they have, and some more of its columns: never what could be secret.
    func described(_ row: ArchivedRow, _ more: [String], _ used: Timestamp? = nil) -> JSONValue {
      var members: [String: JSONValue] = [:]
      for (column, value) in row.values where column == "id" || column == "name" || more.contains(column) {
        members[column] = value
      }
      for column in Self.tables.keys {
        guard let id = row.values[column]?.string else { continue }
        members[column] = .string(id)
        if let name = byID[id] { members[column.replacing("_id", with: "_name")] = .string(name) }
      }
      if let used { members["last_used_at"] = .string(used.iso8601Microseconds) }
      return .object(members)
    }
  }
}

extension ArchivedRow {
  /// A column's text; empty where it is null.
  fileprivate func text(_ column: String) -> String { values[column]?.string ?? "" }
}
