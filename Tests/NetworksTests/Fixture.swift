import API
import Auth
import Contracts
import Foundation
import Kit
import Logging
import NodeLink
import Store
import StoreFixture
import Testing

@testable import Networks

/// Tokens that say who they are: `admin`, `alice` and `amy` (members of project A), `rita` (its reader), `bob`
/// (member of project B).
struct FakeTokens: TokenVerifier {
  let projectA: String
  let projectB: String
  let admins: String

  func principal(token: Secret<String>) async throws -> Principal? { principal(token.reveal()) }

  func principal(_ name: String) -> Principal? {
    switch name {
    case "admin": make(name, admins, ["admin", "member", "reader"])
    case "alice", "amy": make(name, projectA, ["member", "reader"])
    case "rita": make(name, projectA, ["reader"])
    case "bob": make(name, projectB, ["member", "reader"])
    default: nil
    }
  }

  private func make(_ name: String, _ project: String, _ roles: [String]) -> Principal {
    Principal(
      userID: name, userName: name, userDomainID: "default", userDomainName: "Default",
      scope: .project(.init(id: project, name: project, domainID: "default", domainName: "Default")),
      roles: roles.map { .init(id: $0, name: $0) }, methods: ["password"], auditIDs: ["x"], issuedAt: .now(),
      expiresAt: Timestamp.now().adding(seconds: 3600), applicationCredential: nil)
  }
}

/// One answer.
struct Answer: CustomStringConvertible {
  var status: Int
  var json: JSONValue
  var description: String { "\(status) \(json.text)" }

  subscript(name: String) -> JSONValue { json[name] ?? .null }
  subscript(path name: String) -> String { json[path: name] }
  /// Neutron's word for what went wrong.
  var fault: String { json["NeutronError"]?["type"]?.string ?? "" }
}

extension JSONValue {
  subscript(path name: String) -> String { self[name]?.string ?? "" }
  var ids: [String] { array?.compactMap { $0["id"]?.string } ?? [] }
}

/// Remembers who was told.
final class FakeFollower: PortFollower {
  func portsChanged(_ tx: Transaction, servers: [String], requestID: String?) throws {
    for server in servers { try tx.change("told", server) }
  }
}

/// A network service on a store of its own, asked through the gateway.
final class Fixture: Sendable {
  let folder: URL
  let store: any Store
  let networks: NetworksService
  let gateway: Gateway
  let tokens = FakeTokens(projectA: Identifier.hex(), projectB: Identifier.hex(), admins: Identifier.hex())
  let node = "node-1"

  init() async throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "networks-\(Identifier.hex())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    store = try StoreFixture.make(folder: folder.path)
    var logger = Logger(label: "test")
    logger.logLevel = .error
    networks = NetworksService(store: store, logger: logger)
    networks.follow(with: FakeFollower())
    try await store.migrate(ManifestTable.migrations + NetworksService.migrations)
    gateway = Gateway(services: [networks.api], tokens: tokens, logger: logger)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  @discardableResult
  func call(
    _ method: String, _ path: String, _ body: String? = nil, as who: String = "alice",
    headers: [(name: String, value: String)] = []
  ) async throws -> Answer {
    let target = path.hasPrefix("/network/") || path == "/network" ? path : "/network/v2.0" + path
    let reply = await gateway.respond(
      to: RawRequest(
        method: method, target: target, headers: [("X-Auth-Token", who)] + headers,
        body: BodyStream(bytes: Array((body ?? "").utf8)), baseURL: "http://cloud", remoteAddress: nil))
    var bytes: [UInt8] = []
    switch reply.body {
    case .none: break
    case .bytes(let all, _): bytes = all
    case .stream(_, _, let write):
      let box = Box()
      try await write { await box.add($0) }
      bytes = await box.bytes
    }
    return Answer(status: reply.status, json: bytes.isEmpty ? .null : try JSONValue(parsing: bytes))
  }

  /// Creates and returns the resource.
  func make(
    _ plural: String, _ body: String, as who: String = "alice", sourceLocation: SourceLocation = #_sourceLocation
  )
    async throws -> JSONValue
  {
    var singular = String(plural.dropLast()).replacing("-", with: "_")
    if singular.hasSuffix("ie") { singular = String(singular.dropLast(2)) + "y" }
    let answer = try await call("POST", "/\(plural)", "{\"\(singular)\": \(body)}", as: who)
    #expect(answer.status == 201, "\(answer)", sourceLocation: sourceLocation)
    return answer[singular]
  }

