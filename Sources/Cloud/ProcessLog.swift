import Foundation
import Kit
import Logging
import Synchronization

/// How the processes log: a line an event to standard error, which `haneul up` and systemd send where it belongs.
///
/// `HANEUL_LOG=json|text` says in what form; without it a terminal gets text, and everything else JSON.
enum ProcessLog {
  static func logger(_ label: String) -> Logger {
    let form = form
    var logger = Logger(label: label) {
      BoundedLog(StructuredLog.standardError(label: $0, form: form), account: LogAccount())
    }
    logger.logLevel = .info
    return logger
  }

  private static var form: StructuredLog.Form {
    let asked = ProcessInfo.processInfo.environment["HANEUL_LOG"].flatMap { StructuredLog.Form(rawValue: $0) }
    return asked ?? (isatty(STDERR_FILENO) == 1 ? .text : .json)
  }
}

/// Writes a message so often in a time and no oftener: what fails in a loop for hours must not fill the disk, which may
/// be what it fails for. What was left out is counted, and said with the next line of the same words.
struct BoundedLog: LogHandler {
  private var inner: any LogHandler
  private let account: LogAccount

  init(_ inner: any LogHandler, account: LogAccount) {
    self.inner = inner
    self.account = account
  }

  var logLevel: Logger.Level {
    get { inner.logLevel }
    set { inner.logLevel = newValue }
  }

  var metadata: Logger.Metadata {
    get { inner.metadata }
    set { inner.metadata = newValue }
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { inner[metadataKey: key] }
    set { inner[metadataKey: key] = newValue }
  }

  func log(event: LogEvent) {
    guard let left = account.admit("\(event.file):\(event.line)") else { return }
    var event = event
    if left > 0 { event.metadata = (event.metadata ?? [:]).merging(["left_out_before": "\(left)"]) { $1 } }
    inner.log(event: event)
  }
}

/// Counts lines by the place in the program that writes them.
final class LogAccount: Sendable {
  /// Lines of one place in one window.
  static let linesMax = 60
  static let windowSeconds = 60

  private struct Window {
    var began: SuspendingClock.Instant
    var lines = 0
    var leftOut = 0
  }
  private let windows = Mutex<[String: Window]>([:])
  private let now: @Sendable () -> SuspendingClock.Instant

  init(now: @escaping @Sendable () -> SuspendingClock.Instant = { .now }) { self.now = now }

  /// nil where the line is left out; else how many were since the last one that was written. There are as many places
  /// as the program has log lines.
  func admit(_ place: String) -> Int? {
    let instant = now()
    return windows.withLock { windows in
      var window = windows[place] ?? Window(began: instant)
      defer { windows[place] = window }
      if window.began.duration(to: instant) >= .seconds(Self.windowSeconds) {
        window.began = instant
        window.lines = 0
      }
      guard window.lines < Self.linesMax else {
        window.leftOut += 1
        return nil
      }
      window.lines += 1
      defer { window.leftOut = 0 }
      return window.leftOut
    }
  }
}
