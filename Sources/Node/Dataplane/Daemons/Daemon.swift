import CLinux
import Foundation
import Kit

/// A daemon that outlives this process: found again by its pid file, checked by its command line and namespace.
struct Daemon: Sendable {
  static let stopPatience: Duration = .seconds(2)

  let program: String
  let arguments: [String]
  let pidFile: String
  let namespace: String

  /// Its pid where it runs as we would start it: same arguments, same namespace.
  var running: pid_t? {
    guard let pid = alive, Self.commandLine(pid).dropFirst() == arguments[...] else { return nil }
    return Self.inode("/proc/\(pid)/ns/net") == Self.inode(HomeNamespace.path(namespace)) ? pid : nil
  }

  /// Its pid where it runs at all, however it was started.
  private var alive: pid_t? {
    guard let text = try? String(contentsOfFile: pidFile, encoding: .utf8),
      let pid = pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)), pid > 1
    else { return nil }
    let line = Self.commandLine(pid)
    guard let name = line.first, name.hasSuffix(program), line.contains(where: { $0.contains(pidFile) }) else {
      return nil
    }
    return pid
  }

  static func commandLine(_ pid: pid_t) -> [String] {
    guard let bytes = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else { return [] }
    return bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast().map {
      String(decoding: $0, as: UTF8.self)
    }
  }

  private static func inode(_ path: String) -> UInt64? {
    var facts = clinux_path_facts()
    return clinux_path_facts(path, &facts) == 0 ? facts.inode : nil
  }

  /// Starts it in its namespace; it puts itself into the background. Throws `Refusal` where it does not stay.
  func start() async throws {
    await stop()
    let started = try await Tool.start(
      "setsid", ["nsenter", "--net=\(HomeNamespace.path(namespace))", program] + arguments)
    guard started else { throw Refusal("DaemonFailed", "\(program) does not start; its log says why.") }
    for _ in 0..<50 where running == nil { try await Task.sleep(for: .milliseconds(10)) }
    guard running != nil else { throw Refusal("DaemonFailed", "\(program) ended right after its start.") }
  }

  /// Makes it read its files again.
  func reload() {
    if let pid = alive { kill(pid, SIGHUP) }
  }

  /// Asks a process to end, and after `stopPatience` makes it end.
  static func end(_ pid: pid_t, while runs: () -> Bool) async {
    kill(pid, SIGTERM)
    let deadline = ContinuousClock.now + stopPatience
    while runs() && ContinuousClock.now < deadline { try? await Task.sleep(for: .milliseconds(5)) }
    if runs() { kill(pid, SIGKILL) }
  }

  /// Ends it, if need be the hard way, and removes its pid file.
  func stop() async {
    if let pid = alive { await Self.end(pid) { alive == pid } }
    unlink(pidFile)
  }
}

/// Small files of daemons, written only when they change.
enum StateFile {
  /// Writes `text` by rename. Whether it was something else before. Throws where the disk refuses.
  static func write(_ text: String, to path: String) throws -> Bool {
    if let now = try? String(contentsOfFile: path, encoding: .utf8), now == text { return false }
    do {
      try text.write(toFile: path, atomically: true, encoding: .utf8)
    } catch {
      throw Refusal("DiskFailed", "A file of the data plane cannot be written.")
    }
    return true
  }

  /// Makes a directory that only root enters. Throws where the disk refuses.
  static func directory(_ path: String) throws {
    guard !FileManager.default.fileExists(atPath: path) else { return }
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw Refusal("DiskFailed", "A directory of the data plane cannot be made.")
    }
  }

  /// Keeps a daemon's log from growing without bound.
  static func bound(_ path: String, bytesMax: Int = 1 << 20) {
    var facts = clinux_path_facts()
    if clinux_path_facts(path, &facts) == 0, facts.size > bytesMax { truncate(path, 0) }
  }
}
