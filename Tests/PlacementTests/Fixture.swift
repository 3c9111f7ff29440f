import API
import Auth
import Contracts
import Foundation
import Kit
import Logging
import NodeLink
import Placement
import Store
import StoreFixture
import Synchronization
import Testing

/// A ledger of its own, with a clock that the test sets.
final class Fixture: Sendable {
  private let directory: String
  let store: any Store
  let service: PlacementService
  private let gateway: Gateway
  private let clock: Clock

  private final class Clock: Sendable {
    let now = Mutex(Timestamp(microseconds: 1_800_000_000_000_000))
  }

  init() async throws {
    directory = NSTemporaryDirectory() + "haneul-placement-" + Identifier.uuid()
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    store = try StoreFixture.make(folder: directory)
    try await store.migrate(PlacementService.migrations)
    let clock = Clock()
    self.clock = clock
    service = PlacementService(store: store, now: { clock.now.withLock { $0 } })
    gateway = Gateway(
      services: [service.api], tokens: Tokens(),
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
  }

  deinit { try? FileManager.default.removeItem(atPath: directory) }

  func wait(seconds: Double) { clock.now.withLock { $0 = $0.adding(seconds: seconds) } }

  /// A host that reports in; its id.
  @discardableResult
  func host(
    _ name: String, id: String = Identifier.uuid(), vcpus: Int = 4, memory: Int = 4608, disk: Int = 100
  ) async throws -> String {
    let facts = NodeFacts(
      hostname: name, vcpus: vcpus, memoryMiB: memory, diskGiB: disk, diskFreeGiB: disk, hypervisorVersion: 7_002_000,
      libvirtVersion: 9_000_000, accelerator: "kvm", cpuModel: "x")
    try await report(id, facts)
    return id
  }

  func report(_ node: String, _ facts: NodeFacts? = nil) async throws {
    let service = service
    try await store.write {
      try service.observe($0, node: node, report: Report(nodeID: node, facts: facts, observations: [], events: []))
    }
  }

  func claim(
    _ server: String = Identifier.uuid(), vcpus: Int = 1, memory: Int = 1024, disk: Int = 1, project: String = "p"
  ) async throws -> HostRecord? {
    let service = service
    return try await store.write {
      try service.claim(
        $0, serverID: server, projectID: project, userID: "u",
        resources: Resources(vcpus: vcpus, memoryMiB: memory, diskGiB: disk))
    }
  }

  func release(_ server: String) async throws {
    let service = service
    try await store.write { try service.release($0, serverID: server) }
  }

  func hosts() async throws -> [HostRecord] {
    let service = service
    return try await store.read { try service.hosts($0) }
  }

  func get(
    _ path: String, _ version: String = "1.39", as token: String? = "admin", method: String = "GET"
  ) async throws -> (status: Int, json: JSONValue, headers: [(name: String, value: String)]) {
    let reply = await gateway.respond(
      to: RawRequest(
        method: method, target: "/placement" + path,
        headers: [("OpenStack-API-Version", "placement \(version)")] + (token.map { [("X-Auth-Token", $0)] } ?? []),
        body: BodyStream(bytes: []), baseURL: "http://cloud", remoteAddress: nil))
    guard case .bytes(let bytes, _) = reply.body else { return (reply.status, .null, reply.headers) }
    return (reply.status, try JSONValue(parsing: bytes), reply.headers)
  }
}

/// A token is its role.
private struct Tokens: TokenVerifier {
  func principal(token: Secret<String>) async throws -> Principal? {
    let name = token.reveal()
    let roles = name == "admin" ? ["admin", "member", "reader"] : ["member", "reader"]
    return Principal(
      userID: "u", userName: name, userDomainID: "default", userDomainName: "Default",
      scope: .project(.init(id: "p", name: "p", domainID: "default", domainName: "Default")),
      roles: roles.map { .init(id: $0, name: $0) }, methods: ["password"], auditIDs: ["a"], issuedAt: .now(),
      expiresAt: .now().adding(seconds: 60), applicationCredential: nil)
  }
}
