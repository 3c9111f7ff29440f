import Foundation
import Kit
import Logging
import NodeLink

/// The manifest and the node's own records on disk: one file of JSON lines, each batch synced before it counts.
///
/// A line cut short by a crash is dropped. A line of a newer release is kept as it is. When most lines are superseded
/// the file is written anew beside the old one and renamed over it.
actor ManifestJournal {
  /// Superseded lines that are borne before the file is written anew.
  static let deadLinesMax = 2000

  enum JournalError: Error {
    case cannotOpen(path: String, errno: Int32)
    case cannotWrite(errno: Int32)
    /// Another agent works in this directory.
    case locked(path: String)
  }

  nonisolated let executor = QueueExecutor(label: "haneul.journal")
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  private let directory: String
  private let logger: Logger
  private var path: String { directory + "/journal" }
  private var descriptor: Int32 = -1
  private var lockDescriptor: Int32 = -1
  private var live: [String: Data] = [:]
  private var foreign: [Data] = []
  private var deadLines = 0

  init(directory: String, logger: Logger) {
    self.directory = directory
    self.logger = logger
  }

  /// Reads what is there and opens the journal for writing. Throws `JournalError`.
  func open() async throws -> HeldManifest {
    try makeDirectory()
    lockDescriptor = Foundation.open(directory + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard lockDescriptor >= 0 else { throw JournalError.cannotOpen(path: directory + "/lock", errno: errno) }
    try await lock()
    var manifest = HeldManifest()
    for line in try completeLines() { replay(line, into: &manifest) }
    try reopen()
    if deadLines > 0 { try compact() }
    return manifest
  }

  /// Takes the directory for this agent. A child that was just forked holds what its parent held until it executes its
  /// program, so a lock is only believed after a moment.
  private func lock() async throws {
    for _ in 0..<20 {
      if flock(lockDescriptor, LOCK_EX | LOCK_NB) == 0 { return }
      try await Task.sleep(for: .milliseconds(50))
    }
    throw JournalError.locked(path: directory)
  }

  /// Adds entries and returns when they are on the disk.
  func append(_ entries: [JournalEntry]) throws {
    guard !entries.isEmpty else { return }
    var bytes = Data()
    for entry in entries {
      let line = try JSONEncoder().encode(entry)
      note(entry, line)
      bytes.append(line)
      bytes.append(UInt8(ascii: "\n"))
    }
    let before = lseek(descriptor, 0, SEEK_END)
    do { try write(bytes, to: descriptor) } catch {
      // A piece of a line must not stand before the next one.
      if before >= 0 { ftruncate(descriptor, before) }
      throw error
    }
    guard fdatasync(descriptor) == 0 else { throw JournalError.cannotWrite(errno: errno) }
    if deadLines > Self.deadLinesMax + live.count { try compact() }
  }

  func close() {
    if descriptor >= 0 { Foundation.close(descriptor) }
    if lockDescriptor >= 0 { Foundation.close(lockDescriptor) }
    (descriptor, lockDescriptor) = (-1, -1)
  }

  private func makeDirectory() throws {
    if mkdir(directory, 0o700) != 0 && errno != EEXIST {
      throw JournalError.cannotOpen(path: directory, errno: errno)
    }
    guard chmod(directory, 0o700) == 0 else { throw JournalError.cannotOpen(path: directory, errno: errno) }
  }

  /// The whole lines of the file; what follows the last newline was cut short and is dropped from the file too.
  private func completeLines() throws -> [Data] {
    guard FileManager.default.fileExists(atPath: path) else { return [] }
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    let end = bytes.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    if end < bytes.count {
      logger.warning("the journal's last line was cut short", metadata: ["bytes": "\(bytes.count - end)"])
      guard truncate(path, off_t(end)) == 0 else { throw JournalError.cannotWrite(errno: errno) }
    }
    return bytes[..<end].split(separator: UInt8(ascii: "\n"))
  }

  private func replay(_ line: Data, into manifest: inout HeldManifest) {
    guard let entry = try? JSONDecoder().decode(JournalEntry.self, from: line) else {
      logger.warning("a journal line is not understood and left as it is")
      foreign.append(line)
      return
    }
    manifest.replay(entry)
    note(entry, line)
  }

  private func note(_ entry: JournalEntry, _ line: Data) {
    if case .forget(let key, let generation) = entry {
      deadLines += 2
      if let held = live[entry.subject].flatMap({ try? JSONDecoder().decode(JournalEntry.self, from: $0) }),
        case .held(let object) = held, object.generation > generation
      {
        return
      }
      live[entry.subject] = nil
      if key.kind == .server, live.removeValue(forKey: "record \(key.id)") != nil { deadLines += 1 }
    } else if live.updateValue(line, forKey: entry.subject) != nil {
      deadLines += 1
    }
  }

  private func reopen() throws {
    let fresh = Foundation.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
    guard fresh >= 0 else { throw JournalError.cannotOpen(path: path, errno: errno) }
    if descriptor >= 0 { Foundation.close(descriptor) }
    descriptor = fresh
  }

  private func compact() throws {
    let fresh = path + ".new"
    let file = Foundation.open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw JournalError.cannotOpen(path: fresh, errno: errno) }
    defer { Foundation.close(file) }
    var bytes = Data()
    for line in foreign + live.sorted(by: { $0.key < $1.key }).map(\.value) {
      bytes.append(line)
      bytes.append(UInt8(ascii: "\n"))
    }
    try write(bytes, to: file)
    guard fsync(file) == 0, rename(fresh, path) == 0 else { throw JournalError.cannotWrite(errno: errno) }
    let folder = Foundation.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if folder >= 0 {
      fsync(folder)
      Foundation.close(folder)
    }
    deadLines = 0
    try reopen()
  }

  private func write(_ bytes: Data, to file: Int32) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(file, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw JournalError.cannotWrite(errno: errno) }
      rest = rest.dropFirst(count)
    }
  }
}
