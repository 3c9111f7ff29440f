public import Logging
public import Store

/// A loop that makes what is observed equal what was asked. It takes no input: each `step` compares, does bounded,
/// idempotent work, does not retry inside, and returns.
public protocol Converger: Sendable {
  /// For logs and metrics, `compute.deadlines`.
  var name: String { get }
  /// How often it runs when nothing wakes it.
  var interval: Duration { get }
  /// Whether a change in the store wakes it too.
  var followsChanges: Bool { get }
  /// One pass. What it throws is logged; the next pass comes by the clock.
  func step() async throws
}

/// Runs convergers until the task is cancelled: each is woken by the change feed and by the clock, and runs one step
/// at a time. Where several control processes share the store, steps run in the one that holds the lease, and under it.
public struct ConvergeLoop: Sendable {
  private let convergers: [any Converger]
  private let store: any Store
  private let leases: LeaseKeeper?
  private let logger: Logger

  /// - Parameter leases: nil where this process alone writes to the store; then nothing is asked of it.
  public init(_ convergers: [any Converger], store: any Store, leases: LeaseKeeper? = nil, logger: Logger) {
    self.convergers = convergers
    self.store = store
    self.leases = leases
    self.logger = logger
  }

  public func run() async {
    await withTaskGroup(of: Void.self) { group in
      for converger in convergers { group.addTask { await follow(converger) } }
      if let leases { group.addTask { await leases.run() } }
    }
    await leases?.release()
  }

  private func follow(_ converger: any Converger) async {
    let (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        while (try? await Task.sleep(for: converger.interval)) != nil { wake.yield() }
        wake.finish()
      }
      if converger.followsChanges {
        let feed = store.feed.follow()
        group.addTask { for await _ in feed { wake.yield() } }
      }
      if let leases {
        let taken = leases.taken()
        group.addTask { for await _ in taken { wake.yield() } }
      }
      wake.yield()
      for await _ in wakes {
        do { try await step(converger) } catch is CancellationError { break } catch let lost as Lease.Lost {
          logger.notice(
            "a step was given up: another control process goes on",
            metadata: ["converger": "\(converger.name)", "fence": "\(lost.lease.fence)"])
        } catch {
          logger.error("step failed", metadata: ["converger": "\(converger.name)", "error": "\(error)"])
        }
      }
      group.cancelAll()
    }
  }

  private func step(_ converger: any Converger) async throws {
    guard let leases else { return try await converger.step() }
    guard let lease = leases.lease else { return }
    try await Lease.$current.withValue(lease) { try await converger.step() }
  }
}
