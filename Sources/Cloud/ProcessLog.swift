import Foundation
import Kit
import Logging
import Synchronization

/// How the processes log: a line an event to standard error, which `haneul up` and systemd send where it belongs.
///
/// `HANEUL_LOG` says in what form (`json`, `text`) and from which level on (`trace` to `critical`), with a comma
/// between them. Without it a terminal gets text and everything else JSON; daemons begin at `info`, commands at
/// `warning`.
enum ProcessLog {
  /// What a daemon writes: it goes on for long, and its log is where one looks.
  static func logger(_ label: String) -> Logger { logger(label, .info) }

  /// What a command writes beside what it prints: only what somebody should look at.
  static func ofCommand(_ label: String) -> Logger { logger(label, .warning) }

  private static func logger(_ label: String, _ standard: Logger.Level) -> Logger {
    let wish = Wish(ProcessInfo.processInfo.environment["HANEUL_LOG"] ?? "")
    let form = wish.form ?? (isatty(STDERR_FILENO) == 1 ? .text : .json)
    var logger = Logger(label: label) {
      BoundedLog(StructuredLog.standardError(label: $0, form: form), account: LogAccount())
    }
    logger.logLevel = wish.level ?? standard
    return logger
  }

  /// What `HANEUL_LOG` asks for. Words that say nothing are left out.
  struct Wish: Hashable {
    var form: StructuredLog.Form?
    var level: Logger.Level?

    init(_ text: String) {
      for word in text.split(separator: ",").map({ $0.trimmingCharacters(in: .whitespaces).lowercased() }) {
        if let form = StructuredLog.Form(rawValue: word) { self.form = form }
        if let level = Logger.Level(rawValue: word) { self.level = level }
      }
    }
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
