import Foundation
import StoreFixture
import Synchronization
import Testing

@testable import Store

/// Disks that are full, read-only, gone, or were cut off in the middle of a write.
struct OutageTests {
  private func kind(_ body: () async throws -> Void) async -> StoreError.Kind? {
    do { try await body() } catch { return (error as? StoreError)?.kind }
    return nil
  }

  @Test(.enabled(if: DiskFixture.possible))
  func aFullDiskRefusesWritesUntilThereIsRoom() async throws {
    let disk = try DiskFixture(.memory, megabytes: 2)
    let store = try await SQLiteStore(path: disk.storePath).prepared()
    try await store.put("before")
    try disk.fill()
    var kept: Set = ["before"]
    // What fits into the log's file as it is may still go well; what is answered is kept, what is refused is not.
    for number in 0..<40 {
      let id = "full-\(number)"
      let kind = await kind { try await store.put(id, bytes: 100_000) }
      if kind == nil { kept.insert(id) } else { #expect(kind == .full) }
      #expect(try await store.ids() == kept)
    }
    #expect(!kept.contains("full-39"))
    // Many at once: all of a batch have the same fate.
    let together = await withTaskGroup(of: (String, Bool).self) { group in
      for number in 0..<50 {
        group.addTask {
          let id = "together-\(number)"
          return (id, (try? await store.put(id, bytes: 50_000)) != nil)
        }
      }
      return await group.reduce(into: Set<String>()) { if $1.1 { $0.insert($1.0) } }
    }
    #expect(try await store.ids() == kept.union(together))
    try disk.makeRoom()
    try await store.put("after", bytes: 100_000)
    #expect(try await store.ids() == kept.union(together).union(["after"]))
    #expect(try await store.isSound())
  }

  @Test(.enabled(if: DiskFixture.possible))
  func aDiskThatWasGoneIsTakenUpAgain() async throws {
    let disk = try DiskFixture(.loop, megabytes: 16)
    let store = try await SQLiteStore(path: disk.storePath).prepared()
    try await store.put("before")
    try disk.pullOut()
    for number in 0..<3 { #expect(await kind { try await store.put("gone-\(number)") } == .io) }
    // Readers may answer from what they remember; none may hang or crash the process.
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<20 { group.addTask { _ = try? await store.read { try $0.query("SELECT * FROM thing") { _ in 0 } } } }
    }
    try await Self.letGo(store, disk)
    // Writable for a moment, so that the file system can replay its own journal.
    try disk.mount()
    try disk.remount("ro")
    #expect(await kind { try await store.put("read-only") } == .readOnly)
    try disk.remount("rw")
    try await store.put("after")
    #expect(try await store.ids() == ["before", "after"])
    #expect(try await store.isSound())
  }

  /// Unmounts what is left of a disk. A reader that answered from memory still has its file open until it fails.
  private static func letGo(_ store: SQLiteStore, _ disk: DiskFixture) async throws {
    for _ in 0..<10 {
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<8 {
          group.addTask { _ = try? await store.read { try $0.first("PRAGMA integrity_check") { $0.text(0) } } }
        }
      }
    }
    try await disk.unmount()
  }

  @Test func aBatchThatSQLiteEndedIsNobodys() async throws {
    let fixture = try await Shelf(.sqlite)
    let store = try #require(fixture.store as? SQLiteStore)
    // The writer is held, so that what follows is one batch.
    let (held, release) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let first = Task {
      try await store.write { tx in
        held.signal()
        release.wait()
        try tx.execute("INSERT INTO thing (id) VALUES ('first')")
      }
    }
    await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        held.wait()
        continuation.resume()
      }
    }
    let ended = Task {
      try await store.write { tx in
        try tx.execute("INSERT INTO thing (id) VALUES ('ended')")
        // As SQLite does by itself after some failures of the disk.
        try tx.execute("ROLLBACK")
        throw StoreError(kind: .full, message: "database or disk is full")
      }
    }
    while store.writesWaiting < 1 { try await Task.sleep(for: .milliseconds(5)) }
    let last = Task { try await store.write { try $0.execute("INSERT INTO thing (id) VALUES ('last')") } }
    while store.writesWaiting < 2 { try await Task.sleep(for: .milliseconds(5)) }
    release.signal()
    // The first may be in a batch of its own; it is kept exactly where it was answered so.
    let firstKept = (try? await first.value) != nil
    await #expect(throws: StoreError.self) { try await ended.value }
    let lastKept = (try? await last.value) != nil
    let ids = try await store.read { Set(try $0.query("SELECT id FROM thing") { $0.text(0) }) }
    #expect(ids == Set((firstKept ? ["first"] : []) + (lastKept ? ["last"] : [])))
    // And the next goes on.
    try await store.write { try $0.execute("INSERT INTO thing (id) VALUES ('next')") }
    #expect(try await store.read { try $0.exists("SELECT 1 FROM thing WHERE id = 'next'") })
  }

  @Test func aFailureInsideAWriteKeepsItsOwnReason() async throws {
    let fixture = try await Shelf(.sqlite)
    let pages = try await fixture.store.read { try $0.count("PRAGMA page_count") }
    try await fixture.store.write { _ = try $0.query("PRAGMA max_page_count = \(raw: "\(pages + 2)")") { $0.int(0) } }
    let note = String(repeating: "n", count: 100_000)
    let full = await kind {
      _ = try await fixture.store.write { try $0.execute("INSERT INTO thing (id, note) VALUES ('big', \(note))") }
    }
    #expect(full == .full)
    try await fixture.store.write { _ = try $0.query("PRAGMA max_page_count = 1000000") { $0.int(0) } }
    try await fixture.store.write { try $0.execute("INSERT INTO thing (id, note) VALUES ('big', \(note))") }
    #expect(try await fixture.store.read { try $0.count("SELECT count(*) FROM thing") } == 1)
  }

  /// The host lost power: the log ends anywhere. What is there then is a beginning of what was answered, in order.
  @Test func aTornLogLosesOnlyItsEnd() async throws {
    let fixture = try await Shelf(.sqlite)
    for number in 0..<60 {
      try await fixture.store.write { tx in
        try tx.execute("INSERT INTO thing (id, value, note) VALUES (\("\(number)"), \(number), \("note"))")
      }
    }
    let log = try Data(contentsOf: fixture.folder.appending(path: "store.db-wal"))
    #expect(log.count > 60 * 4096)
    for (number, cut) in [0, 31, 32, 4000, 40_001, log.count / 2 + 77, log.count - 1, log.count].enumerated() {
      for garbage in [false, true] {
        let folder = fixture.folder.appending(path: "torn-\(number)-\(garbage)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let path = folder.appending(path: "store.db")
        try FileManager.default.copyItem(at: fixture.folder.appending(path: "store.db"), to: path)
        let tail = garbage ? Data(repeating: 0xa5, count: log.count - cut) : Data()
        try (log.prefix(cut) + tail).write(to: folder.appending(path: "store.db-wal"))
        let store = try SQLiteStore(path: path.path())
        let sound = try await store.isSound()
        #expect(sound)
        // The table itself may be part of what was lost.
        let values =
          (try? await store.read { try $0.query("SELECT value FROM thing ORDER BY value") { $0.int(0) } }) ?? []
        #expect(values == Array(0..<values.count))
        if cut == log.count { #expect(values.count == 60) }
        try await store.migrate([Migration(room: "more", number: 1, .expand, ["CREATE TABLE more (id TEXT)"])])
      }
    }
  }
}
