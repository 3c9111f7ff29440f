import Crypto
import Drivers
import Foundation

/// Takes a base's bytes as they come: writes and hashes them, on a thread of its own.
actor BaseWriter {
  private let queue = FileQueue("haneul.disks.base")
  nonisolated var unownedExecutor: UnownedSerialExecutor { queue.asUnownedSerialExecutor() }

  private let path: String
  private let sizeBytes: Int64
  private var descriptor: Int32
  private var written: Int64 = 0
  private var hash = SHA256()

  /// Opens a new file at `path` that may hold `sizeBytes` and no more.
  init(path: String, sizeBytes: Int64) throws {
    self.path = path
    self.sizeBytes = sizeBytes
    descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw DiskFiles.failure("open", path) }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  func write(_ bytes: [UInt8]) throws {
    guard written + Int64(bytes.count) <= sizeBytes else {
      throw DiskError.baseUnavailable(reason: "more came than the \(sizeBytes) bytes that were announced")
    }
    try DiskFiles.writeAll(bytes, to: descriptor, path: path)
    hash.update(data: bytes)
    written += Int64(bytes.count)
  }

  /// Brings the file to the medium, here where nobody else waits, closes it, and returns the digest of what it holds,
  /// in hex.
  func finish() throws -> String {
    guard written == sizeBytes else {
      throw DiskError.baseUnavailable(reason: "\(written) bytes came and not the \(sizeBytes) that were announced")
    }
    guard fsync(descriptor) == 0 else { throw DiskFiles.failure("fsync", path) }
    close(descriptor)
    descriptor = -1
    return hash.finalize().map { String(UInt16($0) | 0x100, radix: 16).dropFirst() }.joined()
  }
}
