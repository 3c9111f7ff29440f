import Foundation
import Kit
public import Logging
public import Store

/// Control's end of the link: says what each node should hold, takes in what the nodes see.
public struct NodeLinkServer: Sendable {
  let store: any Store
  let cloudID: String
  let blobs: any BlobSource
  let observers: [any NodeObserver]
  /// The socket this control serves, by which others on the same store reach it; nil where it is alone.
  let place: String?
  let logger: Logger
  let streams: NodeStreams
  let hearing = NodeHearing()
  /// What went over the links.
  public let meter = LinkMeter()

  /// Tables of this room: the manifest, the nodes and their steps, drift, who speaks to which node.
  public static let migrations =
    ManifestTable.migrations + NodeTable.migrations + DriftTable.migrations
    + NodeStreamTable.migrations + NodeTable.orderMigrations

  /// - Parameters:
  ///   - store: claimed by this cloud already (`Store.claim`); its identity says the epoch.
  ///   - observers: called with each report in this order, in the transaction that stores it.
  ///   - place: the socket that `run` will serve, where other control processes share the store; nil where none does.
  public init(
    store: any Store, cloudID: String, blobs: any BlobSource, observers: [any NodeObserver], place: String? = nil,
    logger: Logger
  ) {
    self.store = store
    streams = NodeStreams(store: store)
    self.cloudID = cloudID
    self.blobs = blobs
    self.observers = observers
    self.place = place
    self.logger = logger
  }

  /// Serves the socket, and marks silent nodes down, until the task is cancelled.
  ///
  /// - Parameters:
  ///   - socketPath: absolute, at most 107 bytes, in a directory of this process's user with mode 0700. A socket file
  ///     left there by an earlier process is replaced.
  ///   - allowedUIDs: users whose processes may speak; nil means root and this process's own.
  ///   - ready: called once the socket is open.
  /// Throws where the socket cannot be opened, or `LinkError.refused` where its directory is open to others.
  public func run(
    socketPath: String, allowedUIDs: Set<UInt32>? = nil,
    ready: @escaping @Sendable () async -> Void = {}
  ) async throws {
    let listener = LinkListener(
      server: self, socketPath: socketPath, allowedUIDs: allowedUIDs ?? [0, UInt32(geteuid())])
    try listener.checkDirectory()
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await listener.run(ready: ready) }
      group.addTask { await watch() }
      try await group.next()
      group.cancelAll()
    }
  }

  /// Stores what a greeting says of the node. From then on the reports of this life count, and no others.
  func take(_ hello: Hello) async throws {
    let report = Report(nodeID: hello.nodeID, facts: hello.facts, observations: [], events: [])
    try await keep(report) { try NodeTable.begin($0, hello.nodeID, life: hello.life) }
  }

  /// Stores a report: freshness, what the services make of it, steps, drift, and the end of what is gone. Throws
  /// `LinkError.refused` 409, and stores nothing, where it comes after a newer one or is of another life: an agent that
  /// still waits for the answer says it all again.
  func take(_ report: Report) async throws {
    do {
      try await keep(report) { tx in
        guard try NodeTable.take(tx, report.nodeID, report.order) else { throw NodeTable.late }
      }
    } catch let error as LinkError where error == NodeTable.late {
      meter.late(report.nodeID)
      logger.info("a node's report came late and is not believed", metadata: ["node": "\(report.nodeID)"])
      throw error
    }
  }

  /// - Parameter order: notes or checks the report's place among the others, in the transaction that stores it.
  private func keep(_ report: Report, order: @escaping @Sendable (Transaction) throws -> Void) async throws {
    // Before it is stored: a store that cannot be written makes no node silent.
    hearing.heard(report.nodeID)
    meter.reported(report)
    let now = Timestamp.now()
    let observers = observers
    for observation in report.observations { CrashPoint.pass(.takeReport, .before, observation.key.description) }
    let unkept = try await store.write { tx in
      try NodeTable.heard(tx, report.nodeID, facts: report.facts, at: now)
      try order(tx)
      for observer in observers { try observer.observe(tx, node: report.nodeID, report: report) }
      for observation in report.observations where observation.removed {
        try ManifestTable.forget(tx, node: report.nodeID, observation.key, generation: observation.generation)
      }
      try StepEventTable.append(tx, node: report.nodeID, report.events)
      return try DriftTable.record(
        tx, node: report.nodeID, report.drift ?? [], whole: report.driftIsWhole ?? false, at: now)
    }
    for observation in report.observations { CrashPoint.pass(.takeReport, .after, observation.key.description) }
    if unkept > 0 {
      logger.warning(
        "a node has more drift than is kept", metadata: ["node": "\(report.nodeID)", "not kept": "\(unkept)"])
    }
  }

  /// Marks silent nodes down, and bears with a clock that is stepped, until the task is cancelled.
  func watch() async {
    await withDiscardingTaskGroup { group in
      group.addTask { await watchSilence() }
      group.addTask { await watchClock() }
    }
  }

  private func watchClock() async {
    var watch = ClockWatch()
    while (try? await Task.sleep(for: .seconds(ClockWatch.lookSeconds), clock: .suspending)) != nil {
      guard let step = watch.look() else { continue }
      logger.warning("the host's clock was stepped", metadata: ["seconds": "\(Int(step))"])
      do { try await hearAgain() } catch {
        logger.warning("nodes could not be marked as heard", metadata: ["error": "\(error)"])
      }
    }
  }

  /// Says of each node that is not silent that it was heard now: by a clock that was stepped, what the services noted a
  /// moment ago looks an hour old, or still to come.
  func hearAgain() async throws {
    let observers = observers
    let heard = try await upNodes().filter { hearing.silence(of: $0.id) <= .seconds(NodeTable.downAfterSeconds) }
    try await store.write { tx in
      for (node, _) in heard {
        try NodeTable.heard(tx, node, facts: nil, at: .now())
        let nothing = Report(nodeID: node, facts: nil, observations: [], events: [])
        for observer in observers { try observer.observe(tx, node: node, report: nothing) }
      }
    }
  }

  private func watchSilence() async {
    while (try? await Task.sleep(for: .seconds(LinkMessage.pingSeconds))) != nil {
      do { try await markSilent() } catch {
        logger.warning("silent nodes could not be marked", metadata: ["error": "\(error)"])
      }
    }
  }

  /// Marks silent nodes down. A clock that is stepped declares nobody silent: what counts is how long no control has
  /// heard a node, as far as this process could see, and what it never heard has the time that this process runs.
  func markSilent() async throws {
    let silent = try await upNodes().filter { hearing.silence(of: $0.id) > .seconds(NodeTable.downAfterSeconds) }
    guard !silent.isEmpty else { return }
    try await store.write { tx in
      for (node, lastSeen) in silent { try NodeTable.markDown(tx, node, lastSeen: lastSeen) }
    }
  }

  /// The nodes that are marked up; what other controls heard of them is taken in.
  private func upNodes() async throws -> [(id: String, lastSeen: Timestamp)] {
    do {
      let nodes = try await store.read { try NodeTable.up($0) }
      for (node, lastSeen) in nodes { hearing.saw(node, lastSeen) }
      return nodes
    } catch {
      hearing.lost()
      throw error
    }
  }
}
