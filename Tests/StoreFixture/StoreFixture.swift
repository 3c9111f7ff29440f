import Foundation
package import Store

/// The engines a store can stand on.
package enum StoreEngineKind: String, CaseIterable, Sendable {
  case sqlite, postgres
}

/// A store for a test, of the engine that `HANEUL_TEST_STORE` asks for.
package enum StoreFixture {
  /// `postgres` asks for PostgreSQL; without it tests run on SQLite.
  package static var engine: StoreEngineKind {
    ProcessInfo.processInfo.environment["HANEUL_TEST_STORE"].flatMap(StoreEngineKind.init) ?? .sqlite
  }

  /// A new, empty store whose files stand in `folder`, or on this process's PostgreSQL server. Throws `StoreError`.
  package static func make(folder: String, _ engine: StoreEngineKind = engine) throws -> any Store {
    switch engine {
    case .sqlite: try SQLiteStore(path: folder + "/store.db")
    case .postgres: try PostgresStore(url: PostgresServer.shared.get().address(), readers: 2)
    }
  }

  /// A store whose content can be put away as a `KeptStore`.
  package struct Fresh: Sendable {
    package let store: any Store
    let database: String?
  }

  /// A new, empty store to fill. Throws `StoreError`.
  package static func fresh(folder: String) throws -> Fresh {
    if engine == .sqlite { return Fresh(store: try make(folder: folder), database: nil) }
    let server = try PostgresServer.shared.get()
    let database = try server.makeDatabase()
    return Fresh(store: try PostgresStore(url: server.address(database: database)), database: database)
  }
}
