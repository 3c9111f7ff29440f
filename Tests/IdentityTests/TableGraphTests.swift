import Store
import Testing

@testable import Identity

/// Nothing that goes with a deleted user, group, role, project or domain may be forgotten by the copy that is kept.
struct TableGraphTests {
  /// Columns that name what they belong to, and are no foreign keys, each with its reason.
  private static let loose: [String: String] = [
    "identity_user.default_project_id": "a wish, which a login takes only where the project is there",
    "identity_trust_role.role_id": "a trust with a role that is gone must not become one with fewer roles",
    "identity_deleted.object_id": "the copy itself",
    "identity_deleted.domain_id": "the copy itself",
    "identity_deleted.request_id": "the copy itself",
  ]

  private func graph() async throws -> TableGraph {
    try await Fixture().store.read { tx in try TableGraph(tx) }
  }

  /// The store's own word is compared with the text of the migrations.
  @Test func everyForeignKeyIsKnown() async throws {
    let graph = try await graph()
    var declared = 0
    var cascading = 0
    for statement in IdentitySchema.migrations.flatMap(\.statements) {
      let parts = statement.split(separator: " REFERENCES ").dropFirst()
      declared += parts.count
      cascading += parts.filter { $0.drop { $0 != ")" }.dropFirst().hasPrefix(" ON DELETE CASCADE") }.count
    }
    #expect(declared > 20)
    #expect(graph.links.count == declared)
    #expect(graph.links.filter(\.cascades).count == cascading)
    // What becomes null would not come back with what it named.
    #expect(graph.links.filter(\.setsNull).map { "\($0.child) \($0.columns)" } == [])
  }

  /// What refers to something does so by its primary key: by that the copy of a parent is found.
  @Test func parentsAreNamedByTheirKeys() async throws {
    let graph = try await graph()
    for link in graph.links {
      #expect(Set(link.parentColumns) == Set(graph.tables[link.parent]?.key ?? []), "\(link)")
      #expect(graph.tables[link.child]?.columns.isEmpty == false, "\(link)")
    }
  }

  @Test func whatNamesAParentGoesWithIt() async throws {
    let graph = try await graph()
    let linked = Set(graph.links.flatMap { link in link.columns.map { "\(link.child).\($0)" } })
    let names = ["user_id", "group_id", "role_id", "project_id", "domain_id", "trustor_user_id", "trustee_user_id"]
    for (name, table) in graph.tables {
      for column in table.columns.map(\.name) where names.contains(column) || column.hasSuffix("_project_id") {
        let place = "\(name).\(column)"
        #expect(linked.contains(place) != (Self.loose[place] != nil), "\(place) is no foreign key: declare it as one")
      }
    }
  }
}
