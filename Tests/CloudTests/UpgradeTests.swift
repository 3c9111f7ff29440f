import Foundation
import Kit
import Logging
import Store
import StoreFixture
import Testing

@testable import Cloud

/// Stores as earlier releases left them, kept in `Tests/Kept`: this release opens them, migrates them, and finds in
/// them what was there.
struct UpgradeTests {
  private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  /// Fills an empty store with a dump of SQLite's. Its words for tables are translated as those of migrations are.
  private static func load(_ name: String, into store: any Store) async throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Kept/\(name).sql")
    let dump = try String(contentsOf: file, encoding: .utf8)
    let statements = dump.split(separator: "\n").filter { !$0.hasPrefix("--") }.joined(separator: "\n")
      .split(separator: ";\n").map(String.init)
    let counters = statements.filter { $0.contains("sqlite_sequence") }
    let rest = statements.filter { !$0.contains("sqlite_sequence") }
    try await store.write { tx in
      for statement in rest { try tx.execute(SQL(raw: statement)) }
      if store is SQLiteStore {
        for statement in counters { try tx.execute(SQL(raw: statement)) }
        return
      }
      for statement in counters {
        // INSERT INTO sqlite_sequence VALUES('changes',101)
        let words = statement.split { "',()".contains($0) }
        guard words.count == 3, let last = Int(words[2]) else { continue }
        let column = words[1] == "changes" ? "revision" : "number"
        _ = try tx.count("SELECT setval(pg_get_serial_sequence(\(String(words[1])), \(column)), \(last))")
      }
    }
  }

  @Test(arguments: StoreEngineKind.allCases) func releaseOneGoesOn(_ engine: StoreEngineKind) async throws {
    let fixture = try StateFixture()
    var options = CloudOptions(host: nil, port: nil, externalCIDR: "10.99.44.0/24", externalMasquerade: nil)
    if engine == .postgres { options.store = try WholeCloudFixture.postgres() }
    var settings = try options.settings(existing: nil)
    settings.cloudID = "b8ea186e-d3bc-4876-bce3-77d291588e8a"
    try fixture.state.writeSettings(settings)
    if let address = options.store {
      try StateDirectory.replace(fixture.state.storeURL, with: Data(address.reveal().utf8), mode: 0o600)
      try await Self.load("release-1", into: PostgresStore(url: address.reveal()))
    } else {
      try await Self.load("release-1", into: SQLiteStore(path: fixture.state.store))
    }
    let services = try await Services(state: fixture.state, settings: settings, logger: Self.logger)
    let store = services.store
    let (servers, users, networks, revision) = try await store.read { tx in
      (
        try tx.query("SELECT name FROM server WHERE deleting = 0 ORDER BY name") { $0.text(0) },
        try tx.query("SELECT name FROM identity_user ORDER BY name") { $0.text(0) },
        try tx.query("SELECT name FROM network ORDER BY name") { $0.text(0) }, try tx.newestRevision()
      )
    }
    #expect(servers.count == 2 && servers.allSatisfy { $0.hasPrefix("kept-server-") })
    #expect(Set(["anna", "ben", "carla", "admin", "demo"]).isSubset(of: users))
    #expect(Set(["kept-net-1", "kept-net-2"]).isSubset(of: networks))
    #expect(revision >= 101)
    // Somebody of then logs in with the password of then, and the feed and the counters go on.
    let token = try await WholeCloudFixture.login(services, "anna", "a-kept-password-anna", project: "kept-project")
    #expect(!token.isEmpty)
    #expect(try await store.write { try $0.change("test", "upgraded") } > revision)
    #expect(try await store.read { try $0.changes(after: 0, kinds: ["server"]) } != .changes([], last: 0, more: false))
  }
}
