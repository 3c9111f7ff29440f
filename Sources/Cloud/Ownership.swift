import Foundation

/// What root does in folders of control's user: whoever has taken over that user may have planted links there, and must
/// not gain what they point at.
enum Ownership {
  /// Folders within each other that are gone into.
  private static let depthMax = 8

  /// Gives a folder and everything in it to `owner`; links themselves, never what they point at. Throws `CloudProblem`
  /// where the folder is none, or is a link.
  static func give(_ path: String, to owner: SystemUser) throws {
    let folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard folder >= 0 else { throw StateDirectory.problem(path, errno) }
    defer { close(folder) }
    try give(folder, owner, depth: 0)
  }

  /// By descriptors: a path could lead elsewhere from one call to the next.
  private static func give(_ folder: Int32, _ owner: SystemUser, depth: Int) throws {
    fchown(folder, owner.uid, owner.gid)
    guard depth < depthMax else { return }
    for name in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd/\(folder)") {
      let below = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      guard below >= 0 else {
        fchownat(folder, name, owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW)
        continue
      }
      defer { close(below) }
      try give(below, owner, depth: depth + 1)
    }
  }

  /// A file's bytes; nil where it cannot be read, or is a link.
  static func read(_ path: String) -> Data? {
    let file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else { return nil }
    return try? FileHandle(fileDescriptor: file, closeOnDealloc: true).readToEnd() ?? Data()
  }

  /// Throws `CloudProblem` where a folder of control's is a link to somewhere else.
  static func refuseLinks(_ folders: [String]) throws {
    var room = [CChar](repeating: 0, count: 2)
    for folder in folders where readlink(folder, &room, room.count) >= 0 {
      throw CloudProblem("\(folder) is a link. Root follows none in control's folders: look who made it.")
    }
  }
}
