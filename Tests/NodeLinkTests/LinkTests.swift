import Foundation
import Kit
import NodeLink
import Store
import Synchronization
import Testing

@Suite struct LinkTests {
  @Test func blobsTravelWhole() async throws {
    let fixture = try await LinkFixture()
    let digest = String(repeating: "0a", count: 32)
    let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    fixture.blobs.blobs.withLock { $0[digest] = bytes }
    try await fixture.withLink { _, client in
      let got = Mutex<[UInt8]>([])
      try await client.blob(digest: digest) { piece in got.withLock { $0 += piece } }
      #expect(got.withLock { $0 } == bytes)
      let other = String(repeating: "ff", count: 32)
      await #expect(throws: LinkError.blobNotFound(digest: other)) { try await client.blob(digest: other) { _ in } }
      await #expect(throws: LinkError.self) { try await client.blob(digest: "../../etc/passwd") { _ in } }
    }
  }

  @Test func queriesAreAnswered() async throws {
    let fixture = try await LinkFixture()
    try await fixture.withLink { server, client in
      await #expect(throws: QueryError.notConnected(node: fixture.node)) {
        _ = try await server.query(node: fixture.node, .consoleLog(serverID: "s", bytesMax: 10))
      }
      var messages = Messages(client, fixture.hello())
      _ = try await messages.untilSynced()
      for (body, error) in [("hello", nil), (nil, nil), (nil, "no disk")] as [(String?, String?)] {
        let answer = Task { try await server.query(node: fixture.node, .consoleLog(serverID: "s", bytesMax: 10)) }
        guard case .query(let query) = try await messages.next() else { throw Unexpected() }
        #expect(query.subject.isConsole)
        try await client.answer(
          NodeAnswer(
            queryID: query.id, bodyBase64: body.map { Data($0.utf8).base64EncodedString() }, error: error))
        if let error {
          await #expect(throws: QueryError.failed(error)) { _ = try await answer.value }
        } else {
          #expect(try await answer.value == body.map { Array($0.utf8) })
        }
      }
      // An answer to nothing harms nothing.
      try await client.answer(NodeAnswer(queryID: "nobody", bodyBase64: nil, error: nil))
    }
  }

  @Test func anUnexpectedControlIsNotSpokenTo() async throws {
    let fixture = try await LinkFixture()
    try await fixture.withLink(controlUID: UInt32(geteuid()) + 12345) { _, client in
      await #expect(throws: LinkError.wrongPeer(uid: UInt32(geteuid()))) {
        try await client.report(Report(nodeID: fixture.node, facts: .example, observations: [], events: []))
      }
      #expect(fixture.observer.reports.withLock { $0.isEmpty })
    }
  }

  @Test func anUnexpectedNodeIsTurnedAway() async throws {
    let fixture = try await LinkFixture()
    try await fixture.withLink(allowedUIDs: [UInt32(geteuid()) + 12345]) { _, client in
      await #expect(throws: (any Error).self) {
        try await client.report(Report(nodeID: fixture.node, facts: .example, observations: [], events: []))
      }
      #expect(fixture.observer.reports.withLock { $0.isEmpty })
    }
  }

  @Test func anOpenDirectoryIsRefused() async throws {
    let fixture = try await LinkFixture()
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: fixture.directory)
    await #expect(throws: LinkError.self) { try await fixture.server().run(socketPath: fixture.socketPath) }
  }

  @Test func badBodiesAreRefused() async throws {
    let fixture = try await LinkFixture()
    try await fixture.withLink { _, client in
      let key = ObjectKey(.server, "s")
      let many = (0...Report.observationsMax).map { Observation(key: key, generation: Int64($0), ready: true) }
      await #expect(throws: LinkError.refused(status: 413, reason: "The report says too much at once.")) {
        try await client.report(Report(nodeID: fixture.node, facts: nil, observations: many, events: []))
      }
    }
  }

  @Test func nobodyThereFailsAtOnce() async throws {
    let client = NodeLinkClient(
      socketPath: "/tmp/haneul-nobody-\(Identifier.hex())", controlUID: UInt32(geteuid()), logger: .quiet)
    let began = ContinuousClock.now
    await #expect(throws: (any Error).self) {
      try await client.report(Report(nodeID: "n", facts: nil, observations: [], events: []))
    }
    #expect(ContinuousClock.now - began < .seconds(25))
    try await client.close()
  }
}

extension NodeQuery.Subject {
  fileprivate var isConsole: Bool { if case .consoleLog = self { true } else { false } }
}
