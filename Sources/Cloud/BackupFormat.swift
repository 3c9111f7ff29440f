import Crypto
import Foundation
import Kit
import Store

/// A backup: one file, JSON a line, the same whatever the store's engine is, so that what was kept by SQLite can be
/// restored into PostgreSQL and the other way round.
///
///     {"haneul_backup": 1, "cloud": …}                       the header
///     {"file": "clouds.yaml", "mode": 384, "bytes": base64}  what else control needs
///     {"table": "server", "columns": [{"name", "kind"}…]}    followed by its rows, an array each
///     {"blob": digest, "file": …, "size": …}                 then its bytes, a base64 string a piece
///     {"end": 12345}                                         how many rows there were
///     9f86d081884c7d65…                                      SHA-256 of everything before this line
enum BackupFormat {
  /// Grows when an older program could not read what is written.
  static let version = 1
  /// Bytes of images in one line.
  static let pieceBytes = 1 << 20
  /// A line at the most, in bytes: a row with the largest document, or a piece.
  static let lineBytesMax = 32 << 20
  /// Tables of no use in another store: made anew, or of processes that live.
  static let leftOut: Set<String> = ["migration", "schema_release", "cloud", "changes", "lease", "node_stream"]

  struct Header: Codable, Sendable {
    struct Step: Codable, Sendable, Hashable {
      var room: String
      var number: Int
    }
    var haneul_backup: Int
    /// The release that wrote it.
    var release: Int
    /// The cloud's id and epoch.
    var cloud: String
    var epoch: Int64
    /// The newest change in the store.
    var revision: Int64
    /// When it was made, for people.
    var made: String
    /// The migrations that had run.
    var schema: [Step]
    var images: Bool
  }
  struct File: Codable, Sendable {
    var file: String
    var mode: Int
    var bytes: Data
  }
  struct Table: Codable, Sendable {
    var table: String
    var columns: [StoreTables.Column]
  }
  struct Blob: Codable, Sendable {
    var blob: String
    var file: String
    var size: Int64
  }
  struct End: Codable, Sendable {
    var end: Int
  }
}

/// Writes a file under another name, and gives it its own once it is whole and durable.
final class BackupWriter {
  private static let bufferBytes = 1 << 20

  private let path: String
  private let draft: String
  private let file: Int32
  private var buffer: [UInt8] = []
  private var hash = SHA256()
  private var isDone = false

  /// Throws `CloudProblem` where it cannot be made.
  init(_ path: String) throws {
    self.path = path
    draft = path + ".part"
    unlink(draft)
    file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { throw StateDirectory.problem(path, errno) }
  }

  deinit {
    close(file)
    if !isDone { unlink(draft) }
  }

  func line(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    try line(Array(try encoder.encode(value)))
  }

  func line(_ bytes: [UInt8]) throws {
    buffer += bytes
    buffer.append(UInt8(ascii: "\n"))
    if buffer.count >= Self.bufferBytes { try flush() }
  }

  private func flush() throws {
    hash.update(data: buffer)
    try put(buffer)
    buffer.removeAll(keepingCapacity: true)
  }

  private func put(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(file, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw StateDirectory.problem(path, errno) }
      rest = rest.dropFirst(count)
    }
  }

  /// Ends the file. Throws `CloudProblem` where it is not on the disk.
  func finish() throws {
    try flush()
    try put(Array((hash.finalize().hex + "\n").utf8))
    guard fsync(file) == 0, rename(draft, path) == 0 else { throw StateDirectory.problem(path, errno) }
    isDone = true
    let folder = open((path as NSString).deletingLastPathComponent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if folder >= 0 {
      fsync(folder)
      close(folder)
    }
  }
}

extension Sequence<UInt8> {
  /// Two digits a byte.
  var hex: String { map { String(UInt16($0) | 0x100, radix: 16).dropFirst() }.joined() }
}
