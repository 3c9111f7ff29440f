import Store
import StoreFixture
import Testing

@testable import Cloud

/// Tokens are remembered as long as nothing was written to identity's tables (`Store.commits(to:)`): nothing else may
/// change these by the way.
struct TableFamilyTests {
  @Test func noForeignKeyLeadsIntoIdentityFromOutside() async throws {
    let cloud = try await WholeCloudFixture(.sqlite)
    let keys = try await cloud.services.store.read { tx in
      try tx.query(
        """
        SELECT m.name, f."table", f.on_update, f.on_delete FROM sqlite_master m, pragma_foreign_key_list(m.name) f
        WHERE m.type = 'table'
        """
      ) { (child: $0.text(0), parent: $0.text(1), actions: [$0.text(2), $0.text(3)]) }
    }
    let ofIdentity = keys.filter { $0.child.hasPrefix("identity_") }
    #expect(ofIdentity.count >= 20)
    for key in ofIdentity where !key.actions.allSatisfy(["NO ACTION", "RESTRICT"].contains) {
      #expect(key.parent.hasPrefix("identity_"), "\(key)")
    }
    let triggers = try await cloud.services.store.read { tx in
      try tx.query("SELECT name FROM sqlite_master WHERE type = 'trigger'") { $0.text(0) }
    }
    #expect(triggers == [])
  }
}
