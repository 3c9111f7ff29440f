import Foundation

/// Where a test may stop this process as `kill -9` would: right before or right after a named step.
///
/// Armed by the environment, `HANEUL_CRASH_AT=STEP:before|after[:DETAIL]`, once, when the process starts; without it a
/// passage costs one comparison. `DETAIL` is the beginning of what the step says of itself,
/// `POST /compute/v2.1/servers`.
public enum CrashPoint {
  public enum Side: String, Sendable { case before, after }

  private struct Armed: Sendable {
    var step: Step
    var side: Side
    var detail: String
  }

  private static let armed: Armed? = {
    guard let text = ProcessInfo.processInfo.environment["HANEUL_CRASH_AT"] else { return nil }
    let parts = text.split(separator: ":", maxSplits: 2).map(String.init)
    guard parts.count >= 2, let step = Step(rawValue: parts[0]), let side = Side(rawValue: parts[1]) else { return nil }
    return Armed(step: step, side: side, detail: parts.count > 2 ? parts[2] : "")
  }()

  /// Ends the process here where a test has asked for it.
  public static func pass(_ step: Step, _ side: Side, _ detail: @autoclosure () -> String = "") {
    guard let armed, armed.step == step, armed.side == side else { return }
    guard armed.detail.isEmpty || detail().hasPrefix(armed.detail) else { return }
    kill(getpid(), SIGKILL)
  }
}
