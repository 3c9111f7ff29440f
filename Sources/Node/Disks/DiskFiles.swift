import Drivers
import Foundation

/// The few file operations the disks need, each with its failure as a `DiskError`.
enum DiskFiles {
  /// What the last failed call of the C library said about `path`.
  static func failure(_ call: String, _ path: String) -> DiskError {
    let code = errno
    switch code {
    case ENOSPC, EDQUOT: return .noSpace(path: path)
    case EROFS: return .readOnly(path: path)
    default: return .toolFailed(tool: call, reason: "\(path): \(String(cString: strerror(code)))")
    }
  }

  /// Whether a regular file (no symbolic link) stands at `path`.
  static func isFile(_ path: String) -> Bool { kind(path) == .typeRegular }

  /// Whether a directory (no symbolic link) stands at `path`.
  static func isDirectory(_ path: String) -> Bool { kind(path) == .typeDirectory }

  private static func kind(_ path: String) -> FileAttributeType? {
    // Says of a symbolic link that it is one.
    (try? FileManager.default.attributesOfItem(atPath: path))?[.type] as? FileAttributeType
  }

  /// Makes a directory, or gives the one that is there this owner, group and mode. Nothing is written where it is
  /// so already: what is there works on a file system that can be read only.
  static func directory(_ path: String, mode: mode_t, uid: uid_t = 0, gid: gid_t = 0) throws {
    if let present = try? FileManager.default.attributesOfItem(atPath: path),
      present[.type] as? FileAttributeType == .typeDirectory
    {
      func number(_ key: FileAttributeKey) -> UInt32? { (present[key] as? NSNumber)?.uint32Value }
      if number(.ownerAccountID) == uid, number(.groupOwnerAccountID) == gid, number(.posixPermissions) == mode {
        return
      }
    } else if mkdir(path, 0o700) != 0 {
      guard errno == EEXIST else { throw failure("mkdir", path) }
      guard isDirectory(path) else { throw DiskError.toolFailed(tool: "mkdir", reason: "\(path) is no directory") }
    }
    try own(path, uid: uid, gid: gid, mode: mode)
  }

  /// Size of the regular file at `path`; nil where there is none.
  static func size(_ path: String) -> Int64? {
    guard let present = try? FileManager.default.attributesOfItem(atPath: path),
      present[.type] as? FileAttributeType == .typeRegular
    else { return nil }
    return (present[.size] as? NSNumber)?.int64Value
  }

  static func own(_ path: String, uid: uid_t, gid: gid_t, mode: mode_t) throws {
    guard lchown(path, uid, gid) == 0 else { throw failure("chown", path) }
    guard chmod(path, mode) == 0 else { throw failure("chmod", path) }
  }

  /// Writes a new file, 0600, and brings it to the medium. The name must be free; a file that cannot be written whole
  /// does not stay.
  static func write(_ bytes: some Collection<UInt8>, to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure("open", path) }
    defer { close(descriptor) }
    do {
      try writeAll(Array(bytes), to: descriptor, path: path)
      guard fsync(descriptor) == 0 else { throw failure("fsync", path) }
    } catch {
      unlink(path)
      throw error
    }
  }

  static func writeAll(_ bytes: [UInt8], to descriptor: Int32, path: String) throws {
    var done = 0
    while done < bytes.count {
      let count = bytes[done...].withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 {
        guard errno == EINTR else { throw failure("write", path) }
        continue
      }
      done += count
    }
  }

  /// Gives a finished file its name, durably: the file's bytes first, then the directory's entry.
  static func publish(_ temporary: String, as path: String) throws {
    try sync(temporary)
    guard rename(temporary, path) == 0 else { throw failure("rename", path) }
    try sync((path as NSString).deletingLastPathComponent)
  }

  private static func sync(_ path: String) throws {
    let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("open", path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure("fsync", path) }
  }

  /// With less than this free, a tool that failed is taken to have found the disk full.
  static let freeBytesMin: UInt64 = 512 << 10

  /// Why nothing can be written beside `path` now; nil where it can.
  static func unwritable(_ path: String) -> DiskError? {
    var facts = statvfs()
    guard statvfs((path as NSString).deletingLastPathComponent, &facts) == 0 else { return nil }
    if facts.f_flag & UInt(ST_RDONLY) != 0 { return .readOnly(path: path) }
    return UInt64(facts.f_bavail) * UInt64(facts.f_frsize) < freeBytesMin ? .noSpace(path: path) : nil
  }

  /// Removes one file; nothing happens where there is none.
  static func remove(_ path: String) throws {
    guard unlink(path) == 0 || errno == ENOENT else { throw failure("unlink", path) }
  }

  /// Removes what stands at `path`, with all it holds; no error where nothing does, or where something of it goes
  /// while we remove it.
  static func removeTree(_ path: String) throws {
    guard kind(path) == .typeDirectory else { return try remove(path) }
    for _ in 0..<removalTriesMax {
      for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] {
        try removeTree(path + "/" + name)
      }
      if rmdir(path) == 0 || errno == ENOENT { return }
      // Somebody put a new file there meanwhile: a log that was just turned over.
      guard errno == ENOTEMPTY || errno == EEXIST else { break }
    }
    throw failure("rmdir", path)
  }

  private static let removalTriesMax = 5

  /// The last `count` bytes of a file; nil where there is none.
  static func tail(_ path: String, count: Int) throws -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
    if descriptor < 0 {
      guard errno == ENOENT else { throw failure("open", path) }
      return nil
    }
    defer { close(descriptor) }
    let end = lseek(descriptor, 0, SEEK_END)
    var offset = max(0, end - count)
    var bytes = [UInt8](repeating: 0, count: end - offset)
    var done = 0
    while done < bytes.count {
      let read = bytes[done...].withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, offset) }
      if read < 0 && errno == EINTR { continue }
      guard read >= 0 else { throw failure("read", path) }
      guard read > 0 else { break }
      done += read
      offset += read
    }
    return Array(bytes.prefix(done))
  }

  /// Throws unless `uid` with `gid` may pass through every directory from the root down to `path`.
  static func requireReachable(_ path: String, uid: UInt32, gid: UInt32) throws {
    var directory = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    while true {
      guard let attributes = try? FileManager.default.attributesOfItem(atPath: directory) else {
        throw failure("stat", directory)
      }
      func number(_ key: FileAttributeKey) -> UInt32 { (attributes[key] as? NSNumber)?.uint32Value ?? 0 }
      let bit: UInt32 =
        number(.ownerAccountID) == uid ? 0o100 : number(.groupOwnerAccountID) == gid ? 0o010 : 0o001
      guard uid == 0 || number(.posixPermissions) & bit != 0 else {
        throw DiskError.toolFailed(
          tool: "qemu", reason: "\(directory) cannot be passed by QEMU's user \(uid): chmod o+x \(directory)")
      }
      guard directory != "/", !directory.isEmpty else { return }
      directory = (directory as NSString).deletingLastPathComponent
    }
  }
}
