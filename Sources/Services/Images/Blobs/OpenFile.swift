import Foundation

/// What the operating system refused.
struct FileError: Error, Sendable, CustomStringConvertible {
  var operation: String
  var code: Int32

  var description: String { "\(operation): \(String(cString: strerror(code)))" }
}

/// A file descriptor that closes itself.
final class OpenFile: Sendable {
  private let descriptor: Int32

  /// Creates a file that must not be there yet, for its owner alone. Throws `FileError`.
  init(creating path: String) throws {
    descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    if descriptor < 0 { throw FileError(operation: "create", code: errno) }
  }

  /// Opens a file or directory for reading. Throws `FileError`.
  init(reading path: String) throws {
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    if descriptor < 0 { throw FileError(operation: "open", code: errno) }
  }

  deinit { close(descriptor) }

  func write(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes
    while !rest.isEmpty {
      let written = Foundation.write(descriptor, rest.baseAddress, rest.count)
      if written < 0 {
        if errno == EINTR { continue }
        throw FileError(operation: "write", code: errno)
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[written...])
    }
  }

  /// At most `count` bytes from `offset` on; fewer at the end of the file.
  func read(at offset: Int64, count: Int) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        let room = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
        let got = pread(descriptor, room.baseAddress, room.count, off_t(offset) + off_t(filled))
        if got < 0 {
          if errno == EINTR { continue }
          throw FileError(operation: "read", code: errno)
        }
        if got == 0 { return }
        filled += got
      }
    }
  }

  /// Waits until everything written is on the disk.
  func sync() throws {
    if fsync(descriptor) != 0 { throw FileError(operation: "fsync", code: errno) }
  }

  /// Bytes that may still be written to the file system.
  func freeBytes() throws -> Int64 {
    var facts = statvfs()
    if fstatvfs(descriptor, &facts) != 0 { throw FileError(operation: "statvfs", code: errno) }
    return Int64(clamping: UInt64(facts.f_bavail) * UInt64(facts.f_frsize))
  }
}
