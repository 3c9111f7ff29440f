import Logging

/// How the processes log: a line an event to standard error, which `haneul up` and systemd send where it belongs.
enum ProcessLog {
  static func logger(_ label: String) -> Logger {
    var logger = Logger(label: label) { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = .info
    return logger
  }
}
