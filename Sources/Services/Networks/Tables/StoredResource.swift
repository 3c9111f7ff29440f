import API
import Auth
import Kit
import Store

/// A resource that is a row: how it is stored, found, listed and said.
protocol StoredResource: Sendable {
  /// Its table, its kind in the change feed and its quota: `security_group`.
  static var kind: String { get }
  /// As the API names one and many: `security_group`, `security_groups`.
  static var singular: String { get }
  static var plural: String { get }
  /// Neutron's fault for one that is not there: `SecurityGroupNotFound`.
  static var notFoundType: String { get }
  /// Columns after the standard ones.
  static var columns: [String] { get }
  /// `SELECT … FROM …` of all columns: `StandardColumns.selection` of this table, made once.
  static var selection: String { get }
  /// What lists can be filtered and sorted by, beyond the standard attributes.
  static var listFields: [String: ListField] { get }
  /// Who may see a row, as a condition on its columns, for a caller of this project.
  static func visible(to projectID: String) -> SQL
  /// Loads what stands in other tables, for many at once.
  static func fill(_ tx: Transaction, _ records: inout [Self]) throws

  var standard: StandardAttributes { get set }
  /// Values of `columns`, in order.
  var values: [SQLValue] { get }
  /// Reads `columns` from the row, the first of them at `StandardColumns.count`.
  init(standard: StandardAttributes, row: any Row) throws
  /// Writes the members after the standard ones.
  func encode(_ writer: inout ResourceWriter)
}

extension StoredResource {
  var id: String { standard.id }

  static func notFound(_ id: String) -> Fault {
    .notFound("\(notFoundType.dropLast("NotFound".count)) \(id.quoted) could not be found.", type: notFoundType)
  }
}

/// The columns that every resource has.
enum StandardColumns {
  static let names = ["id", "project_id", "name", "description", "revision_number", "created_at", "updated_at"]
  static let count = 7

  static func selection(_ columns: [String], from table: String) -> String {
    "SELECT \((names + columns).joined(separator: ", ")) FROM \(table)"
  }

  static func read(_ row: any Row) -> StandardAttributes {
    StandardAttributes(
      id: row.text(0), projectID: row.text(1), name: row.text(2), description: row.text(3), revision: row.int(4),
      createdAt: row.time(5), updatedAt: row.time(6))
  }

  static func values(_ standard: StandardAttributes) -> [SQLValue] {
    [
      .text(standard.id), .text(standard.projectID), .text(standard.name), .text(standard.description),
      .int(Int64(standard.revision)), standard.createdAt.sqlValue, standard.updatedAt.sqlValue,
    ]
  }
}

/// Whose resources a request may see: everyone's, or one project's.
struct Scope: Sendable, Hashable {
  /// nil is an administrator's: everything.
  var projectID: String?

  static let everything = Scope(projectID: nil)

  init(projectID: String?) { self.projectID = projectID }

  init(_ principal: Principal) { projectID = principal.isAdmin ? nil : principal.projectID ?? "-" }

  var isAdmin: Bool { projectID == nil }

  func owns(_ standard: StandardAttributes) -> Bool { projectID == nil || projectID == standard.projectID }

  func visible<R: StoredResource>(_ type: R.Type) -> SQL? { projectID.map { type.visible(to: $0) } }
}

/// Reading and writing resources.
extension Transaction {
  /// The rows that fulfil all conditions, without what stands in other tables.
  func rows<R: StoredResource>(_ type: R.Type, _ conditions: [SQL], order: SQL = "") throws -> [R] {
    try query("\(raw: type.selection) \(SQL.whereAll(conditions)) \(order)") {
      try R(standard: StandardColumns.read($0), row: $0)
    }
  }

  /// The rows that fulfil all conditions, complete.
  func load<R: StoredResource>(_ type: R.Type, _ conditions: SQL..., order: SQL = "ORDER BY id") throws -> [R] {
    var records = try rows(type, conditions, order: order)
    if !records.isEmpty { try R.fill(self, &records) }
    return records
  }

  /// One resource as the scope sees it, complete; nil where there is none.
  func find<R: StoredResource>(_ type: R.Type, id: String, in scope: Scope = .everything) throws -> R? {
    let visible = scope.visible(type)
    var records = try rows(type, ["id = \(id)"] + (visible.map { [$0] } ?? []))
    if !records.isEmpty { try R.fill(self, &records) }
    return records.first
  }

  /// One resource as the scope sees it. Throws the resource's own 404.
  func need<R: StoredResource>(_ type: R.Type, id: String, in scope: Scope = .everything) throws -> R {
    guard let record = try find(type, id: id, in: scope) else { throw R.notFound(id) }
    return record
  }

  func insert<R: StoredResource>(_ record: R) throws {
    let values = StandardColumns.values(record.standard) + record.values
    let names = (StandardColumns.names + R.columns).joined(separator: ", ")
    try execute("INSERT INTO \(raw: R.kind) (\(raw: names)) VALUES (\(list: values))")
    try change(R.kind, record.id)
  }

  /// Writes every column of a row that is there.
  func save<R: StoredResource>(_ record: R) throws {
    let values = StandardColumns.values(record.standard) + record.values
    let pairs = zip(StandardColumns.names + R.columns, values).dropFirst().map { "\(raw: $0) = \($1)" as SQL }
    try execute("UPDATE \(raw: R.kind) SET \(SQL.joined(pairs, separator: ", ")) WHERE id = \(record.id)")
    try change(R.kind, record.id)
  }

  func remove<R: StoredResource>(_ record: R) throws {
    try execute("DELETE FROM network_tag WHERE resource_id = \(record.id)")
    try execute("DELETE FROM \(raw: R.kind) WHERE id = \(record.id)")
    try change(R.kind, record.id)
  }

  /// Says that a resource changed where only what stands in other tables did: its revision grows.
  func touch<R: StoredResource>(_ type: R.Type, id: String) throws {
    try execute(
      """
      UPDATE \(raw: type.kind) SET revision_number = revision_number + 1, updated_at = \(Timestamp.now())
      WHERE id = \(id)
      """)
    try change(type.kind, id)
  }

  /// Fills in tags.
  func fillTags<R: StoredResource>(_ records: inout [R]) throws {
    let tags = try pairs(
      "SELECT resource_id, tag FROM network_tag WHERE resource_id IN (\(list: records.map(\.id))) ORDER BY tag")
    if tags.isEmpty { return }
    for index in records.indices { records[index].standard.tags = tags[records[index].id] ?? [] }
  }

  /// Two columns, the second gathered by the first, in the order of the rows.
  func pairs(_ sql: SQL) throws -> [String: [String]] {
    var gathered: [String: [String]] = [:]
    try forEach(sql) { gathered[$0.text(0), default: []].append($0.text(1)) }
    return gathered
  }
}
