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
/// at a time.
public struct ConvergeLoop: Sendable {
  private let convergers: [any Converger]
  private let store: any Store
  private let logger: Logger

  public init(_ convergers: [any Converger], store: any Store, logger: Logger) {
    self.convergers = convergers
    self.store = store
    self.logger = logger
  }

  public func run() async {
    await withTaskGroup(of: Void.self) { group in
      for converger in convergers { group.addTask { await follow(converger) } }
    }
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
      wake.yield()
      for await _ in wakes {
        do { try await converger.step() } catch is CancellationError { break } catch {
          logger.error("step failed", metadata: ["converger": "\(converger.name)", "error": "\(error)"])
        }
      }
      group.cancelAll()
    }
  }
}