  /// A network with an IPv4 subnet; returns their ids.
  func network(_ cidr: String = "10.1.0.0/24", as who: String = "alice", shared: Bool = false) async throws -> (
    network: String, subnet: String
  ) {
    let network = try await make("networks", shared ? "{\"shared\": true}" : "{}", as: who)
    let id = network[path: "id"]
    let subnet = try await make(
      "subnets", "{\"network_id\": \"\(id)\", \"ip_version\": \(cidr.contains(":") ? 6 : 4), \"cidr\": \"\(cidr)\"}",
      as: who)
    return (id, subnet[path: "id"])
  }

  /// The external network and its subnet's id.
  func external() async throws -> String {
    guard let cidr = CIDR("203.0.113.0/24") else { throw CancellationError() }
    return try await networks.bootstrapExternal(cidr: cidr, projectID: tokens.admins)
  }

  // MARK: Nodes and servers

  func report(_ observations: [Observation] = [], from node: String? = nil) async throws {
    let name = node ?? self.node
    let facts = NodeFacts(
      hostname: "host-of-\(name)", vcpus: 2, memoryMiB: 1024, diskGiB: 10, diskFreeGiB: 10,
      hypervisorVersion: 7_002_000,
      libvirtVersion: 9_000_000, accelerator: "qemu", cpuModel: "max")
    try await store.write { [networks] tx in
      try networks.observe(
        tx, node: name, report: Report(nodeID: name, facts: facts, observations: observations, events: []))
    }
  }

  func attach(
    _ server: String, _ requests: [CardRequest]?, groups: [String] = [], as who: String = "alice",
    node: String? = "node-1"
  ) async throws -> [ServerPort] {
    guard let principal = tokens.principal(who) else { throw CancellationError() }
    return try await store.write { [networks] tx in
      try networks.attach(
        tx, server: ServerReference(id: server, projectID: principal.projectID ?? "", hostname: "vm"),
        requests: requests, securityGroups: groups, principal: principal, nodeID: node, requestID: "req-test")
    }
  }

  func release(_ server: String) async throws {
    try await store.write { [networks] tx in try networks.release(tx, serverID: server, requestID: "req-test") }
  }

  /// The living objects of the node's manifest.
  func manifest(_ node: String = "node-1") async throws -> [ObjectKey: ObjectSpec] {
    try await store.read { tx in
      let rows = try tx.query(
        "SELECT kind, object_id, spec FROM manifest WHERE node_id = \(node) AND tombstone = 0"
      ) { ($0.text(0), $0.text(1), $0.text(2)) }
      var objects: [ObjectKey: ObjectSpec] = [:]
      for (kind, id, spec) in rows {
        guard let kind = ObjectKind(rawValue: kind) else { continue }
        objects[ObjectKey(kind, id)] = try JSONDecoder().decode(ObjectSpec.self, from: Data(spec.utf8))
      }
      return objects
    }
  }

  func tombstones(_ node: String = "node-1") async throws -> Int {
    try await store.read { try $0.count("SELECT count(*) FROM manifest WHERE node_id = \(node) AND tombstone = 1") }
  }
}

/// Gathers the pieces of a streamed body.
actor Box {
  var bytes: [UInt8] = []
  func add(_ piece: [UInt8]) { bytes += piece }
}

extension [ObjectKey: ObjectSpec] {
  func network(_ id: String) -> NetworkSpec? {
    if case .network(let spec)? = self[ObjectKey(.network, id)] { spec } else { nil }
  }
  func port(_ id: String) -> PortSpec? { if case .port(let spec)? = self[ObjectKey(.port, id)] { spec } else { nil } }
  func router(_ id: String) -> RouterSpec? {
    if case .router(let spec)? = self[ObjectKey(.router, id)] { spec } else { nil }
  }
  func group(_ id: String) -> SecurityGroupSpec? {
    if case .securityGroup(let spec)? = self[ObjectKey(.securityGroup, id)] { spec } else { nil }
  }
  func set(_ id: String) -> AddressSetSpec? {
    if case .addressSet(let spec)? = self[ObjectKey(.addressSet, id)] { spec } else { nil }
  }
}

extension Fixture {
  /// The status of a thrown fault.
  func status(_ error: (any Error)?) -> Int { (error as? Fault)?.status ?? 0 }
}

extension [ObjectKey: ObjectSpec] {
  var ports: Set<String> { Set(keys.filter { $0.kind == .port }.map(\.id)) }
}
