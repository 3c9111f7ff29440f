import Kit

/// A host as the compute service knows it: what its node reported, and whether it is in service.
struct ComputeHost: Sendable {
  /// A host that was not heard of for so long is down, in seconds.
  static let silenceSecondsMax = 60.0

  var nodeID: String
  /// For clients of microversions before 2.53.
  var number: Int
  var hostname: String
  var hypervisorVersion: Int
  var cpuModel: String
  var accelerator: String
  var diskFreeGiB: Int
  var disabled: Bool
  var disabledReason: String?
  var forcedDown: Bool
  var seenAt: Timestamp
  var updatedAt: Timestamp

  func isUp(at now: Timestamp) -> Bool { !forcedDown && now.seconds(since: seenAt) <= Self.silenceSecondsMax }

  /// As a server's `host_status` says it.
  func status(at now: Timestamp) -> String { isUp(at: now) ? (disabled ? "MAINTENANCE" : "UP") : "DOWN" }
}
