import Foundation
import Kit
import Store
import Synchronization
import Testing

@testable import NodeLink

/// A store that is not what the nodes remember: older, empty, or another cloud's. Nothing is ever deleted for it.
@Suite struct EpochTests {
  private func held(_ id: String, _ generation: Int64, _ digest: String? = nil) -> Hello.Held {
    Hello.Held(key: ObjectKey(.addressSet, id), generation: generation, digest: digest)
  }

  private func objects(_ messages: [LinkMessage]) -> [ManifestObject] {
    messages.compactMap { if case .object(let object) = $0 { object } else { nil } }
  }

  /// Greets as a node that holds this, and returns the epoch of the welcome and what follows up to `synced`.
  private func greet(
    _ fixture: LinkFixture, epoch: Int64 = 1, _ held: [Hello.Held]
  ) async throws -> (epoch: Int64, said: [LinkMessage]) {
    let result = Mutex<(Int64, [LinkMessage])>((0, []))
    try await fixture.withLink { _, client in
      var messages = Messages(client, fixture.hello(epoch: epoch, held: held, cloudID: fixture.cloudID))
      guard case .welcome(_, let epoch) = try await messages.next() else { throw Unexpected() }
      var said: [LinkMessage] = []
      while let message = try await messages.next() {
        if case .synced = message { break }
        said.append(message)
      }
      result.withLock { [said] in $0 = (epoch, said) }
      // Durable before it was said, and the stream goes on in the new epoch.
      #expect(try await fixture.epoch() == epoch)
      let next = try await fixture.put("later", [Identifier.hex()])
      #expect(try await messages.next()?.short == "put later@\(next)")
    }
    return result.withLock { $0 }
  }

  @Test func whatANodeShouldHoldBeginsNoEpoch() async throws {
    let fixture = try await LinkFixture()
    let first = try await fixture.put("a", ["10.0.0.1"])
    let second = try await fixture.put("b", ["10.0.0.2"])
    try await fixture.bury("b")
    let fresh = objects(try await greet(fixture, epoch: 0, []).said)
    let digest = try #require(fresh.first?.digest)
    #expect(fresh.first?.generation == first)
    // As it is, older than it is, without digest, and a tombstone that control has forgotten.
    for held in [
      [held("a", first, digest)], [held("a", first)], [held("a", first - 1, "other"), held("b", second)],
      [held("gone", second)],
    ] {
      #expect(try await greet(fixture, held).epoch == 1)
    }
    #expect(try await fixture.store.read { try DriftTable.open($0, limit: 1) }.isEmpty)
  }

  @Test func aRestoredStoreBeginsANewEpochAndDeletesNothing() async throws {
    let fixture = try await LinkFixture()
    let first = try await fixture.put("a", ["10.0.0.1"])
    // The node saw `a` change and `b` come; then the store was put back to before that.
    let (epoch, said) = try await greet(fixture, [held("a", first + 5), held("b", first + 6)])
    #expect(epoch == 2)
    #expect(said.map(\.short) == ["put a@\(first)", "unknown b"])
    let drift = try await fixture.store.read { try DriftTable.all($0, .init(), limit: 10) }
    #expect(drift.map(\.finding.field) == [.olderStore])
    #expect(drift.first?.finding.done.contains("epoch 2") == true)
    // In the new epoch the node holds what the store says, and `b` in quarantine as before: no other begins.
    let again = try await greet(fixture, epoch: 2, [held("a", first), held("b", first + 6)])
    #expect(again.epoch == 2)
    #expect(again.said.contains { $0.short == "unknown b" })
    // Another node that was away has still newer things in quarantine. It joins the epoch and proves nothing later.
    #expect(try await greet(fixture, epoch: 1, [held("a", first), held("c", first + 900)]).epoch == 2)
    #expect(try await greet(fixture, epoch: 2, [held("a", first), held("c", first + 900)]).epoch == 2)
    // What is asked from now on is newer than all of that.
    #expect(try await fixture.put("d", []) > first + 900)
  }

  @Test func theSameGenerationWithOtherContentIsAnotherPast() async throws {
    let fixture = try await LinkFixture()
    let first = try await fixture.put("a", ["10.0.0.1"])
    let (epoch, said) = try await greet(fixture, [held("a", first, "00")])
    #expect(epoch == 2)
    #expect(said.map(\.short) == ["put a@\(first)"])
  }

