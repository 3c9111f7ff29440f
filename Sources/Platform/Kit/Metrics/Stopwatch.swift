import Foundation

/// Measures how long something takes, by a clock that nobody steps.
public struct Stopwatch: Sendable {
  private let began: UInt64

  public init() { began = Self.now }

  /// Nanoseconds since it was made.
  public var nanoseconds: UInt64 { Self.now &- began }

  private static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
  }
}
