import Foundation
import Kit
import Store
import Synchronization
import Testing

@testable import NodeLink

/// Two control processes on one store, each with a link of its own.
@Suite struct PeerTests {
  /// A control's link that runs until it is stopped.
  private struct Control {
    let server: NodeLinkServer
    let path: String
    let task: Task<Void, any Error>

    init(_ fixture: LinkFixture, _ number: Int) async {
      let path = fixture.directory + "/control-\(number).sock"
      let server = NodeLinkServer(
        store: fixture.store, cloudID: fixture.cloudID, blobs: fixture.blobs, observers: [fixture.observer],
        place: path, logger: .quiet)
      let (readiness, isReady) = AsyncStream.makeStream(of: Void.self)
      task = Task {
        defer { isReady.finish() }
        try await server.run(socketPath: path) { isReady.yield() }
      }
      for await _ in readiness { break }
      (self.server, self.path) = (server, path)
    }

    func stop() async {
      task.cancel()
      _ = try? await task.value
    }
  }

  private func place(_ fixture: LinkFixture) async throws -> String? {
    try await fixture.store.read { [node = fixture.node] in try NodeStreamTable.find($0, node) }
  }

  @Test func aQueryGoesByTheControlThatHasTheNode() async throws {
    let fixture = try await LinkFixture()
    let (first, second) = (await Control(fixture, 1), await Control(fixture, 2))
    let node = NodeLinkClient(socketPath: first.path, controlUID: UInt32(geteuid()), logger: .quiet)
    await #expect(throws: QueryError.notConnected(node: fixture.node)) {
      _ = try await second.server.query(node: fixture.node, .packetPath(portID: "p"))
    }
    var messages = Messages(node, fixture.hello())
    _ = try await messages.untilSynced()
    #expect(try await place(fixture) == first.path)
    for (text, error) in [(Optional("hello"), String?.none), (nil, "no such port"), (nil, nil)] {
      let asked = Task { try await second.server.query(node: fixture.node, .packetPath(portID: "p")) }
      guard case .query(let query) = try await messages.next() else { throw Unexpected() }
      let body = text.map { Data($0.utf8).base64EncodedString() }
      try await node.answer(NodeAnswer(queryID: query.id, bodyBase64: body, error: error))
      if let error {
        await #expect(throws: QueryError.failed(error)) { _ = try await asked.value }
      } else {
        #expect(try await asked.value == text.map { Array($0.utf8) })
      }
    }
    try await node.close()
    await first.stop()
    await second.stop()
  }

  @Test func aNodeGoesToTheNextControlWhenItsOwnIsLost() async throws {
    let fixture = try await LinkFixture()
    let controls = [await Control(fixture, 1), await Control(fixture, 2)]
    let node = NodeLinkClient(socketPaths: controls.map(\.path), controlUID: UInt32(geteuid()), logger: .quiet)
    var messages = Messages(node, fixture.hello())
    _ = try await messages.untilSynced()
    let mine = try #require(try await place(fixture))
    let (own, other) = mine == controls[0].path ? (controls[0], controls[1]) : (controls[1], controls[0])
    await own.stop()
    // The stream ends, by its end or by an error; the next one is opened at the other control.
    do { while try await messages.next() != nil {} } catch {}
    var again = Messages(node, fixture.hello())
    _ = try await again.untilSynced()
    #expect(try await place(fixture) == other.path)
    try await node.report(Report(nodeID: fixture.node, facts: .example, observations: [], events: []))
    try await node.close()
    await other.stop()
  }

  /// The row that a killed control left names it still: the answer is that the node is not connected, at once.
  @Test func aKilledControlIsNotWaitedFor() async throws {
    let fixture = try await LinkFixture()
    let control = await Control(fixture, 1)
    let gone = fixture.directory + "/gone.sock"
    try await fixture.store.write { [node = fixture.node] in try NodeStreamTable.put($0, node, place: gone) }
    await #expect(throws: QueryError.notConnected(node: fixture.node)) {
      _ = try await control.server.query(node: fixture.node, .consoleLog(serverID: "s", bytesMax: 1))
    }
    await control.stop()
  }

  @Test func whatAnotherControlHearsIsNoSilence() async throws {
    let now = SuspendingClock.now
    let hand = Mutex(now)
    let hearing = NodeHearing { hand.withLock { $0 } }
    func move(_ seconds: Int) { hand.withLock { $0 = now.advanced(by: .seconds(seconds)) } }
    // Looked at every 10 s: the store's mark moves, for another control hears the node.
    for second in stride(from: 0, through: 300, by: 10) {
      move(second)
      hearing.saw("node", Timestamp(microseconds: Int64(second)))
      #expect(hearing.silence(of: "node") <= .seconds(10))
    }
    // It moves no more: the time since counts.
    move(331)
    hearing.saw("node", Timestamp(microseconds: 300))
    #expect(hearing.silence(of: "node") == .seconds(31))
    // What could not be looked at says nothing.
    hearing.lost()
    #expect(hearing.silence(of: "node") == .zero)
  }

  /// A node that is heard between the look and the mark stays up.
  @Test func aNodeThatWasHeardMeanwhileIsNotMarkedDown() async throws {
    let fixture = try await LinkFixture()
    try await fixture.server().take(Report(nodeID: fixture.node, facts: .example, observations: [], events: []))
    try await fixture.store.write { [node = fixture.node] tx in
      try NodeTable.markDown(tx, node, lastSeen: Timestamp.now().adding(seconds: -40))
    }
    let node = try await fixture.store.read { [id = fixture.node] tx in try NodeTable.find(tx, id) }
    #expect(node?.up == true)
  }
}
