import API
import Auth
import Contracts
import Foundation
public import Kit
import Logging
import Store
import StoreFixture
import Synchronization
import Testing

@testable import Explain
@testable import NodeLink

/// The service behind a gateway, with a store of its own, a shelf of resources that stand for the services', and nodes
/// that report what the test says.
final class Fixture: Sendable {
  private let directory: String
  let store: any Store
  let service: ExplainService
  let gateway: Gateway
  let link: NodeLinkServer
  let shelf = Shelf()
  let paths = Paths()
  static let now = Timestamp(microseconds: 1_800_000_000_000_000)
  let now = Fixture.now
  static let tag = CloudTag(cloudID: "abcd0000-0000-4000-8000-000000000000")

  init() async throws {
    directory = NSTemporaryDirectory() + "haneul-explain-" + Identifier.uuid()
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    store = try StoreFixture.make(folder: directory)
    try await store.migrate(NodeLinkServer.migrations + ExplainService.migrations)
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let paths = paths
    service = ExplainService(
      store: store, tellers: [shelf], identity: People(), access: Access(), cloudTag: Self.tag,
      pathQuery: { try await paths.answer(node: $0, port: $1) }, logger: logger, now: { Fixture.now })
    link = NodeLinkServer(
      store: store, cloudID: "abcd0000-0000-4000-8000-000000000000", blobs: NoBlobs(), observers: [service],
      logger: logger)
    gateway = Gateway(
      services: [service.api(describing: []), Shelf.api(shelf)], tokens: Tokens(),
      observer: RequestWatch(meter: RequestMeter(), tracer: nil, accessLog: nil, keeper: service), logger: logger)
  }

  deinit { try? FileManager.default.removeItem(atPath: directory) }

  // MARK: Asking

  struct Answer {
    var status: Int
    var text: String
    var type: String
    var headers: [(name: String, value: String)]
    var json: JSONValue { (try? JSONValue(parsing: text)) ?? .null }
  }

  /// A token is a name: `admin`, `demo` (project `p-demo`), `other` (project `p-other`), `reader`, `system`.
  func send(
    _ method: String, _ target: String, as token: String? = "admin", accept: String? = nil, body: String = "",
    headers: [(name: String, value: String)] = []
  ) async -> Answer {
    let all =
      headers + (token.map { [("X-Auth-Token", $0)] } ?? []) + (accept.map { [("Accept", $0)] } ?? [])
    let reply = await gateway.respond(
      to: RawRequest(
        method: method, target: target, headers: all, body: BodyStream(bytes: Array(body.utf8)),
        baseURL: "http://cloud", remoteAddress: nil))
    guard case .bytes(let bytes, let type) = reply.body else {
      return Answer(status: reply.status, text: "", type: "", headers: reply.headers)
    }
    return Answer(
      status: reply.status, text: String(decoding: bytes, as: UTF8.self), type: type, headers: reply.headers)
  }

  func get(_ path: String, as token: String? = "admin") async -> Answer {
    await send("GET", "/haneul/v1" + path, as: token)
  }

  func text(_ path: String, as token: String? = "admin") async -> String {
    await send("GET", "/haneul/v1" + path, as: token, accept: "text/plain").text
  }

  /// The story as JSON.
  func explain(_ subject: String, as token: String = "admin") async throws -> JSONValue {
    let answer = await get("/explain/\(subject)", as: token)
    try #require(answer.status == 200, "\(answer.text)")
    return try #require(answer.json["explain"])
  }

  // MARK: What nodes say

  static let facts = NodeFacts(
    hostname: "host-one", vcpus: 4, memoryMiB: 4608, diskGiB: 100, diskFreeGiB: 90, hypervisorVersion: 7_002_000,
    libvirtVersion: 9_000_000, accelerator: "kvm", cpuModel: "x")
  static let node = "0e000000-0000-4000-8000-000000000001"

  func report(
    _ observations: [Observation] = [], events: [StepEvent] = [], drift: [DriftFinding]? = nil, node: String = node
  ) async throws {
    try await link.take(
      Report(nodeID: node, facts: Self.facts, observations: observations, events: events, drift: drift))
  }

  /// Asks the node to hold an object; its generation.
  @discardableResult
  func hold(_ kind: ObjectKind, _ id: String, node: String = node, requestID: String? = nil) async throws -> Int64 {
    try await store.write { tx in
      let key = ObjectKey(kind, id)
      // What it should be does not matter here; each time it is something else.
      let spec = ObjectSpec.addressSet(AddressSetSpec(id: Identifier.uuid(), addresses: []))
      try ManifestTable.put(tx, node: node, key, spec, requestID: requestID)
      return try ManifestTable.find(tx, node: node, key)?.generation ?? 0
    }
  }

  static func finding(
    _ subject: String, _ field: DriftField, key: ObjectKey? = nil, asked: String = "running", found: String = "off",
    since: Timestamp = now, done: String = "booted again", settled: Timestamp? = nil
  ) -> DriftFinding {
    DriftFinding(
      subject: subject, key: key, field: field, asked: asked, found: found, since: since, done: done, settled: settled)
  }
}

/// What nodes answer when they are asked for the way of packets.
final class Paths: Sendable {
  enum Reply: Sendable {
    case path(PacketPath)
    case bytes([UInt8]?)
    case failure(QueryError)
    /// It never answers.
    case silence
  }
  private let reply = Mutex(Reply.bytes(nil))
  private let asked = Mutex<[String]>([])

  func set(_ new: Reply) { reply.withLock { $0 = new } }
  var questions: [String] { asked.withLock { $0 } }

  func answer(node: String, port: String) async throws -> [UInt8]? {
    asked.withLock { $0.append("\(node) \(port)") }
    switch reply.withLock({ $0 }) {
    case .path(let path): return Array(try JSONEncoder().encode(path))
    case .bytes(let bytes): return bytes
    case .failure(let error): throw error
    case .silence:
      try await Task.sleep(for: .seconds(600))
      return nil
    }
  }
}

private struct NoBlobs: BlobSource {
  func open(
    digest: String
  ) async throws -> (size: Int64, bytes: any AsyncSequence<[UInt8], any Error> & Sendable)? { nil }
}

private struct People: IdentityContract {
  func project(_ tx: Transaction, id: String) throws -> ProjectRecord? { nil }

  func names(_ tx: Transaction, users: Set<String>, projects: Set<String>) throws -> IdentityNames {
    let known = ["u-demo": "demo", "u-admin": "admin", "u-other": "other"]
    let grouped = ["p-demo": "demo project", "p-admin": "admin project", "p-other": "other project"]
    return IdentityNames(
      users: known.filter { users.contains($0.key) }, projects: grouped.filter { projects.contains($0.key) })
  }
}

struct Tokens: TokenVerifier {
  func principal(token: Secret<String>) async throws -> Principal? { Self.principal(token.reveal()) }

  static func principal(_ name: String) -> Principal {
    let roles = ["admin": ["admin", "member", "reader"], "reader": ["reader"], "system": ["reader"]][name]
    let user = name == "reader" ? "demo" : name
    return Principal(
      userID: "u-\(user)", userName: user, userDomainID: "default", userDomainName: "Default",
      scope: name == "system"
        ? .system
        : .project(.init(id: "p-\(user)", name: "\(user) project", domainID: "default", domainName: "Default")),
      roles: (roles ?? ["member", "reader"]).map { .init(id: $0, name: $0) }, methods: ["password"], auditIDs: ["a"],
      issuedAt: .now(), expiresAt: .now().adding(seconds: 60), applicationCredential: nil)
  }
}

// In tests JSON is written as it is.
extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int) { self = .int(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
}
