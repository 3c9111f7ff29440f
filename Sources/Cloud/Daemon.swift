import Foundation
import Kit
import Subprocess
import SystemPackage

/// Starts and stops the cloud's processes in the background.
public struct Daemon: Sendable {
  /// How long a process may take to end by itself, in seconds.
  static let stopSeconds = 15

  /// Descriptors that a control process may hold.
  static let descriptors = 16_384

  let state: StateDirectory
  let role: ProcessRole
  /// Which of its control processes, from 1.
  let number: Int

  public init(_ state: StateDirectory, _ role: ProcessRole, _ number: Int = 1) {
    self.state = state
    self.role = role
    self.number = number
  }

  /// Every process that the cloud may have on this machine: also those of a time when there were more.
  static func all(_ state: StateDirectory) -> [Daemon] {
    [Daemon(state, .node)] + (1...CloudOptions.controlsMax).reversed().map { Daemon(state, .control, $0) }
  }

  /// `control`, `control-2`, `node`.
  var name: String { role.name(number) }

  /// The running process's id; nil where it is down.
  public var processID: Int32? { ProcessLock.holder(state.lock(role, number)) }

  /// Starts the process in a session of its own, its output in its log file. Control drops to its own user.
  /// Returns at once. Throws `CloudProblem` where it cannot be started.
  public func start(executable: String, controlUser: SystemUser) async throws {
    var words = ["--fork"]
    if role == .control {
      words += [
        // Room for every connection that the API may take.
        "prlimit", "--nofile=\(Self.descriptors):\(Self.descriptors)", "setpriv", "--reuid", String(controlUser.uid),
        "--regid", String(controlUser.gid), "--clear-groups",
        "--no-new-privs", "--",
      ]
    }
    words += [executable, role.rawValue, "--state-dir", state.path]
    if number > 1 { words += ["--number", String(number)] }
    let logFile = open(state.log(role, number), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
    guard logFile >= 0 else { throw StateDirectory.problem(state.log(role, number), errno) }
    let lock = open(state.lock(role, number), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    if lock >= 0 {
      if role == .control { fchown(lock, controlUser.uid, controlUser.gid) }
      close(lock)
    }
    let result = try await Subprocess.run(
      .name("setsid"), arguments: Arguments(words), input: .none,
      output: .fileDescriptor(.init(rawValue: logFile), closeAfterSpawningProcess: true),
      error: .fileDescriptor(.init(rawValue: logFile), closeAfterSpawningProcess: false))
    guard result.terminationStatus.isSuccess else { throw CloudProblem("Cannot start haneul \(name).") }
  }

  /// Ends the process and waits until it is gone; kills it where it does not go. False where it was down.
  public func stop() async throws -> Bool {
    guard let process = processID else { return false }
    kill(process, SIGTERM)
    for _ in 0..<(Self.stopSeconds * 20) {
      if processID == nil { return true }
      try await Task.sleep(for: .milliseconds(50))
    }
    kill(process, SIGKILL)
    while processID != nil { try await Task.sleep(for: .milliseconds(50)) }
    return true
  }
}
