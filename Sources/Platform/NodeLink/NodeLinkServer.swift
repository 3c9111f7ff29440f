import Foundation
import Kit
public import Logging
public import Store

/// Control's end of the link: says what each node should hold, takes in what the nodes see.
public struct NodeLinkServer: Sendable {
  let store: any Store
  let cloudID: String
  let epoch: Int64
  let blobs: any BlobSource
  let observers: [any NodeObserver]
  let logger: Logger
  let streams = NodeStreams()

  /// Tables of this room: the manifest, the nodes and their steps.
  public static let migrations = ManifestTable.migrations + NodeTable.migrations

  /// - Parameters:
  ///   - epoch: raised by one when a backup is restored; a node that has seen a later one is refused.
  ///   - observers: called with each report in this order, in the transaction that stores it.
  public init(
    store: any Store, cloudID: String, epoch: Int64, blobs: any BlobSource, observers: [any NodeObserver],
    logger: Logger
  ) {
    self.store = store
    self.cloudID = cloudID
    self.epoch = epoch
    self.blobs = blobs
    self.observers = observers
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
      group.addTask { await watchSilence() }
      try await group.next()
      group.cancelAll()
    }
  }

  /// Asks a node. nil where there is nothing to give. Throws `QueryError`.
  public func query(node: String, _ subject: NodeQuery.Subject) async throws -> [UInt8]? {
    let answer = try await streams.query(node, subject)
    if let text = answer.bodyBase64 {
      guard let bytes = Data(base64Encoded: text) else { throw QueryError.failed("The answer is not base64.") }
      return Array(bytes)
    }
    if let error = answer.error { throw QueryError.failed(error) }
    return nil
  }

  /// Stores a report: freshness, what the services make of it, steps, and the end of what is gone.
  func take(_ report: Report) async throws {
    let now = Timestamp.now()
    let observers = observers
    try await store.write { tx in
      try NodeTable.heard(tx, report.nodeID, facts: report.facts, at: now)
      for observer in observers { try observer.observe(tx, node: report.nodeID, report: report) }
      for observation in report.observations where observation.removed {
        try ManifestTable.forget(tx, node: report.nodeID, observation.key, generation: observation.generation)
      }
      try StepEventTable.append(tx, node: report.nodeID, report.events)
    }
  }

  private func watchSilence() async {
    while (try? await Task.sleep(for: .seconds(LinkMessage.pingSeconds))) != nil {
      do {
        guard try await store.read({ try NodeTable.hasSilent($0, at: .now()) }) else { continue }
        try await store.write { try NodeTable.markSilent($0, at: .now()) }
      } catch {
        logger.warning("silent nodes could not be marked", metadata: ["error": "\(error)"])
      }
    }
  }
}
