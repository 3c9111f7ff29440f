import Foundation
import Kit
import Store

/// Puts a backup's rows into a new store, many in a transaction.
final class RestoreLoader {
  /// Rows in one transaction, and in one statement.
  private static let transactionRows = 2000
  private static let statementRows = 20

  private let store: any Store
  private var table: BackupFormat.Table?
  private var waiting: [[SQLValue]] = []
  private var count = 0

  init(store: any Store) { self.store = store }

  /// The next rows are this table's. Throws `CloudProblem` where the schema has no such table.
  func begin(_ table: BackupFormat.Table) async throws {
    try await flush()
    let known = try await store.read { try StoreTables.columns($0, table.table) }
    guard !known.isEmpty, Set(table.columns).isSubset(of: known) else {
      throw CloudProblem("The backup has table \(table.table) in a form that this release does not know.")
    }
    self.table = table
    // What the schema begins with is in the backup, too.
    try await store.write { _ = try $0.execute("DELETE FROM \"\(raw: table.table)\"") }
  }

  func add(_ row: [JSONValue]) async throws {
    guard let table, row.count == table.columns.count else { throw Self.misfit }
    waiting.append(try zip(row, table.columns).map(Self.value))
    count += 1
    if waiting.count >= Self.transactionRows { try await flush() }
  }

  /// Returns how many rows there were. Throws `CloudProblem`, `StoreError`.
  func finish() async throws -> Int {
    try await flush()
    return count
  }

  private static var misfit: CloudProblem { CloudProblem("The backup has a row that does not fit its table.") }

  private static func value(_ value: JSONValue, _ column: StoreTables.Column) throws -> SQLValue {
    switch (value, column.kind) {
    case (.null, _): .null
    case (.int(let number), .integer): .int(Int64(number))
    case (.int(let number), .real): .double(Double(number))
    case (.double(let number), .real): .double(number)
    case (.string(let text), .text): .text(text)
    case (.string(let text), .blob):
      if let bytes = Data(base64Encoded: text) { .blob(Array(bytes)) } else { throw misfit }
    default: throw misfit
    }
  }

  private func flush() async throws {
    guard let table, !waiting.isEmpty else { return }
    let rows = waiting
    waiting = []
    let names = table.columns.map { "\"\($0.name)\"" }.joined(separator: ", ")
    do {
      try await store.write { tx in
        for start in stride(from: 0, to: rows.count, by: Self.statementRows) {
          let part = rows[start..<min(start + Self.statementRows, rows.count)].map { row -> SQL in "(\(list: row))" }
          try tx.execute(
            "INSERT INTO \"\(raw: table.table)\" (\(raw: names)) VALUES \(SQL.joined(part, separator: ", "))")
        }
      }
    } catch let error as StoreError where [.unique, .foreignKey].contains(error.kind) {
      throw CloudProblem(
        "The backup's table \(table.table) contradicts itself: \(error.message). The store was left as it is.")
    }
  }
}
