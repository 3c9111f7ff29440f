import Foundation
import Store

/// Writes into a store as fast as it goes, and says on stdout what was acknowledged, until somebody kills it:
/// `store-writer sqlite PATH` or `store-writer postgres ADDRESS`. A write is two rows, a tally and a change, which must
/// be there together or not at all.
@main enum StoreWriter {
  private static let writers = 16

  static func main() async throws {
    let words = CommandLine.arguments
    guard words.count == 3 else { throw Usage() }
    let store: any Store = words[1] == "sqlite" ? try SQLiteStore(path: words[2]) : try PostgresStore(url: words[2])
    await withDiscardingTaskGroup { group in
      for _ in 0..<writers { group.addTask { await write(store) } }
    }
  }

  private struct Usage: Error {}

  private static func write(_ store: any Store) async {
    while true {
      let id = UUID().uuidString
      do {
        try await store.write { tx in
          try tx.execute("INSERT INTO half (id, side) VALUES (\(id), 0)")
          try tx.execute("UPDATE tally SET written = written + 1")
          try tx.change("half", id)
          try tx.execute("INSERT INTO half (id, side) VALUES (\(id), 1)")
        }
        // One call of the system, so that no line is torn.
        FileHandle.standardOutput.write(Data("\(id)\n".utf8))
      } catch {
        // The server is gone, or was while it committed: this id is nobody's, the next may go well.
        try? await Task.sleep(for: .milliseconds(20))
      }
    }
  }
}
