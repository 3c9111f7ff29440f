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
}
