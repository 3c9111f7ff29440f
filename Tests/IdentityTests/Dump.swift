import Kit
import Store

@testable import Identity

/// All rows of identity's tables as the store has them, without what deleting and restoring keeps for itself.
///
/// Restoring must give the same again, but for the generations of tokens: what was issued before stays dead.
struct Dump: Equatable {
  /// Rows as text by table, in the order of their text.
  var tables: [String: [String]] = [:]

  /// What is counted, and what services are told of tokens that died: it says what happened, and stays.
  private static let passing = ["identity_login_tally", "identity_revocation_event"]

  init(_ cloud: Fixture) async throws {
    tables = try await cloud.store.read { tx in
      let graph = try TableGraph(tx)
      var tables: [String: [String]] = [:]
      for name in graph.tables.keys where !name.hasPrefix("identity_deleted") && !Self.passing.contains(name) {
        tables[name] = try graph.rows(tx, name, where: "1 = 1").map { row in
          var values = row.values
          values["token_generation"] = nil
          return JSONValue.object(values).text
        }.sorted()
      }
      return tables
    }
  }

  func count(_ table: String) -> Int { tables["identity_" + table]?.count ?? 0 }

  /// The tables that differ.
  func difference(_ other: Dump) -> [String] {
    Set(tables.keys).union(other.tables.keys).filter { tables[$0] != other.tables[$0] }.sorted()
  }
}
