import API
import Auth
import Foundation
import Identity
import Kit
import Logging
import NodeLink
import Store
import StoreFixture
import Testing

@testable import Cloud

/// A cloud is written down while it lives, and brought back, on either engine and across them.
struct BackupTests {
  private static var owner: SystemUser { SystemUser(uid: getuid(), gid: getgid()) }

  /// Every row of every table that is in a backup, as text, by table.
  private static func content(_ store: any Store) async throws -> [String: [String]] {
    try await store.read { tx in
      var all: [String: [String]] = [:]
      for table in try StoreTables.names(tx) where !BackupFormat.leftOut.contains(table) {
        let columns = try StoreTables.columns(tx, table)
        all[table] = try tx.query(
          "SELECT \(raw: columns.map { "\"\($0.name)\"" }.joined(separator: ", ")) FROM \"\(raw: table)\""
        ) { row in
          columns.indices.map { index -> String in
            if row.isNull(index) { return "NULL" }
            return columns[index].kind == .real ? "\(row.double(index))" : row.text(index)
          }.joined(separator: "|")
        }.sorted()
      }
      return all
    }
  }

  private static func services(_ state: StateDirectory) async throws -> Services {
    let settings = try #require(try state.readSettings())
    return try await Services(
      state: state, settings: settings, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  private static let ways = StoreEngineKind.allCases.flatMap { from in StoreEngineKind.allCases.map { (from, $0) } }

  @Test(arguments: ways) func comesBackWhole(_ from: StoreEngineKind, _ to: StoreEngineKind) async throws {
    let town = try await StoriesTests.Town(from)
    let cloud = town.cloud
    let before = try await Self.content(cloud.services.store)
    #expect(before["server"]?.count == 1 && before["identity_project"]?.count ?? 0 > 2)
    let file = cloud.fixture.state.path + "/cloud.backup"
    let rows = try await Backup(state: cloud.fixture.state).write(file, withImages: true)
    #expect(rows == before.values.map(\.count).reduce(0, +))
    #expect(try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int == 0o600)
    // On another machine, where nothing of it is.
    let other = try StateFixture()
    var address: Secret<String>?
    if to == .postgres { address = try WholeCloudFixture.postgres() }
    if to == .sqlite, from == .postgres {
      // The settings of the backup say PostgreSQL: here they are made anew first.
      var settings = cloud.settings
      settings.storeEngine = nil
      try other.state.writeSettings(settings)
    }
    let outcome = try await Restore(state: other.state, address: address).run(file, owner: Self.owner)
    #expect(outcome.cloudID == cloud.settings.cloudID && outcome.epoch == 2 && outcome.rows == rows)
    #expect(outcome.warnings.isEmpty, "\(outcome.warnings)")
    let restored = try await Self.services(other.state)
    let after = try await Self.content(restored.store)
    for table in before.keys { #expect(after[table] == before[table], "\(table)") }
    let head = try await (
      cloud.services.store.read { try $0.newestRevision() }, restored.store.read { try $0.newestRevision() }
    )
    #expect(head.1 > head.0)
    // Its keys open the tokens of before, and rows go on being numbered.
    let principal = try await restored.identity.principal(token: Secret(cloud.admin))
    #expect(principal?.userName == "admin")
    // So do those of credentials: what is sealed in the store is of no use without them.
    func keys(_ state: StateDirectory) throws -> [String: Data] {
      let names = try FileManager.default.contentsOfDirectory(atPath: state.credentialKeys).filter { Int($0) != nil }
      return try names.reduce(into: [:]) {
        $0[$1] = try Data(contentsOf: URL(filePath: state.credentialKeys + "/" + $1))
      }
    }
    #expect(try keys(other.state) == keys(cloud.fixture.state))
    #expect(try keys(other.state).count >= 2)
    try await restored.store.write { tx in
      _ = try tx.execute(
        """
        INSERT INTO drift (node_id, subject, field, asked, found, done, since, again, times)
        VALUES ('n', 's', 'f', '', '', '', 0, 0, 1)
        """)
    }
    #expect(try await InvariantCheck.run(state: other.state).broken.isEmpty)
  }

  /// Restored over a store that lives on: the old one is kept, a later epoch begins, nothing of the node is deleted.
  @Test(arguments: StoreEngineKind.allCases) func beginsANewEpochOverTheOldStore(_ engine: StoreEngineKind) async throws
  {
    let town = try await StoriesTests.Town(engine)
    let state = town.cloud.fixture.state
    let file = town.cloud.fixture.state.path + "/cloud.backup"
    try await Backup(state: state).write(file, withImages: false)
    // After the backup: a network that it does not know, and image bytes.
    let made = await town.cloud.send(
      "POST", "/network/v2.0/networks", token: town.cloud.member, body: #"{"network": {"name": "later"}}"#)
    #expect(made.status == 201)
    let later = state.images + "/blobs/" + Identifier.uuid()
    try Data("later".utf8).write(to: URL(filePath: later))
    let outcome = try await Restore(state: state).run(file, owner: Self.owner)
    #expect(outcome.epoch == 2)
    #expect(outcome.before != nil)
    #expect(outcome.warnings.count == 1 && outcome.warnings[0].contains("put aside"))
    #expect(!FileManager.default.fileExists(atPath: later))
    let names = try await Self.services(state).store.read { try $0.query("SELECT name FROM network") { $0.text(0) } }
    #expect(names.contains("town-net") && !names.contains("later"))
    // Once more: the epoch goes on from the store that is there.
    #expect(try await Restore(state: state).run(file, owner: Self.owner).epoch == 3)
  }

  @Test func everyDamageIsRefusedAndChangesNothing() async throws {
    let cloud = try await WholeCloudFixture(.sqlite)
    let state = cloud.fixture.state
    let file = cloud.fixture.state.path + "/cloud.backup"
    try await Backup(state: state).write(file, withImages: true)
    let whole = try Data(contentsOf: URL(filePath: file))
    let before = try await Self.content(cloud.services.store)
    func refused(_ data: Data, _ what: String) async throws {
      try data.write(to: URL(filePath: file))
      await #expect(throws: CloudProblem.self, "\(what)") {
        _ = try await Restore(state: state).run(file, owner: Self.owner)
      }
    }
    var random = SystemRandomNumberGenerator()
    let places = [0, 1, whole.count - 1, whole.count - 2, whole.count - 65, whole.count - 66]
    for place in places + (0..<60).map({ _ in Int.random(in: whole.indices, using: &random) }) {
      var damaged = whole
      damaged[place] ^= UInt8(1 << Int.random(in: 0..<8, using: &random))
      try await refused(damaged, "byte \(place)")
    }
    for count in [0, 1, 100, whole.count / 2, whole.count - 66, whole.count - 1] {
      try await refused(whole.prefix(count), "cut to \(count)")
    }
    try await refused(whole + Data("x".utf8), "one byte more")
    try await refused(whole + whole, "twice")
    #expect(try await Self.content(cloud.services.store) == before)
    #expect(!FileManager.default.fileExists(atPath: state.store + ".restoring"))
  }

  /// A file with other content and a right checksum.
  private func forge(_ path: String, _ change: (inout [String]) -> Void) throws {
    var lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
    lines.removeLast()
    change(&lines)
    let writer = try BackupWriter(path)
    for line in lines { try writer.line(Array(line.utf8)) }
    try writer.finish()
  }

  @Test func foreignAndLaterBackupsAreRefused() async throws {
    let cloud = try await WholeCloudFixture(.sqlite)
    let file = cloud.fixture.state.path + "/cloud.backup"
    try await Backup(state: cloud.fixture.state).write(file, withImages: false)
    let other = try await WholeCloudFixture(.sqlite)
    func refusal(_ fixture: WholeCloudFixture) async -> String {
      do { _ = try await Restore(state: fixture.fixture.state).run(file, owner: Self.owner) } catch {
        return (error as? CloudProblem)?.description ?? "no CloudProblem: \(error)"
      }
      return "nothing was refused"
    }
    #expect(await refusal(other).contains("Nothing was changed. Choose another --state-dir."))
    // Control runs.
    let lock = try ProcessLock(cloud.fixture.state.lock(.control, 2))
    #expect(await refusal(cloud).contains("control-2 runs."))
    withExtendedLifetime(lock) {}
    try forge(file) {
      $0[0] = $0[0].replacing(#"{"number":1,"room":"compute"}"#, with: #"{"number":99,"room":"compute"}"#)
    }
    #expect(await refusal(cloud).contains("written by a later release"))
    try forge(file) { $0[0] = $0[0].replacing(#""haneul_backup":1"#, with: #""haneul_backup":2"#) }
    #expect(await refusal(cloud).contains("written by a later release"))
  }
}
