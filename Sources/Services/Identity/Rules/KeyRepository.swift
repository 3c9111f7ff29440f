import Auth
import Crypto
import Foundation
import Kit
import Synchronization

/// The Fernet keys in a directory, numbered as Keystone numbers them: 0 is staged and becomes primary at the next
/// rotation, the highest is primary and seals, all of them open.
///
/// A file holds 32 bytes in base64url. Every change goes by a new file that is renamed into place, so that a crash
/// anywhere leaves a repository that opens every token; what is missing is made when it is next loaded.
///
/// Several control processes may use the directory: who changes it holds a lock, and everybody reads it anew once it
/// has changed.
final class KeyRepository: Sendable {
  /// The directory cannot be read or written, or holds a file that is no key.
  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  private struct Keys {
    var primary: FernetKey
    /// Names the primary key without telling it.
    var primaryPrint: String
    /// All the others, newest first.
    var others: [FernetKey]
    /// When the directory was changed last, before it was read.
    var changed: Date?
    /// How often the keys were read anew since they were opened.
    var changes = 0
  }

  private let directory: URL
  private let keysMax: Int
  private let keys: Mutex<Keys>

  /// Opens the repository, makes it where there is none. Throws `Failure`.
  init(directory: String, keysMax: Int) throws {
    self.directory = URL(filePath: directory, directoryHint: .isDirectory)
    self.keysMax = keysMax
    do {
      try FileManager.default.createDirectory(
        at: self.directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: directory)
      keys = Mutex(
        try Self.locked(self.directory) { folder in
          if try Self.numbers(folder).isEmpty { try Self.write(1, in: folder) }
          if try !Self.numbers(folder).contains(0) { try Self.write(0, in: folder) }
          return try Self.load(folder)
        })
    } catch let failure as Failure { throw failure } catch {
      throw Failure(description: "the key directory \(directory) cannot be used: \(error.localizedDescription)")
    }
  }

  func seal(_ plain: [UInt8], at moment: Timestamp) throws -> String {
    reloadIfChanged()
    return try keys.withLock { $0.primary }.seal(plain, at: moment)
  }

  /// The same, with the print of the key: so that one knows what is still sealed with an older one.
  func sealNamed(_ plain: [UInt8], at moment: Timestamp) throws -> (sealed: String, by: String) {
    reloadIfChanged()
    let (key, print) = keys.withLock { ($0.primary, $0.primaryPrint) }
    return (try key.seal(plain, at: moment), print)
  }

  /// Names the key that seals now.
  var primaryPrint: String {
    reloadIfChanged()
    return keys.withLock { $0.primaryPrint }
  }

  /// Grows with every change of the keys: what an older set opened, this one may not.
  var changes: Int { keys.withLock { $0.changes } }

  private func adopt(_ fresh: Keys) {
    keys.withLock { keys in
      let changes = keys.changes + 1
      keys = fresh
      keys.changes = changes
    }
  }

  func open(_ token: String) -> [UInt8]? {
    if let plain = open(token, with: keys.withLock { $0 }) { return plain }
    // Another process may have rotated the keys since they were read.
    return reloadIfChanged() ? open(token, with: keys.withLock { $0 }) : nil
  }

  private func open(_ token: String, with keys: Keys) -> [UInt8]? {
    if let plain = keys.primary.open(token) { return plain }
    for key in keys.others {
      if let plain = key.open(token) { return plain }
    }
    return nil
  }

  /// Reads the keys again where another process has changed them. A directory that cannot be read now, or is just being
  /// changed, leaves what is known. True where there is something new.
  @discardableResult
  private func reloadIfChanged() -> Bool {
    let known = keys.withLock { $0.changed }
    guard Self.changed(directory) != known, let fresh = try? Self.load(directory) else { return false }
    adopt(fresh)
    return true
  }

  /// Numbers of the keys there are, lowest first.
  var numbers: [Int] { get throws { try Self.numbers(directory) } }