  @Test func anEmptyStoreKeepsEverythingInQuarantine() async throws {
    let fixture = try await LinkFixture()
    let many = (0..<1201).map { held("set-\($0)", Int64($0 + 1)) }
    let (epoch, said) = try await greet(fixture, epoch: 7, many)
    #expect(epoch == 8)
    var unknown: [ObjectKey] = []
    for message in said {
      guard case .unknown(let keys) = message else {
        Issue.record("\(message.short) was said to a node of an empty store")
        continue
      }
      #expect(keys.count <= 500)
      unknown += keys
    }
    #expect(Set(unknown) == Set(many.map(\.key)))
    #expect(unknown.count == many.count)
  }

  @Test func anUnknownObjectFromBeyondTheFeedIsProof() async throws {
    let fixture = try await LinkFixture()
    let head = try await fixture.put("a", [])
    #expect(try await greet(fixture, [held("b", head)]).epoch == 1)
    #expect(try await greet(fixture, [held("b", head + 100)]).epoch == 2)
  }

  @Test func generationsThatNoCloudReachesAreRefused() async throws {
    let fixture = try await LinkFixture()
    for (epoch, generation) in [(1, Int64.max), (1, -1), (Int64.max, 1), (-1, 1)] {
      try await fixture.withLink { _, client in
        var messages = Messages(
          client, fixture.hello(epoch: epoch, held: [held("a", generation)], cloudID: fixture.cloudID))
        await #expect(throws: LinkError.self) { _ = try await messages.next() }
      }
    }
    #expect(try await fixture.epoch() == 1)
  }

  @Test func aNewEpochReachesEveryNode() async throws {
    let fixture = try await LinkFixture()
    try await fixture.withLink { _, client in
      let other = Hello(nodeID: "other", facts: .example, cloudID: fixture.cloudID, epoch: 1, held: [])
      var others = Messages(client, other)
      _ = try await others.untilSynced()
      var messages = Messages(client, fixture.hello(epoch: 3, cloudID: fixture.cloudID))
      guard case .welcome(_, 4) = try await messages.next() else { throw Unexpected() }
      // The other node's stream ends, and begins anew in the new epoch; it proves nothing by itself.
      #expect(try await others.next() == nil)
      others = Messages(client, other)
      guard case .welcome(_, 4) = try await others.next() else { throw Unexpected() }
      #expect(try await fixture.epoch() == 4)
    }
  }

  @Test func aStoreOfAnotherCloudIsRefusedUntouched() async throws {
    let fixture = try await LinkFixture()
    let foreign = await #expect(throws: StoreIdentity.Foreign.self) {
      try await fixture.store.claim(cloudID: Identifier.uuid(), epoch: 1)
    }
    #expect(foreign?.cloudID == fixture.cloudID)
    #expect(try await fixture.store.read { try StoreIdentity.read($0)?.cloudID } == fixture.cloudID)
    // The settings seed the epoch once and never lower or raise it.
    #expect(try await fixture.store.claim(cloudID: fixture.cloudID, epoch: 9).epoch == 1)
  }

  @Test func onlyTheOperatorsWordCondemnsWhatIsUnknown() async throws {
    let fixture = try await LinkFixture()
    let (node, key) = (fixture.node, ObjectKey(.server, "unknown"))
    try await fixture.withLink { server, client in
      var messages = Messages(
        client, fixture.hello(epoch: 1, held: [.init(key: key, generation: 1)], cloudID: fixture.cloudID))
      _ = try await messages.untilSynced()
      #expect(try await fixture.store.write { try ManifestTable.condemn($0, node: node, key: key, requestID: "req-1") })
      guard case .tombstone(let tombstone) = try await messages.next() else { throw Unexpected() }
      #expect(tombstone.key == key)
      #expect(tombstone.requestID == "req-1")
      // Twice is once.
      #expect(try await fixture.store.write { try ManifestTable.condemn($0, node: node, key: key, requestID: "req-2") })
      let gone = Observation(key: key, generation: tombstone.generation, ready: true, removed: true)
      try await client.report(Report(nodeID: node, facts: nil, observations: [gone], events: []))
      #expect(try await fixture.store.read { try ManifestTable.find($0, node: node, key) } == nil)
    }
    // What control asks for is deleted by its service, not by this.
    try await fixture.put("a", [])
    let known = ObjectKey(.addressSet, "a")
    #expect(
      try await fixture.store.write { try ManifestTable.condemn($0, node: node, key: known, requestID: nil) } == false)
    #expect(try await fixture.store.read { try ManifestTable.find($0, node: node, known)?.tombstone } == false)
  }
}
