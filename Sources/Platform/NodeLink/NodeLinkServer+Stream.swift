import Foundation
import Kit
import Logging
import Store

/// The stream down: everything the node does not hold, then what changes.
extension NodeLinkServer {
  /// Objects named in one line of what is unknown.
  private static let unknownPerLine = 500
  /// A generation, or an epoch, beyond this is nobody's: a number must be left to go on with.
  private static let generationMax: Int64 = 1 << 53

  /// Why a greeting is not answered with a stream; nil where it is welcome.
  func objection(to hello: Hello) -> String? {
    if hello.version > Hello.protocolVersion { return "This control speaks version \(Hello.protocolVersion)." }
    if let held = hello.cloudID, held != cloudID { return "The node holds the manifest of another cloud." }
    let generations = 0...Self.generationMax
    guard hello.held.allSatisfy({ generations.contains($0.generation) }), generations.contains(hello.epoch) else {
      return "The node holds generations that no cloud reaches."
    }
    guard (hello.life?.utf8.count ?? 0) <= Hello.lifeBytesMax else { return "The name of the node's life is too long." }
    return nil
  }

  /// Whose store this is, read anew: another node's greeting may have begun a new epoch.
  private func identity() async throws -> StoreIdentity {
    let identity = try await store.read { try StoreIdentity.read($0) }
    guard let identity, identity.cloudID == cloudID else {
      throw LinkError.refused(status: 503, reason: "This control does not know whose store it has.")
    }
    return identity
  }

  /// Compares what the node holds with the store, and begins a new epoch where the store is the older of the two:
  /// durably, before anything is said to any node. Returns the epoch that counts now and what the node holds that
  /// control does not know.
  private func greet(
    _ hello: Hello, _ number: Int
  ) async throws -> (identity: StoreIdentity, unknown: [ObjectKey]) {
    let before = try await identity()
    let verdict = try await StoreAge(hello: hello, identity: before).judge(store)
    guard let proof = verdict.proof else {
      // Held since an older epoch, unknown, and newer than the feed: in the next greeting that would prove something.
      if !verdict.unknown.isEmpty { try await store.write { try Self.outgrow(hello, $0) } }
      return (before, verdict.unknown)
    }
    let epoch = max(before.epoch, hello.epoch) + 1
    let now = Timestamp.now()
    let finding = DriftFinding(
      subject: "store", key: nil, field: .olderStore, asked: "a store that knows what its nodes hold", found: proof,
      since: now, done: "epoch \(epoch) began; what control does not know is kept in quarantine", settled: now)
    try await store.write { tx in
      try StoreIdentity.raise(tx, epoch: epoch)
      try tx.change(NodeStreams.epochKind, cloudID)
      try Self.outgrow(hello, tx)
      try DriftTable.record(tx, node: hello.nodeID, [finding], whole: false, at: now)
    }
    logger.critical(
      "the store is older than what a node holds: a new epoch begins, and nothing is deleted for it",
      metadata: ["node": "\(hello.nodeID)", "epoch": "\(epoch)", "proof": "\(proof)"])
    await streams.endAll(but: number)
    return (try await identity(), verdict.unknown)
  }

  /// Generations go on beyond all that the node remembers, so that none is given twice.
  private static func outgrow(_ hello: Hello, _ tx: Transaction) throws {
    try tx.skipChanges(to: hello.held.map(\.generation).max() ?? 0, ManifestTable.changeKind, hello.nodeID)
  }

  /// Speaks to one node until it goes or the task is cancelled. `write` returns when the socket has room.
  func follow(_ hello: Hello, write: (_ lines: [UInt8]) async throws -> Void) async throws {
    let node = hello.nodeID
    // Opened before the first read: what changes from then on wakes the stream, so that nothing falls between.
    let (number, wakes, wake) = await streams.open(node)
    meter.opened(node)
    defer { meter.closed() }
    let pinger = Task {
      while (try? await Task.sleep(for: .seconds(LinkMessage.pingSeconds))) != nil { wake.yield() }
    }
    do {
      try await tellPeers(node)
      try await say(hello, number, wakes) { lines in
        meter.sent(node, bytes: lines.count)
        try await write(lines)
      }
    } catch {
      logger.info("a node's stream broke", metadata: ["node": "\(node)", "error": "\(error)"])
    }
    pinger.cancel()
    if await streams.close(node, number) { await untellPeers(node) }
  }

  private func say(
    _ hello: Hello, _ number: Int, _ wakes: AsyncStream<Void>, _ write: (_ lines: [UInt8]) async throws -> Void
  ) async throws {
    let rows = ManifestRows(node: hello.nodeID, logger: logger)
    let (identity, unknown) = try await greet(hello, number)
    try await write(ManifestRows.line(.welcome(cloudID: cloudID, epoch: identity.epoch)))
    var last = try await catchUp(rows, after: 0, held: Self.held(hello, identity), write).last
    try await say(unknown: unknown, of: hello.nodeID, write)
    try await write(ManifestRows.line(.synced))
    var lastSaid = ContinuousClock.now
    for await _ in wakes {
      // Another control may have begun a new epoch: the node comes back and is told everything anew.
      if place != nil, try await self.identity().epoch != identity.epoch { return }
      let sent = try await catchUp(rows, after: last, held: [:], write)
      last = sent.last
      let queries = await streams.takeQueries(hello.nodeID, number)
      for query in queries { try await write(ManifestRows.line(.query(query))) }
      let quiet = sent.bytes == 0 && queries.isEmpty
      if quiet, ContinuousClock.now - lastSaid < .seconds(LinkMessage.pingSeconds) - .milliseconds(100) { continue }
      if quiet { try await write(ManifestRows.line(.ping)) }
      lastSaid = .now
    }
  }

  /// What the node holds of this epoch, by key. Of another epoch nothing counts: generations may have started anew.
  private static func held(_ hello: Hello, _ identity: StoreIdentity) -> [ObjectKey: Int64] {
    guard hello.cloudID == identity.cloudID, hello.epoch == identity.epoch else { return [:] }
    return Dictionary(hello.held.map { ($0.key, $0.generation) }, uniquingKeysWith: { max($0, $1) })
  }

  private func say(
    unknown: [ObjectKey], of node: String, _ write: (_ lines: [UInt8]) async throws -> Void
  ) async throws {
    guard !unknown.isEmpty else { return }
    logger.warning(
      "a node holds what this cloud does not know; it is left as it is",
      metadata: [
        "node": "\(node)", "objects": "\(unknown.prefix(100).map(\.description))", "count": "\(unknown.count)",
      ])
    for start in stride(from: 0, to: unknown.count, by: Self.unknownPerLine) {
      let part = unknown[start..<min(start + Self.unknownPerLine, unknown.count)]
      try await write(ManifestRows.line(.unknown(Array(part))))
    }
  }

  private func catchUp(
    _ rows: ManifestRows, after generation: Int64, held: [ObjectKey: Int64],
    _ write: (_ lines: [UInt8]) async throws -> Void
  ) async throws -> (last: Int64, bytes: Int) {
    var last = generation
    var bytes = 0
    while true {
      let chunk = try await store.read { [last] in try rows.chunk($0, after: last, held: held) }
      for key in chunk.keys { CrashPoint.pass(.sendManifest, .before, key.description) }
      if !chunk.lines.isEmpty { try await write(chunk.lines) }
      for key in chunk.keys { CrashPoint.pass(.sendManifest, .after, key.description) }
      bytes += chunk.lines.count
      last = chunk.last
      if !chunk.full { return (last, bytes) }
    }
  }
}
