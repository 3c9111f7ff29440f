import Foundation
import Kit

/// Says of uploads that they are under way, to every control process that uses the folder: a locked file beside the
/// upload's own. A process that dies leaves the file, but never the lock.
struct UploadMarks {
  private static let suffix = ".lock"
  /// An unlocked mark of this age was left by a process that died; a younger one may be about to be locked.
  private static let staleSeconds = 60.0

  let folder: String
  private var held: [String: Int32] = [:]

  init(folder: String) { self.folder = folder }

  private func path(_ uploadID: String) -> String { folder + "/" + uploadID + Self.suffix }

  /// Marks an upload of this process. Where the file system does not take a mark it does not take the upload either.
  mutating func set(_ uploadID: String) {
    let file = open(path(uploadID), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { return }
    guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
      close(file)
      return
    }
    held[uploadID] = file
  }

  mutating func clear(_ uploadID: String) {
    guard let file = held.removeValue(forKey: uploadID) else { return }
    unlink(path(uploadID))
    close(file)
  }

  /// Whether some process has it under way.
  func isSet(_ uploadID: String) -> Bool {
    if held[uploadID] != nil { return true }
    let file = open(path(uploadID), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard file >= 0 else { return false }
    defer { close(file) }
    return flock(file, LOCK_SH | LOCK_NB) != 0
  }

  /// Removes the marks of processes that died.
  func removeStale() throws {
    for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasSuffix(Self.suffix) {
      let uploadID = String(name.dropLast(Self.suffix.count))
      guard Identifier.isUUID(uploadID), !isSet(uploadID) else { continue }
      let made = try? FileManager.default.attributesOfItem(atPath: folder + "/" + name)[.modificationDate] as? Date
      guard let made, abs(Date().timeIntervalSince(made)) > Self.staleSeconds else { continue }
      unlink(folder + "/" + name)
    }
  }
}
