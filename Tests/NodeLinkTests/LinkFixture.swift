import Foundation
import Kit
import Logging
import NodeLink
import Store
import StoreFixture
import Synchronization
import Testing

/// Control's end of a link on a real socket, over a real store, in a directory of its own.
final class LinkFixture: Sendable {
  let directory: String
  let store: any Store
  let observer = RememberingObserver()
  let blobs = MemoryBlobs()
  let cloudID = Identifier.uuid()
  let node = "node-" + Identifier.uuid()
  var socketPath: String { directory + "/nodelink.sock" }

  init() async throws {
    // Short: a socket's path has 107 bytes.
    directory = "/tmp/haneul-link-" + Identifier.hex().prefix(8)
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    store = try StoreFixture.make(folder: directory)
    try await store.claim(cloudID: cloudID, epoch: 1)
    try await store.migrate(NodeLinkServer.migrations)
  }

  deinit { try? FileManager.default.removeItem(atPath: directory) }

  func server() -> NodeLinkServer {
    NodeLinkServer(store: store, cloudID: cloudID, blobs: blobs, observers: [observer], logger: .quiet)
  }

  func epoch() async throws -> Int64? { try await store.read { try StoreIdentity.read($0)?.epoch } }

  /// Runs the server and a client for as long as `body` takes.
  func withLink(
    epoch: Int64 = 1, allowedUIDs: Set<UInt32>? = nil, controlUID: UInt32 = UInt32(geteuid()),
    _ body: (NodeLinkServer, NodeLinkClient) async throws -> Void
  ) async throws {
    try await store.write { try StoreIdentity.raise($0, epoch: epoch) }
    let server = server()
    let (readiness, isReady) = AsyncStream.makeStream(of: Void.self)
    let path = socketPath
    let task = Task {
      defer { isReady.finish() }
      try await server.run(socketPath: path, allowedUIDs: allowedUIDs) { isReady.yield() }
    }
    for await _ in readiness { break }
    let client = NodeLinkClient(socketPath: path, controlUID: controlUID, logger: .quiet)
    let result: Result<Void, any Error>
    do { result = .success(try await body(server, client)) } catch { result = .failure(error) }
    try await client.close()
    task.cancel()
    _ = try? await task.value
    try result.get()
  }

  func hello(epoch: Int64 = 0, held: [Hello.Held] = [], cloudID: String? = nil) -> Hello {
    Hello(nodeID: node, facts: .example, cloudID: cloudID, epoch: epoch, held: held)
  }

  @discardableResult
  func put(_ id: String, _ addresses: [String], requestID: String? = "req-1") async throws -> Int64 {
    let (node, key) = (node, ObjectKey(.addressSet, id))
    return try await store.write { tx in
      try ManifestTable.put(
        tx, node: node, key, .addressSet(AddressSetSpec(id: id, addresses: addresses)), requestID: requestID)
      return try #require(try ManifestTable.find(tx, node: node, key)).generation
    }
  }

  @discardableResult
  func bury(_ id: String) async throws -> Bool {
    let (node, key) = (node, ObjectKey(.addressSet, id))
    return try await store.write { try ManifestTable.bury($0, node: node, key, requestID: "req-2") }
  }
}

/// Keeps the reports it is told, and can be made to fail.
final class RememberingObserver: NodeObserver {
  struct Failure: Error {}
  let reports = Mutex<[Report]>([])
  let fails = Mutex(false)

  func observe(_ tx: Transaction, node: String, report: Report) throws {
    if fails.withLock({ $0 }) { throw Failure() }
    reports.withLock { $0.append(report) }
  }
}

final class MemoryBlobs: BlobSource {
  let blobs = Mutex<[String: [UInt8]]>([:])

  func open(digest: String) async throws -> (size: Int64, bytes: any AsyncSequence<[UInt8], any Error> & Sendable)? {
    guard let bytes = blobs.withLock({ $0[digest] }) else { return nil }
    let stream = AsyncThrowingStream<[UInt8], any Error> { continuation in
      var rest = bytes[...]
      while !rest.isEmpty {
        continuation.yield(Array(rest.prefix(65536)))
        rest = rest.dropFirst(65536)
      }
      continuation.finish()
    }
    return (Int64(bytes.count), stream)
  }
}

/// Takes a stream's messages one by one.
struct Messages {
  private var iterator: AsyncThrowingStream<LinkMessage, any Error>.AsyncIterator

  init(_ client: NodeLinkClient, _ hello: Hello) { iterator = client.messages(hello: hello).makeAsyncIterator() }

  mutating func next() async throws -> LinkMessage? { try await iterator.next(isolation: #isolation) }

  /// Everything up to `synced`, the welcome and it left out.
  mutating func untilSynced() async throws -> [LinkMessage] {
    guard case .welcome = try await next() else { throw Unexpected() }
    var messages: [LinkMessage] = []
    while let message = try await next() {
      if case .synced = message { return messages }
      messages.append(message)
    }
    throw Unexpected()
  }
}

struct Unexpected: Error {}

extension Logger {
  static var quiet: Logger { Logger(label: "nodelink") { _ in SwiftLogNoOpLogHandler() } }
}

extension NodeFacts {
  static let example = NodeFacts(
    hostname: "host", vcpus: 4, memoryMiB: 8192, diskGiB: 50, diskFreeGiB: 40, hypervisorVersion: 7_002_000,
    libvirtVersion: 9_000_000, accelerator: "qemu", cpuModel: "qemu64")
}

extension LinkMessage {
  /// `put a@3`, `bury a@4`, or the message's name.
  var short: String {
    switch self {
    case .object(let object): "put \(object.key.id)@\(object.generation)"
    case .tombstone(let tombstone): "bury \(tombstone.key.id)@\(tombstone.generation)"
    case .welcome: "welcome"
    case .synced: "synced"
    case .unknown(let keys): "unknown " + keys.map(\.id).joined(separator: " ")
    case .query: "query"
    case .ping: "ping"
    }
  }
}
