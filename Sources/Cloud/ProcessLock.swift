import Foundation

/// Says whether a process of the cloud is alive: it holds a lock on a file that carries its id. A crash leaves the
/// file, but never the lock.
public final class ProcessLock: Sendable {
  private let file: Int32

  /// Takes the lock for this process. Throws `CloudProblem` where another holds it.
  public init(_ path: String) throws {
    file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw CloudProblem("Cannot open \(path): \(String(cString: strerror(errno))).") }
    // A child that was just forked holds what its parent held until it executes its program: try for a moment.
    var tries = 20
    while flock(file, LOCK_EX | LOCK_NB) != 0, tries > 0 {
      tries -= 1
      usleep(50_000)
    }
    guard tries > 0 else {
      close(file)
      throw CloudProblem("It runs already: \(path) is locked by process \(Self.read(path) ?? 0).")
    }
    // Written over what is there before it is cut: a full disk has no new block to give.
    let text = Array("\(getpid())\n".utf8)
    if text.withUnsafeBytes({ pwrite(file, $0.baseAddress, $0.count, 0) }) == text.count {
      ftruncate(file, off_t(text.count))
    }
  }

  deinit { close(file) }

  /// The id of the process that holds the lock; nil where none does.
  public static func holder(_ path: String) -> Int32? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    if flock(file, LOCK_SH | LOCK_NB) == 0 { return nil }
    return read(path)
  }

  private static func read(_ path: String) -> Int32? {
    guard let data = FileManager.default.contents(atPath: path) else { return nil }
    return pid_t(String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
  }
}
