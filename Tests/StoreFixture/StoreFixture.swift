package import Store

/// A store for a test, of the engine that `HANEUL_TEST_STORE` asks for.
package enum StoreFixture {
  /// A new, empty store whose files stand in `folder`. Throws `StoreError`.
  package static func make(folder: String) throws -> any Store { try SQLiteStore(path: folder + "/store.db") }
}
