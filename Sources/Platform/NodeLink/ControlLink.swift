/// How a node speaks with control. Every call may fail at any time: the node keeps what it holds and tries again.
public protocol ControlLink: Sendable {
  /// Opens the stream down. It is pulled, so a slow node holds control back instead of filling memory. It ends or
  /// throws when the link is lost.
  func messages(hello: Hello) -> AsyncThrowingStream<LinkMessage, any Error>
  /// Says what changed; an empty report is a heartbeat. Returns once control has stored it.
  func report(_ report: Report) async throws
  /// Answers a query that came down the stream.
  func answer(_ answer: NodeAnswer) async throws
  /// Fetches a blob by its SHA-256 (hex): calls `write` with each piece in order. The caller checks the digest.
  func blob(digest: String, write: @Sendable ([UInt8]) async throws -> Void) async throws
}

/// What can go wrong on the link.
public enum LinkError: Error, Sendable, Equatable {
  /// Control answered with something else than success.
  case refused(status: Int, reason: String)
  /// A line longer than `LinkLimit.lineBytesMax`.
  case lineTooLong
  /// The process at the other end of the socket runs as a user that is not expected there.
  case wrongPeer(uid: UInt32)
  /// The blob is not known to control.
  case blobNotFound(digest: String)
  /// Bytes that are no message of this protocol.
  case malformed
}

/// The bounds of the link.
public enum LinkLimit {
  /// One line of the stream, in bytes.
  public static let lineBytesMax = 4 * 1024 * 1024
  /// One report, in bytes.
  public static let reportBytesMax = 8 * 1024 * 1024
  /// One answer to a query, in bytes.
  public static let answerBytesMax = 4 * 1024 * 1024
  /// One question of another control process, in bytes.
  static let queryBytesMax = 4096
  /// A link on which nothing was heard for so long is dead, in seconds.
  public static let silenceSecondsMax = 30
  /// Step events of one report.
  public static let eventsPerReportMax = 1000
}
