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
  var running: pid_t? { missing == nil ? alive : nil }

  /// Why it does not run as we would start it; nil where it does.
  var missing: String? {
    guard let pid = alive else { return leftPIDFile ? "ended" : "not running" }
    guard Self.commandLine(pid).dropFirst() == arguments[...] else { return "running with other arguments" }
    let here = Self.inode("/proc/\(pid)/ns/net") == Self.inode(HomeNamespace.path(namespace))
    return here ? nil : "running in another namespace"
  }

  /// Whether it has run and was not ended by us.
  var leftPIDFile: Bool { FileManager.default.fileExists(atPath: pidFile) }

  /// Its pid where it runs at all, however it was started.
  private var alive: pid_t? {
    guard let text = try? String(contentsOfFile: pidFile, encoding: .utf8),
      let pid = pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines)), pid > 1
    else { return nil }
    return isOurs(pid) ? pid : nil
  }

  /// Whether the process is this daemon, and not another that was given its pid.
  private func isOurs(_ pid: pid_t) -> Bool {
    let line = Self.commandLine(pid)
    guard let name = line.first else { return false }
    return name.hasSuffix(program) && line.contains { $0.hasSuffix(pidFile) }
  }

  /// This daemon where its pid file leads to nobody: somebody removed the file, or it was started twice.
  private var strays: [pid_t] {
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return entries.compactMap { pid_t($0) }.filter { $0 > 1 && isOurs($0) }
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
    CrashPoint.pass(.startDaemons, .before, "\(program) \(namespace)")
    await stop(everywhere: true)
    let started = try await Tool.start(
      "setsid", ["nsenter", "--net=\(HomeNamespace.path(namespace))", program] + arguments)
    guard started else { throw Refusal("DaemonFailed", "\(program) does not start; its log says why.") }
    for _ in 0..<50 where running == nil { try await Task.sleep(for: .milliseconds(10)) }
    guard running != nil else { throw Refusal("DaemonFailed", "\(program) ended right after its start.") }
    CrashPoint.pass(.startDaemons, .after, "\(program) \(namespace)")
  }

  /// Makes it read its files again.
  func reload() {
    guard let pid = alive else { return }
    let descriptor = clinux_pidfd_open(pid)
    guard descriptor >= 0 else { return }
    if isOurs(pid) { _ = clinux_pidfd_signal(descriptor, SIGHUP) }
    close(descriptor)
  }

  /// Asks a process to end, and after `stopPatience` makes it end. It is held by a descriptor: one that is given its
  /// pid meanwhile is not meant.
  static func end(_ pid: pid_t, while runs: () -> Bool) async {
    let descriptor = clinux_pidfd_open(pid)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    guard runs() else { return }
    _ = clinux_pidfd_signal(descriptor, SIGTERM)
    let deadline = ContinuousClock.now + stopPatience
    while runs() && ContinuousClock.now < deadline { try? await Task.sleep(for: .milliseconds(5)) }
    if runs() { _ = clinux_pidfd_signal(descriptor, SIGKILL) }
  }

  /// Ends it, if need be the hard way, and removes its pid file. `everywhere`: also one that no pid file leads to.
  func stop(everywhere: Bool = false) async {
    if let pid = alive { await Self.end(pid) { alive == pid } }
    if everywhere { for pid in strays { await Self.end(pid) { isOurs(pid) } } }
    unlink(pidFile)
  }

  /// What stands in a file that it has open, also where the file was removed. nil where it has no such file.
  func contents(ofOpenFile path: String) -> String? {
    guard let pid = alive else { return nil }
    let folder = "/proc/\(pid)/fd"
    for entry in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
      let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(entry)")
      guard let target, target == path || target == "\(path) (deleted)" else { continue }
      return try? String(contentsOfFile: "\(folder)/\(entry)", encoding: .utf8)
    }
    return nil
  }
}
