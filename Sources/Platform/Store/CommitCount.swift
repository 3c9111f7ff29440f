import Kit
import Synchronization

/// Counts commits, for those who keep what they read as long as nothing was written.
final class CommitCount: Sendable {
  private let count = Atomic<UInt64>(0)
  /// How many writes were committed together, each time.
  let batches = Histogram(bounds: [1, 2, 4, 8, 16, 32, 64, 128], unit: 1)

  var number: UInt64 { count.load(ordering: .acquiring) }

  func grow() { count.add(1, ordering: .acquiringAndReleasing) }
}
