import Auth
import Foundation
import Kit
import Synchronization

/// The Fernet keys in a directory, numbered as Keystone numbers them: 0 is staged and becomes primary at the next
/// rotation, the highest is primary and seals, all of them open.
///
/// A file holds 32 bytes in base64url. Every change goes by a new file that is renamed into place, so that a crash
/// anywhere leaves a repository that opens every token; what is missing is made when it is next loaded.
final class KeyRepository: Sendable {
  /// The directory cannot be read or written, or holds a file that is no key.
  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  private struct Keys {
    var primary: FernetKey
    /// All the others, newest first.
    var others: [FernetKey]
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
      if try Self.numbers(self.directory).isEmpty { try Self.write(1, in: self.directory) }
      if try !Self.numbers(self.directory).contains(0) { try Self.write(0, in: self.directory) }
      keys = Mutex(try Self.load(self.directory))
    } catch let failure as Failure { throw failure } catch {
      throw Failure(description: "the key directory \(directory) cannot be used: \(error.localizedDescription)")
    }
  }

  func seal(_ plain: [UInt8], at moment: Timestamp) throws -> String {
    try keys.withLock { $0.primary }.seal(plain, at: moment)
  }

  func open(_ token: String) -> [UInt8]? {
    let keys = keys.withLock { $0 }
    if let plain = keys.primary.open(token) { return plain }
    for key in keys.others {
      if let plain = key.open(token) { return plain }
    }
    return nil
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
  /// open as long as keys are rotated less often than a token lives. Throws where the directory cannot be written.
  func rotate() throws {
    let highest = try numbers.last ?? 0
    if rename(Self.file(0, in: directory).path, Self.file(highest + 1, in: directory).path) != 0 {
      throw Failure(description: "the staged key cannot be made primary: errno \(errno)")
    }
    try Self.write(0, in: directory)
    let kept = try numbers.filter { $0 != 0 }
    for number in kept.dropLast(keysMax - 1) {
      try FileManager.default.removeItem(at: Self.file(number, in: directory))
    }
    let fresh = try Self.load(directory)
    keys.withLock { $0 = fresh }
  }

  // MARK: Files

  private static func file(_ number: Int, in directory: URL) -> URL { directory.appending(path: String(number)) }

  private static func numbers(_ directory: URL) throws -> [Int] {
    try FileManager.default.contentsOfDirectory(atPath: directory.path)
      .compactMap { name in Int(name).flatMap { String($0) == name && $0 >= 0 ? $0 : nil } }.sorted()
  }

  private static func load(_ directory: URL) throws -> Keys {
    var found: [FernetKey] = []
    for number in try numbers(directory).reversed() {
      let text = try String(contentsOf: file(number, in: directory), encoding: .utf8)
      guard let bytes = Base64URL.decode(text.filter { !$0.isWhitespace }), let key = FernetKey(bytes: bytes) else {
        throw Failure(description: "file \(number) of the key directory is no Fernet key")
      }
      found.append(key)
    }
    guard let primary = found.first else { throw Failure(description: "the key directory holds no key") }
    return Keys(primary: primary, others: Array(found.dropFirst()))
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
