import Foundation
import Kit
import NodeLink
import Store
import Testing

@Suite struct StreamTests {
  @Test func aNewNodeGetsEverythingThenWhatChanges() async throws {
    let fixture = try await LinkFixture()
    let first = try await fixture.put("a", ["10.0.0.1"])
    let second = try await fixture.put("b", ["10.0.0.2"])
    try await fixture.withLink { _, client in
      var messages = Messages(client, fixture.hello())
      #expect(try await messages.untilSynced().map(\.short) == ["put a@\(first)", "put b@\(second)"])
      let third = try await fixture.put("a", ["10.0.0.3"], requestID: "req-9")
      let message = try await messages.next()
      guard case .object(let object) = message else { throw Unexpected() }
      #expect(object.generation == third)
      #expect(object.requestID == "req-9")
      #expect(object.spec == .addressSet(AddressSetSpec(id: "a", addresses: ["10.0.0.3"])))
      try await fixture.bury("b")
      #expect(try await messages.next()?.short.hasPrefix("bury b@") == true)
    }
  }

  @Test func onlyWhatDiffersIsSaidAfterAReconnect() async throws {
    let fixture = try await LinkFixture()
    let first = try await fixture.put("a", ["10.0.0.1"])
    let second = try await fixture.put("b", ["10.0.0.2"])
    let held = [
      Hello.Held(key: ObjectKey(.addressSet, "a"), generation: first),
      Hello.Held(key: ObjectKey(.addressSet, "b"), generation: second - 1),
      Hello.Held(key: ObjectKey(.addressSet, "stranger"), generation: 1),
    ]
    try await fixture.withLink { _, client in
      var messages = Messages(client, fixture.hello(epoch: 1, held: held, cloudID: fixture.cloudID))
      // What control does not know is not deleted.
      let said = try await messages.untilSynced()
      #expect(said.map(\.short) == ["put b@\(second)", "unknown stranger"])
    }
    // A newer epoch: generations of the older one say nothing.
    try await fixture.withLink(epoch: 2) { _, client in
      var messages = Messages(client, fixture.hello(epoch: 1, held: held, cloudID: fixture.cloudID))
      let said = try await messages.untilSynced()
      #expect(said.map(\.short) == ["put a@\(first)", "put b@\(second)", "unknown stranger"])
    }
  }

  @Test func aLongManifestComesWholeAndInOrder() async throws {
    let fixture = try await LinkFixture()
    let node = fixture.node
    try await fixture.store.write { tx in
      for number in 0..<730 {
        let id = "set-\(number)"
        try ManifestTable.put(
          tx, node: node, ObjectKey(.addressSet, id),
          .addressSet(AddressSetSpec(id: id, addresses: [String](repeating: "fd00::1", count: number % 100))),
          requestID: nil)
      }
      try ManifestTable.put(
        tx, node: "another", ObjectKey(.addressSet, "x"), .addressSet(AddressSetSpec(id: "x", addresses: [])),
        requestID: nil)
    }
    try await fixture.withLink { _, client in
      var messages = Messages(client, fixture.hello())
      let ids = try await messages.untilSynced().map { $0.short.prefix { $0 != "@" } }
      #expect(ids == (0..<730).map { "put set-\($0)"[...] })
    }
  }

  @Test func anUnchangedSpecIsNoNews() async throws {
    let fixture = try await LinkFixture()
    let first = try await fixture.put("a", ["10.0.0.1"])
    #expect(try await fixture.put("a", ["10.0.0.1"], requestID: "req-other") == first)
    #expect(try await fixture.put("a", ["10.0.0.2"]) > first)
    #expect(try await fixture.bury("never there") == false)
    #expect(try await fixture.bury("a"))
  }

  @Test func aRefusedNodeIsToldWhy() async throws {
    let fixture = try await LinkFixture()
    try await fixture.withLink { _, client in
      var messages = Messages(client, fixture.hello(epoch: 1, cloudID: Identifier.uuid()))
      let refused = await #expect(throws: LinkError.self) { _ = try await messages.next() }
      #expect(refused == .refused(status: 409, reason: "The node holds the manifest of another cloud."))
    }
  }

  @Test func aNewStreamEndsTheOldOne() async throws {
    let fixture = try await LinkFixture()
    try await fixture.withLink { _, client in
      var old = Messages(client, fixture.hello())
      _ = try await old.untilSynced()
      var fresh = Messages(client, fixture.hello())
      _ = try await fresh.untilSynced()
      #expect(try await old.next() == nil)
      let generation = try await fixture.put("a", [])
      #expect(try await fresh.next()?.short == "put a@\(generation)")
    }
  }

  @Test func aRestartedControlIsFoundAgain() async throws {
    let fixture = try await LinkFixture()
    try await fixture.withLink { _, client in
      var messages = Messages(client, fixture.hello())
      _ = try await messages.untilSynced()
    }
    let generation = try await fixture.put("a", [])
    try await fixture.withLink { _, client in
      var messages = Messages(client, fixture.hello(epoch: 1, cloudID: fixture.cloudID))
      let said = try await messages.untilSynced()
      #expect(said.map(\.short) == ["put a@\(generation)"])
      try await client.report(Report(nodeID: fixture.node, facts: nil, observations: [], events: []))
    }
  }
}
