import Foundation
import Kit
import Logging
import NodeLink

/// The manifest and the node's own records on disk: one file of JSON lines, each batch synced before it counts.
///
/// A line cut short by a crash is dropped. A line of a newer release is kept as it is. When most lines are superseded
/// the file is written anew beside the old one and renamed over it. On a disk that is full or read-only, reading goes
/// on, and adding fails until there is room again; nothing half-written stays.
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
  /// Where the whole lines end: what stands behind was cut short, and goes before anything is added.
  private var end: off_t = 0
  private var live: [String: Data] = [:]
  private var foreign: [Data] = []
  private var deadLines = 0
  /// Superseded lines at which the file is written anew: more after that has failed.
  private var deadLinesBorne = deadLinesMax

  init(directory: String, logger: Logger) {
    self.directory = directory
    self.logger = logger
  }

  /// Reads what is there. Throws `JournalError` where it cannot be read, or another agent works here.
  func open() async throws -> HeldManifest {
    try makeDirectory()
    lockDescriptor = try openLock()
    try await lock()
    var manifest = HeldManifest()
    for line in try completeLines() { replay(line, into: &manifest) }
    if deadLines > 0 { compact() }
    do { try openForWriting() } catch {
      logger.error("the manifest can be read and not written", metadata: ["error": "\(error)"])
    }
    return manifest
  }

  /// A directory on a read-only disk can still be locked.
  private func openLock() throws -> Int32 {
    let place = directory + "/lock"
    for flags in [O_RDWR | O_CREAT | O_CLOEXEC, O_RDONLY | O_CLOEXEC] {
      let descriptor = Foundation.open(place, flags, 0o600)
      if descriptor >= 0 { return descriptor }
    }
    throw JournalError.cannotOpen(path: place, errno: errno)
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

  /// Adds entries and returns when they are on the disk. Throws `JournalError`, and then none of them is.
  func append(_ entries: [JournalEntry]) throws {
    guard !entries.isEmpty else { return }
    let lines = try entries.map { try JSONEncoder().encode($0) }
    var bytes = Data()
    for line in lines {
      bytes.append(line)
      bytes.append(UInt8(ascii: "\n"))
    }
    try openForWriting()
    do {
      try Self.write(bytes, to: descriptor)
      guard fdatasync(descriptor) == 0 else { throw JournalError.cannotWrite(errno: errno) }
    } catch {
      // A piece of a line must not stand before the next one. Where it cannot be cut off now, it is before the next.
      if ftruncate(descriptor, end) != 0 { closeFile() }
      throw error
    }
    end += off_t(bytes.count)
    for (entry, line) in zip(entries, lines) { note(entry, line) }
    if deadLines > deadLinesBorne + live.count { compact() }
  }

  func close() {
    closeFile()
    if lockDescriptor >= 0 { Foundation.close(lockDescriptor) }
    lockDescriptor = -1
  }

  private func closeFile() {
    if descriptor >= 0 { Foundation.close(descriptor) }
    descriptor = -1
  }

  private func makeDirectory() throws {
    if mkdir(directory, 0o700) != 0 && errno != EEXIST && errno != EROFS {
      throw JournalError.cannotOpen(path: directory, errno: errno)
    }
    guard chmod(directory, 0o700) == 0 || errno == EROFS else {
      throw JournalError.cannotOpen(path: directory, errno: errno)
    }
  }

  /// The whole lines of the file.
  private func completeLines() throws -> [Data] {
    guard FileManager.default.fileExists(atPath: path) else { return [] }
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    let whole = bytes.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    if whole < bytes.count {
      logger.warning("the journal's last line was cut short", metadata: ["bytes": "\(bytes.count - whole)"])
    }
    end = off_t(whole)
    return bytes[..<whole].split(separator: UInt8(ascii: "\n"))
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
    switch entry {
    case .forget(let key, let generation): forget(key, upTo: generation, entry.subject)
    case .boot:
      for subject in live.keys where subject.hasPrefix(JournalEntry.settledPrefix) { drop(subject) }
      drop(JournalEntry.networkSubject)
      keep(line, entry.subject)
    default: keep(line, entry.subject)
    }
  }

  private func keep(_ line: Data, _ subject: String) {
    if live.updateValue(line, forKey: subject) != nil { deadLines += 1 }
  }

  private func drop(_ subject: String) {
    if live.removeValue(forKey: subject) != nil { deadLines += 1 }
  }

  private func forget(_ key: ObjectKey, upTo generation: Int64, _ subject: String) {
    deadLines += 1
    if let held = live[subject].flatMap({ try? JSONDecoder().decode(JournalEntry.self, from: $0) }),
      case .held(let object) = held, object.generation > generation
    {
      return
    }
    drop(subject)
    drop(JournalEntry.settledSubject(key))
    if key.kind == .server { drop("record \(key.id)") }
  }

  /// Opens the file where it is not open, and cuts off what a crash or a full disk left half-written.
  private func openForWriting() throws {
    guard descriptor < 0 else { return }
    let fresh = Foundation.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
    guard fresh >= 0 else { throw JournalError.cannotOpen(path: path, errno: errno) }
    guard ftruncate(fresh, end) == 0 else {
      let reason = errno
      Foundation.close(fresh)
      throw JournalError.cannotWrite(errno: reason)
    }
    descriptor = fresh
  }

  /// Writes the file anew without its superseded lines. Where that fails the old one stays, and is good.
  private func compact() {
    do {
      try writeAnew()
      deadLinesBorne = Self.deadLinesMax
    } catch {
      unlink(path + ".new")
      deadLinesBorne = deadLines + Self.deadLinesMax
      logger.warning("the journal could not be written anew", metadata: ["error": "\(error)"])
    }
  }

  private func writeAnew() throws {
    let fresh = path + ".new"
    let file = Foundation.open(fresh, O_WRONLY | O_APPEND | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw JournalError.cannotOpen(path: fresh, errno: errno) }
    var bytes = Data()
    for line in foreign + live.sorted(by: { $0.key < $1.key }).map(\.value) {
      bytes.append(line)
      bytes.append(UInt8(ascii: "\n"))
    }
    do {
      try Self.write(bytes, to: file)
      guard fsync(file) == 0, rename(fresh, path) == 0 else { throw JournalError.cannotWrite(errno: errno) }
    } catch {
      Foundation.close(file)
      throw error
    }
    // From here on the new file is the journal, whatever becomes of the old one's descriptor.
    closeFile()
    (descriptor, end, deadLines) = (file, off_t(bytes.count), 0)
    let folder = Foundation.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if folder >= 0 {
      fsync(folder)
      Foundation.close(folder)
    }
  }

  private static func write(_ bytes: Data, to file: Int32) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(file, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw JournalError.cannotWrite(errno: errno) }
      rest = rest.dropFirst(count)
    }
  }
}
