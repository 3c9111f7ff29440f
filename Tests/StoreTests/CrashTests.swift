import Foundation
import StoreFixture
import Testing

@testable import Store

/// Processes that write are killed at any moment, and the server too: what was acknowledged is there, and nothing is
/// half done. A hundred kills in all.
@Suite(.serialized) struct CrashTests {
  private static let sqliteKills = 62
  private static let postgresKills = 31
  private static let serverKills = 7

  /// A process of `Tests/StoreWriter` and what it has said.
  private final class Writer {
    private let process = Process()
    private let said = Pipe()
    private(set) var acknowledged: [String] = []
    private var rest = Data()

    init(_ words: [String]) throws {
      let folder = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
      process.executableURL = folder.appending(path: "store-writer")
      process.arguments = words
      process.standardOutput = said
      process.standardError = FileHandle.nullDevice
      try process.run()
      // Only the writer holds the other end, so that it ends with it.
      try said.fileHandleForWriting.close()
    }

    /// Reads what it has said by now. Waits for it, and gives false once it is dead and everything was read.
    @discardableResult
    func listen() -> Bool {
      let data = said.fileHandleForReading.availableData
      rest.append(data)
      guard let end = rest.lastIndex(of: UInt8(ascii: "\n")) else { return !data.isEmpty }
      acknowledged += String(decoding: rest[...end], as: UTF8.self).split(separator: "\n").map(String.init)
      rest = Data(rest[rest.index(after: end)...])
      return !data.isEmpty
    }

    func kill() {
      Foundation.kill(process.processIdentifier, SIGKILL)
      while listen() {}
      process.waitUntilExit()
    }
  }

  private static let tables = Migration(
    room: "crash", number: 1, .expand,
    [
      "CREATE TABLE half (id TEXT NOT NULL, side INTEGER NOT NULL, PRIMARY KEY (id, side))",
      "CREATE TABLE tally (written INTEGER NOT NULL)", "INSERT INTO tally (written) VALUES (0)",
    ])

  /// Compares what was acknowledged in all with what is there.
  private static func check(_ store: any Store, _ acknowledged: [String]) async throws {
    let (whole, torn, written, revisions, newest) = try await store.read { tx in
      let sides = try tx.query("SELECT id, count(*) FROM half GROUP BY id") { ($0.text(0), $0.int(1)) }
      return (
        Set(sides.filter { $0.1 == 2 }.map(\.0)), sides.filter { $0.1 != 2 }.count,
        try tx.count("SELECT written FROM tally"), try tx.count("SELECT count(*) FROM changes"),
        try tx.newestRevision()
      )
    }
    #expect(torn == 0)
    #expect(Set(acknowledged).subtracting(whole).isEmpty)
    #expect(written == whole.count)
    #expect(revisions == whole.count)
    #expect(Int(newest) == whole.count)
  }

  private static func moment() -> Duration { .milliseconds(Int.random(in: 1...100)) }

  @Test func aKilledProcessLosesNothingOnSQLite() async throws {
    let shelf = try await Shelf(.sqlite)
    try await shelf.store.migrate([Self.tables])
    let path = shelf.folder.appending(path: "store.db").path()
    var acknowledged: [String] = []
    for _ in 0..<Self.sqliteKills {
      let writer = try Writer(["sqlite", path])
      writer.listen()
      try await Task.sleep(for: Self.moment())
      writer.kill()
      acknowledged += writer.acknowledged
      try await Self.check(SQLiteStore(path: path, readers: 1), acknowledged)
    }
    #expect(acknowledged.count > Self.sqliteKills)
  }

  @Test func aKilledProcessLosesNothingOnPostgreSQL() async throws {
    let server = try PostgresServer(syncs: true)
    let address = try server.address()
    let store = try PostgresStore(url: address)
    try await store.migrate([Self.tables])
    var acknowledged: [String] = []
    for _ in 0..<Self.postgresKills {
      let writer = try Writer(["postgres", address])
      writer.listen()
      try await Task.sleep(for: Self.moment())
      writer.kill()
      acknowledged += writer.acknowledged
      // What was on its way when the process died is committed, or not, before the next write has its turn.
      try await store.write { _ in }
      try await Self.check(store, acknowledged)
    }
    for _ in 0..<Self.serverKills {
      let writer = try Writer(["postgres", address])
      writer.listen()
      try await Task.sleep(for: Self.moment())
      server.crash()
      try server.start()
      // It goes on by itself.
      let before = writer.acknowledged.count
      while writer.acknowledged.count < before + 20, writer.listen() {}
      #expect(writer.acknowledged.count >= before + 20)
      writer.kill()
      acknowledged += writer.acknowledged
      try await Self.afterwards(store)
      try await Self.check(store, acknowledged)
    }
  }

  /// Writes nothing, as soon as the server takes it.
  private static func afterwards(_ store: any Store) async throws {
    for _ in 0..<300 {
      do { return try await store.write { _ in } } catch let error as StoreError where error.isOutage {
        try await Task.sleep(for: .milliseconds(100))
      }
    }
    try await store.write { _ in }
  }
}