  /// When the staged key was made, which is when the keys were last rotated. Throws where there is none.
  var rotatedAt: Date {
    get throws {
      let attributes = try FileManager.default.attributesOfItem(atPath: Self.file(0, in: directory).path)
      return attributes[.modificationDate] as? Date ?? .distantPast
    }
  }

  /// Makes the staged key primary, stages a new one and drops the oldest beyond `keysMax`. Tokens that live stay
  /// open as long as keys are rotated less often than a token lives. `due` is asked, with the time of the last one,
  /// when no other process can rotate any more; false where it said no. Throws where the directory cannot be written.
  @discardableResult
  func rotate(where due: (Date) -> Bool = { _ in true }) throws -> Bool {
    let fresh: Keys? = try Self.locked(directory) { folder in
      guard due(try rotatedAt) else { return nil }
      let highest = try numbers.last ?? 0
      if rename(Self.file(0, in: folder).path, Self.file(highest + 1, in: folder).path) != 0 {
        throw Failure(description: "the staged key cannot be made primary: errno \(errno)")
      }
      try Self.write(0, in: folder)
      let kept = try numbers.filter { $0 != 0 }
      for number in kept.dropLast(keysMax - 1) {
        try FileManager.default.removeItem(at: Self.file(number, in: folder))
      }
      return try Self.load(folder)
    }
    guard let fresh else { return false }
    adopt(fresh)
    return true
  }

  // MARK: Files

  private static func file(_ number: Int, in directory: URL) -> URL { directory.appending(path: String(number)) }

  private static func numbers(_ directory: URL) throws -> [Int] {
    try FileManager.default.contentsOfDirectory(atPath: directory.path)
      .compactMap { name in Int(name).flatMap { String($0) == name && $0 >= 0 ? $0 : nil } }.sorted()
  }

  /// Runs `body` while no other process changes the directory. The lock is on the directory itself: no file for it has
  /// to be told from the keys.
  private static func locked<T>(_ directory: URL, _ body: (URL) throws -> T) throws -> T {
    let folder = Foundation.open(directory.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw Failure(description: "the key directory cannot be opened: errno \(errno)") }
    defer { close(folder) }
    guard flock(folder, LOCK_EX) == 0 else {
      throw Failure(description: "the key directory cannot be locked: errno \(errno)")
    }
    return try body(directory)
  }

  private static func changed(_ directory: URL) -> Date? {
    try? FileManager.default.attributesOfItem(atPath: directory.path)[.modificationDate] as? Date
  }

  private static func load(_ directory: URL) throws -> Keys {
    let changed = Self.changed(directory)
    var found: [FernetKey] = []
    var prints: [String] = []
    for number in try numbers(directory).reversed() {
      let text = try String(contentsOf: file(number, in: directory), encoding: .utf8)
      guard let bytes = Base64URL.decode(text.filter { !$0.isWhitespace }), let key = FernetKey(bytes: bytes) else {
        throw Failure(description: "file \(number) of the key directory is no Fernet key")
      }
      found.append(key)
      prints.append(Base64URL.encode(Array(SHA256.hash(data: bytes).prefix(12))))
    }
    guard let primary = found.first, let primaryPrint = prints.first else {
      throw Failure(description: "the key directory holds no key")
    }
    return Keys(
      primary: primary, primaryPrint: primaryPrint, others: Array(found.dropFirst()), changed: changed)
  }

  /// Writes a new random key durably, readable by its owner alone.
  private static func write(_ number: Int, in directory: URL) throws {
    let text = Base64URL.encode((0..<32).map { _ in UInt8.random(in: 0...255) }) + "="
    let temporary = directory.appending(path: "\(number).new").path
    let descriptor = Foundation.open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Failure(description: "a key cannot be written: errno \(errno)") }
    let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    try handle.write(contentsOf: Data(text.utf8))
    try handle.synchronize()
    try handle.close()
    guard rename(temporary, file(number, in: directory).path) == 0 else {
      throw Failure(description: "a key cannot be put in its place: errno \(errno)")
    }
    let folder = Foundation.open(directory.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if folder >= 0 {
      fsync(folder)
      close(folder)
    }
  }
}
