import Foundation
import Kit
import Store
import Synchronization

/// Where a restored store is made, beside the one that is there, and how it takes that one's place.
final class RestorePlace: Sendable {
  /// How long the new file may take to be nobody's, in seconds.
  private static let closeSeconds = 30.0

  private enum Form: Sendable {
    case file(path: String, new: String)
    case schema(url: Secret<String>, current: String, new: String)
  }
  private let form: Form
  private let opened: Mutex<(any Store)?>

  private init(_ form: Form, _ opened: any Store) {
    self.form = form
    self.opened = Mutex(opened)
  }

  /// Makes the new, empty store. Throws `CloudProblem`.
  static func make(_ target: StoreAddress) async throws -> RestorePlace {
    do {
      switch target {
      case .sqlite(let path):
        let new = path + ".restoring"
        removeFile(new)
        return RestorePlace(.file(path: path, new: new), try SQLiteStore(path: new))
      case .postgres(let url):
        let current = try await target.peek { try $0.first("SELECT current_schema()") { $0.text(0) } ?? "" }
        let new = "haneul_restoring_" + Identifier.hex().prefix(8)
        try PostgresPeek.write(url: url.reveal()) { tx in
          _ = try tx.execute("CREATE SCHEMA \"\(raw: new)\"")
        }
        let store = try PostgresStore(url: address(url, schema: new), readers: 1)
        return RestorePlace(.schema(url: url, current: current, new: new), store)
      }
    } catch let error as StoreError {
      throw CloudProblem(
        "A new store cannot be made beside \(target): \(error.message). Nothing was changed. "
          + CloudStore.advice(error.kind, target))
    }
  }

  /// The URL with another schema in front of all others.
  private static func address(_ url: Secret<String>, schema: String) throws -> String {
    guard var parts = URLComponents(string: url.reveal()) else { throw CloudProblem("The store's address is no URL.") }
    var items = parts.queryItems ?? []
    let given = items.first { $0.name == "options" }?.value
    items.removeAll { $0.name == "options" }
    let all = [given, "-c search_path=\(schema)"].compactMap { $0 }.joined(separator: " ")
    items.append(URLQueryItem(name: "options", value: all))
    parts.queryItems = items
    guard let text = parts.string else { throw CloudProblem("The store's address is no URL.") }
    return text
  }

  /// The new store, until `close`.
  func store() throws -> any Store {
    guard let store = opened.withLock({ $0 }) else { throw CloudProblem("The new store is closed already.") }
    return store
  }

  /// Ends the use of the new store; a file is one file then. Throws `CloudProblem`.
  func close() async throws {
    opened.withLock { $0 = nil }
    guard case .file(_, let new) = form else {
      // Its threads end soon after, and must not be inside libpq when this program ends.
      return try await Task.sleep(for: .seconds(1))
    }
    try await Self.fold(new)
  }

  /// Its threads close their connections soon after the store is gone.
  private static func fold(_ path: String) async throws {
    let began = SuspendingClock.now
    while true {
      do { return try SQLiteFile.fold(path: path) } catch let error as StoreError {
        guard began.duration(to: .now) < .seconds(closeSeconds) else {
          throw CloudProblem("\(path) cannot be closed: \(error.message).")
        }
        try await Task.sleep(for: .milliseconds(50))
      }
    }
  }

  /// Puts the new store in the place of the old one in one step, and keeps that one. Returns where it is; nil where
  /// there was none. Throws `CloudProblem`.
  func takeOver() async throws -> String? {
    switch form {
    case .file(let path, let new): return try Self.replaceFile(path, with: new)
    case .schema(let url, let current, let new):
      let before = current + "_before_restore"
      do {
        try PostgresPeek.write(url: url.reveal()) { tx in
          try tx.execute("DROP SCHEMA IF EXISTS \"\(raw: before)\" CASCADE")
          try tx.execute("ALTER SCHEMA \"\(raw: current)\" RENAME TO \"\(raw: before)\"")
          try tx.execute("ALTER SCHEMA \"\(raw: new)\" RENAME TO \"\(raw: current)\"")
        }
      } catch let error as StoreError {
        throw CloudProblem(
          "The database's user may not rename schema \(current): \(error.message). Let it own the database "
            + "(ALTER DATABASE … OWNER TO …) and run this again. The store was left as it is.")
      }
      return "schema \(before) of the database"
    }
  }

  private static func replaceFile(_ path: String, with new: String) throws -> String? {
    var before: String?
    if FileManager.default.fileExists(atPath: path) {
      let kept = path + ".before-restore"
      removeFile(kept)
      // One that is damaged may not be folded: its log is kept beside it then.
      try? SQLiteFile.fold(path: path)
      for suffix in ["", "-wal"] where FileManager.default.fileExists(atPath: path + suffix) {
        guard link(path + suffix, kept + suffix) == 0 else { throw StateDirectory.problem(kept + suffix, errno) }
      }
      before = kept
    }
    for suffix in ["-wal", "-shm"] { unlink(path + suffix) }
    guard rename(new, path) == 0 else { throw StateDirectory.problem(path, errno) }
    let folder = open((path as NSString).deletingLastPathComponent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if folder >= 0 {
      fsync(folder)
      Foundation.close(folder)
    }
    return before
  }

  /// Removes what was made so far.
  func giveUp() async {
    opened.withLock { $0 = nil }
    switch form {
    case .file(_, let new): Self.removeFile(new)
    case .schema(let url, _, let new):
      _ = try? PostgresPeek.write(url: url.reveal()) { tx in
        try tx.execute("DROP SCHEMA IF EXISTS \"\(raw: new)\" CASCADE")
      }
    }
  }

  private static func removeFile(_ path: String) { for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) } }
}
