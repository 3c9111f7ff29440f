import Kit
import Store
import Synchronization

/// Whether this control process can serve, and what stands in the way. Cheap: however often it is asked, the store is
/// asked once a second at the most.
actor Readiness {
  /// How long the store may take to answer.
  static let storeLimit = Duration.seconds(2)
  /// How long an answer holds.
  static let freshFor = Duration.seconds(1)

  private let store: any Store
  private let link: Flag
  private var last: (at: ContinuousClock.Instant, obstacles: [String])?
  private var looking: Task<[String], Never>?

  /// `link` says whether the nodes' listener is open.
  init(store: any Store, link: Flag) {
    self.store = store
    self.link = link
  }

  /// What stands in the way, in words for an operator that give nothing away; empty where nothing does.
  func obstacles() async -> [String] {
    if let last, ContinuousClock.now - last.at < Self.freshFor { return last.obstacles }
    if let looking { return await looking.value }
    let task = Task { await look() }
    looking = task
    let found = await task.value
    last = (.now, found)
    looking = nil
    return found
  }

  private func look() async -> [String] {
    var found: [String] = []
    if !link.isUp { found.append("the nodes' listener is not open") }
    switch await storeAnswers() {
    case true?: break
    case false?: found.append("the store cannot be read")
    case nil: found.append("the store does not answer")
    }
    return found
  }

  /// Whether the store can be read, its schema included; nil where it takes too long.
  private func storeAnswers() async -> Bool? {
    let (answers, answer) = AsyncStream.makeStream(of: Bool?.self, bufferingPolicy: .bufferingOldest(1))
    let store = store
    let reading = Task {
      let identity = try? await store.read { try StoreIdentity.read($0) }
      answer.yield((identity ?? nil) != nil)
    }
    let waiting = Task {
      if (try? await Task.sleep(for: Self.storeLimit)) != nil { answer.yield(nil) }
    }
    defer {
      waiting.cancel()
      reading.cancel()
    }
    for await first in answers { return first }
    return nil
  }
}

/// Something that is down until it is up.
final class Flag: Sendable {
  private let state = Atomic(false)

  var isUp: Bool { state.load(ordering: .acquiring) }

  func raise() { state.store(true, ordering: .releasing) }
}
