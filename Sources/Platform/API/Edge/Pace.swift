import NIOCore

/// How far something has come in a time.
struct Pace {
  var since: NIODeadline
  var bytes = 0

  mutating func isTooSlow(_ now: NIODeadline, _ bytes: Int, _ limits: EdgeLimits) -> Bool {
    if bytes - self.bytes >= limits.paceBytes {
      self = Pace(since: now, bytes: bytes)
      return false
    }
    return now - since > .seconds(Int64(limits.paceSeconds))
  }

  /// Whether a client takes what is written to its connection too slowly.
  static func isStalled(_ pace: inout Pace?, _ now: NIODeadline, unwritten: Int, _ limits: EdgeLimits) -> Bool {
    // What is left shrinks: its negative grows.
    let taken = -unwritten
    var next = pace ?? Pace(since: now, bytes: taken)
    if taken < next.bytes { next = Pace(since: now, bytes: taken) }
    defer { pace = next }
    return next.isTooSlow(now, taken, limits)
  }
}

extension ChannelHandlerContext {
  /// Bytes that are written but not yet taken by the system.
  var unwritten: Int { (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0 }
}
