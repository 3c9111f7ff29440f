import Contracts
import Kit
import Store
import Synchronization

/// What a transaction changes of who may do what, collected where the tables are written, so that no route can forget
/// it. It reaches the audit trail once the transaction is durable.
final class AccessNotes: Sendable {
  @TaskLocal static var current: AccessNotes?

  private let changes = Mutex<[AccessChange]>([])

  var all: [AccessChange] { changes.withLock { $0 } }

  /// A closure may be run again: what it noted before did not happen.
  func begin() { changes.withLock { $0 = [] } }

  private func add(_ change: AccessChange) {
    changes.withLock { if $0.count < AccessTrail.changesMax { $0.append(change) } }
  }

  /// Columns that are told, by table: whatever could be secret is not among them.
  private static let columns = [
    "identity_user": "id, name, domain_id, enabled, default_project_id, options",
    "identity_group": "id, name, domain_id", "identity_role": "id, name, domain_id, options",
    "identity_project": "id, name, domain_id, parent_id, is_domain, enabled, options",
    "identity_application_credential": "id, name, user_id, project_id, expires_at, unrestricted, confined",
    "identity_credential": "id, user_id, project_id, type",
    "identity_trust": "id, trustor_user_id, trustee_user_id, project_id, impersonation, expires_at, remaining_uses",
  ]

  /// Runs `change`, which writes the row `id` of a table, and notes the row before and after.
  @discardableResult
  static func row<T>(_ tx: Transaction, _ table: String, _ id: String, _ change: () throws -> T) throws -> T {
    guard let current, let columns = columns[table] else { return try change() }
    let before = try read(tx, table, columns, id)
    let result = try change()
    let after = try read(tx, table, columns, id)
    if before != after {
      current.add(AccessChange(RestoreRules.word(table), before: before, after: after))
    }
    return result
  }

  private static func read(
    _ tx: Transaction, _ table: String, _ columns: String, _ id: String
  ) throws -> [String: JSONValue]? {
    let names = columns.split(separator: ",").map { $0.trimmingPrefix(" ") }
    return try tx.first("SELECT \(raw: columns) FROM \(raw: table) WHERE id = \(id)") { row in
      Dictionary(
        uniqueKeysWithValues: names.enumerated().map { index, name in
          (String(name), row.isNull(index) ? .null : .string(row.text(index)))
        })
    }
  }

  /// Something between things came, or went.
  static func came(_ what: String, _ members: [String: String?]) {
    current?.add(AccessChange(what, before: nil, after: values(members)))
  }

  static func went(_ what: String, _ members: [String: String?]) {
    current?.add(AccessChange(what, before: values(members), after: nil))
  }

  private static func values(_ members: [String: String?]) -> [String: JSONValue] {
    members.compactMapValues { $0.map { .string($0) } }
  }
}

/// The service's store: it tells the audit trail what a request has changed of access.
struct NotingStore: Store {
  let inner: any Store

  func read<T: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T {
    try await inner.read(body)
  }

  @discardableResult
  func write<T: Sendable>(_ body: @escaping @Sendable (Transaction) throws -> T) async throws -> T {
    guard let scope = RequestScope.current else { return try await inner.write(body) }
    let notes = AccessNotes()
    let result = try await inner.write { tx in
      notes.begin()
      return try AccessNotes.$current.withValue(notes) { try body(tx) }
    }
    AccessTrail.note(scope.requestID, notes.all)
    return result
  }

  var feed: ChangeFeed { inner.feed }

  func commits(to family: String) -> UInt64? { inner.commits(to: family) }
}
