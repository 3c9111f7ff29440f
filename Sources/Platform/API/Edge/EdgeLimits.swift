/// How many requests a second are taken, and how many at once: a token bucket.
public struct Rate: Sendable, Hashable, Codable {
  public var perSecond: Double
  /// Requests taken at once after a silence.
  public var burst: Double

  /// A burst is two seconds' worth where nothing is said.
  public init(perSecond: Double, burst: Double? = nil) {
    self.perSecond = perSecond
    self.burst = burst ?? max(1, perSecond * 2)
  }
}

/// Every bound between the socket and a route's handler.
public struct EdgeLimits: Sendable, Hashable {
  /// Connections at once. When all are taken, one that has been idle longest makes room for a new one; where none is
  /// idle the new one is refused.
  public var connectionsMax = 2048
  /// Connections at once from one address (IPv6: one /64). Loopback and trusted proxies are not counted.
  public var connectionsPerAddressMax = 256
  /// Streams at once on one HTTP/2 connection.
  public var streamsMax = 64
  /// Bytes of a request's target, of its whole head, and header fields in it.
  public var targetBytesMax = 8 * 1024
  public var headBytesMax = 64 * 1024
  public var headersMax = 100
  /// From a request's first byte (or the connection's beginning, TLS included) to the end of its head.
  public var headSeconds = 10
  /// A connection that waits for its next request so long is closed.
  public var idleSeconds = 75
  /// A body that is being sent or taken must move `paceBytes` in so long.
  public var paceSeconds = 15
  public var paceBytes = 4 * 1024
  /// Requests that are worked on at once, and uploads beside them.
  public var requestsMax = 256
  public var transfersMax = 128
  /// Requests that may wait for their turn, and how long in milliseconds; once requests have waited without a break for
  /// `standingMilliseconds`, only `standingWaitMilliseconds`: then those that are served are fresh, and the others
  /// learn it early.
  public var waitingMax = 2048
  public var waitMilliseconds = 5000
  public var standingMilliseconds = 2000
  public var standingWaitMilliseconds = 500
  /// Bytes of large request bodies in memory, and of answers that their readers have not taken.
  public var bodyBytesMax = 32 * 1024 * 1024
  public var answerBytesMax = 64 * 1024 * 1024
  /// How long what was begun may take to end when the process is asked to stop.
  public var drainSeconds = 10
  /// Requests of one address (loopback is never counted) and of one project (from anywhere but loopback).
  public var addressRate: Rate? = Rate(perSecond: 1000)
  public var projectRate: Rate? = Rate(perSecond: 2000)

  public init() {}
}
