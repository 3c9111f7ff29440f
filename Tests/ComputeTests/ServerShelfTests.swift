import API
import Foundation
import Kit
import Store
import StoreFixture
import Testing

@testable import Compute

/// What servers look like is kept as long as the change feed says nothing of them. Besides these, every test of the
/// room compares what it asks for with what a process says that keeps nothing.
struct ServerShelfTests {
  private static let view = ServerShelf.View(version: Microversion(2, 1), root: "http://a/", admin: false, one: false)

  private static func at(_ store: any Store, _ shelf: ServerShelf) async throws -> Int64? {
    try await store.read { try shelf.catchUp($0) }
  }

  private static func found(_ shelf: ServerShelf, _ id: String, _ revision: Int64?, status: String? = nil) -> [UInt8]? {
    revision.flatMap { shelf.find([(id, status)], view, at: $0)[0] }
  }

  @Test func changesDropWhatTheyConcern() async throws {
    let cloud = try await Fixture()
    let (store, shelf) = (cloud.store, ServerShelf())
    let first = try #require(try await Self.at(store, shelf))
    shelf.keep([("a", nil, [1]), ("b", nil, [2])], Self.view, at: first)
    #expect(Self.found(shelf, "a", first) == [1])
    #expect(Self.found(shelf, "a", first, status: "UP") == nil, "another state of its host")
    // What is said of nothing that is shown changes nothing; a server's own change drops it alone.
    _ = try await store.write { try $0.change("keypair", "x") }
    #expect(Self.found(shelf, "a", try await Self.at(store, shelf)) == [1])
    _ = try await store.write { try $0.change("server", "a") }
    let second = try await Self.at(store, shelf)
    #expect(Self.found(shelf, "a", second) == nil)
    #expect(Self.found(shelf, "b", second) == [2])
    for kind in ["port", "network", "subnet", "floating_ip", "security_group"] {
      let now = try #require(try await Self.at(store, shelf))
      shelf.keep([("b", nil, [3])], Self.view, at: now)
      _ = try await store.write { try $0.change(kind, "x") }
      #expect(Self.found(shelf, "b", try await Self.at(store, shelf)) == nil, "\(kind)")
    }
    #expect(shelf.bytes == 0)
  }

  /// A reader whose snapshot is older gets nothing, and what it encoded is not kept for those who are further.
  @Test func whoIsBehindNeitherGetsNorKeeps() async throws {
    let cloud = try await Fixture()
    let (store, shelf) = (cloud.store, ServerShelf())
    let old = try #require(try await Self.at(store, shelf))
    _ = try await store.write { try $0.change("server", "a") }
    let new = try #require(try await Self.at(store, shelf))
    #expect(new > old)
    shelf.keep([("a", nil, [1])], Self.view, at: old)
    #expect(Self.found(shelf, "a", new) == nil)
    shelf.keep([("a", nil, [2])], Self.view, at: new)
    #expect(Self.found(shelf, "a", old) == nil)
    #expect(Self.found(shelf, "a", new) == [2])
  }

  /// The feed is compacted beyond what the shelf knows, or goes on for long: everything is dropped.
  @Test func aLostFeedDropsAll() async throws {
    let cloud = try await Fixture()
    let (store, shelf) = (cloud.store, ServerShelf())
    let first = try #require(try await Self.at(store, shelf))
    shelf.keep([("a", nil, [1])], Self.view, at: first)
    try await store.write { tx in for _ in 0...ServerShelf.changesMax { try tx.change("server", "b") } }
    let second = try #require(try await Self.at(store, shelf))
    #expect(Self.found(shelf, "a", second) == nil)
    shelf.keep([("a", nil, [1])], Self.view, at: second)
    try await store.write { tx in for _ in 0..<5 { try tx.change("server", "b") } }
    try await store.compactChanges(keeping: 1)
    #expect(Self.found(shelf, "a", try await Self.at(store, shelf)) == nil)
  }

  @Test func itIsBounded() async throws {
    let cloud = try await Fixture()
    let shelf = ServerShelf()
    let revision = try #require(try await Self.at(cloud.store, shelf))
    let text = [UInt8](repeating: 0, count: 64 << 10)
    for number in 0..<600 {
      shelf.keep([("\(number)", nil, text)], Self.view, at: revision)
      #expect(shelf.bytes <= ServerShelf.bytesMax)
    }
    for version in 1...20 {
      let view = ServerShelf.View(version: Microversion(2, version), root: "", admin: true, one: true)
      shelf.keep([("one", nil, [0])], view, at: revision)
    }
    #expect(shelf.bytes <= ServerShelf.bytesMax)
  }
}
