import Foundation
package import Store

/// What a store held when it was put away: other stores begin with it.
package struct KeptStore: Sendable {
  private enum Content: Sendable {
    case files([String: Data])
    case database(String)
  }
  private let content: Content

  /// Takes what `fresh` holds, which stands in `folder`; it is not used any more.
  package init(_ fresh: StoreFixture.Fresh, folder: String) throws {
    switch fresh.database {
    case let database?: content = .database(database)
    case nil:
      var files: [String: Data] = [:]
      for name in ["store.db", "store.db-wal"] {
        files[name] = try Data(contentsOf: URL(filePath: "\(folder)/\(name)"))
      }
      content = .files(files)
    }
  }

  /// A store of its own with that content.
  package func copy(folder: String) throws -> any Store {
    switch content {
    case .files(let files):
      for (name, data) in files { try data.write(to: URL(filePath: "\(folder)/\(name)")) }
      return try SQLiteStore(path: folder + "/store.db")
    case .database(let name):
      let server = try PostgresServer.shared.get()
      return try PostgresStore(url: server.address(database: server.makeDatabase(copyOf: name)), readers: 2)
    }
  }
}
