import Foundation
import Kit
import Logging
import Store

/// The stream down: everything the node does not hold, then what changes.
extension NodeLinkServer {
  /// Why a greeting is not answered with a stream; nil where it is welcome.
  func objection(to hello: Hello) -> String? {
    if hello.version > Hello.protocolVersion { return "This control speaks version \(Hello.protocolVersion)." }
    if let held = hello.cloudID, held != cloudID { return "The node holds the manifest of another cloud." }
    if hello.cloudID != nil, hello.epoch > epoch { return "The node has seen a later epoch of this cloud." }
    return nil
  }

  /// Speaks to one node until it goes or the task is cancelled. `write` returns when the socket has room.
  func follow(_ hello: Hello, write: (_ lines: [UInt8]) async throws -> Void) async throws {
    let node = hello.nodeID
    // The feed is followed before the first read, so that nothing falls between.
    let changes = store.feed.follow()
    let (number, wakes, wake) = await streams.open(node)
    let waker = Task {
      await withDiscardingTaskGroup { group in
        group.addTask { for await _ in changes { wake.yield() } }
        group.addTask {
          while (try? await Task.sleep(for: .seconds(LinkMessage.pingSeconds))) != nil { wake.yield() }
        }
      }
    }
    do {
      try await say(hello, number, wakes, write)
    } catch {
      logger.info("a node's stream broke", metadata: ["node": "\(node)", "error": "\(error)"])
    }
    waker.cancel()
    await streams.close(node, number)
  }

  private func say(
    _ hello: Hello, _ number: Int, _ wakes: AsyncStream<Void>, _ write: (_ lines: [UInt8]) async throws -> Void
  ) async throws {
    let rows = ManifestRows(node: hello.nodeID, logger: logger)
    try await write(ManifestRows.line(.welcome(cloudID: cloudID, epoch: epoch)))
    let held = try await known(hello, rows)
    var last = try await catchUp(rows, after: 0, held: held, write).last
    try await write(ManifestRows.line(.synced))
    var lastSaid = ContinuousClock.now
    for await _ in wakes {
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
  private func known(_ hello: Hello, _ rows: ManifestRows) async throws -> [ObjectKey: Int64] {
    let keys = try await store.read { try rows.keys($0) }
    let strangers = hello.held.map(\.key).filter { !keys.contains($0) }.map(\.description).sorted()
    if !strangers.isEmpty {
      logger.warning(
        "a node holds what this cloud does not know; it is left as it is",
        metadata: ["node": "\(hello.nodeID)", "objects": "\(strangers.prefix(100))", "count": "\(strangers.count)"])
    }
    guard hello.cloudID == cloudID, hello.epoch == epoch else { return [:] }
    return Dictionary(hello.held.map { ($0.key, $0.generation) }, uniquingKeysWith: { max($0, $1) })
  }

  private func catchUp(
    _ rows: ManifestRows, after generation: Int64, held: [ObjectKey: Int64],
    _ write: (_ lines: [UInt8]) async throws -> Void
  ) async throws -> (last: Int64, bytes: Int) {
    var last = generation
    var bytes = 0
    while true {
      let chunk = try await store.read { [last] in try rows.chunk($0, after: last, held: held) }
      if !chunk.lines.isEmpty { try await write(chunk.lines) }
      bytes += chunk.lines.count
      last = chunk.last
      if !chunk.full { return (last, bytes) }
    }
  }
}
