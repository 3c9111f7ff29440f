import API
import Auth
import Contracts
import Converge
import Foundation
import Kit
import Logging
import NodeLink
import Store
import StoreFixture
import Synchronization
import Testing

@testable import Compute

/// A compute service of its own: a store that goes away with it, fake neighbours, a node that is played by the test.
final class Fixture: Sendable {
  static let nodeID = "aaaaaaaa-0000-4000-8000-000000000001"
  static let imageID = "bbbbbbbb-0000-4000-8000-000000000001"
  static let digest = String(repeating: "d", count: 64)

  let directory: String
  let store: any Store
  let service: ComputeService
  private let gateway: Gateway
  /// What the guest wrote on its console.
  let console = Mutex<[UInt8]?>(nil)
  private let clock = Clock()

  private final class Clock: Sendable {
    /// Of the wall clock from the host's, in seconds.
    let offset = Mutex(0.0)
    /// What nobody can step, in seconds.
    let uptime = Mutex(0.0)
  }
  private let convergers: [any Converger]

  /// Whether reports wake the loops, as the feed does.
  private let settles: Bool

  init(hosts: Int = 1, vcpus: Int = 64, settles: Bool = true) async throws {
    self.settles = settles
    directory = NSTemporaryDirectory() + "haneul-compute-" + Identifier.uuid()
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    store = try StoreFixture.make(folder: directory)
    try await store.migrate(ManifestTable.migrations + ComputeService.migrations + Fakes.migrations)
    let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    let box = Box()
    service = ComputeService(
      store: store, placement: FakePlacement(), networks: FakeNetworks(), images: FakeImages(),
      cloudTag: CloudTag(cloudID: "abcd1234"),
      consoleQuery: { _, _, bytesMax in box.fixture?.console.withLock { $0.map { Array($0.suffix(bytesMax)) } } },
      logger: logger, now: { [clock] in Timestamp.now().adding(seconds: clock.offset.withLock { $0 }) },
      uptime: { [clock] in .milliseconds(Int64(clock.uptime.withLock { $0 } * 1000)) })
    convergers = service.convergers
    gateway = Gateway(services: [service.api], tokens: Tokens(), logger: logger)
    box.set(self)
    try await service.bootstrap()
    try await store.write { tx in
      for number in 0..<hosts {
        try tx.execute(
          """
          INSERT INTO fake_host (node_id, hostname, vcpus, memory_mib, disk_gib, enabled)
          VALUES (\(Self.node(number)), \("host\(number)"), \(vcpus), 262144, 4000, 1)
          """)
      }
      try tx.execute(
        """
        INSERT INTO fake_image (id, owner, status, digest, format, bytes, virtual_bytes, min_disk, min_ram)
        VALUES (\(Self.imageID), '', 'active', \(Self.digest), 'qcow2', 1000, 69206016, 0, 64)
        """)
    }
    for number in 0..<hosts {
      try await report(
        [], node: Self.node(number),
        facts: NodeFacts(
          hostname: "host\(number)", vcpus: vcpus, memoryMiB: 262144, diskGiB: 4000, diskFreeGiB: 3000,
          hypervisorVersion: 7_002_000, libvirtVersion: 9_000_000, accelerator: "qemu", cpuModel: "qemu64"))
    }
    for converger in convergers { try await converger.step() }
  }

  deinit { try? FileManager.default.removeItem(atPath: directory) }

  static func node(_ number: Int) -> String { "aaaaaaaa-0000-4000-8000-00000000000\(number + 1)" }

  /// The fixture, for closures that are made before it is.
  private final class Box: Sendable {
    private struct Weak: Sendable { weak var value: Fixture? }
    private let held = Mutex(Weak())
    var fixture: Fixture? { held.withLock { $0.value } }
    func set(_ fixture: Fixture) { held.withLock { $0.value = fixture } }
  }

  // MARK: Requests

  struct Answer {
    var status: Int
    var headers: [(name: String, value: String)]
    var text: String
    var json: JSONValue { (try? JSONValue(parsing: text)) ?? .null }
    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
  }

  /// Tokens: `alice`, `bob` are members of projects of their names, `reader-alice` a reader, `admin` an administrator.
  func send(
    _ method: String, _ path: String, _ body: String = "", as token: String? = "alice", version: String = "2.1"
  ) async -> Answer {
    let answer = await send(by: gateway, method, path, body, as: token, version: version)
    if method == "GET", path.hasPrefix("/v2.1/servers"), answer.status == 200 {
      await compare(answer, path, token, version)
    }
    return answer
  }

  /// What servers look like is kept (`ServerShelf`): whatever a test asks for must be what a process says that keeps
  /// nothing.
  private func compare(_ first: Answer, _ path: String, _ token: String?, _ version: String) async {
    var kept = first.text
    // Something may change between two requests: then they are asked again.
    for _ in 0..<10 {
      let fresh = await send(by: unkept(), "GET", path, "", as: token, version: version).text
      if fresh == kept { return }
      kept = await send(by: gateway, "GET", path, "", as: token, version: version).text
      if fresh == kept { return }
    }
    Issue.record("\(path): what was kept differs from what is")
  }

  /// The same service as a process that has just begun has it.
  private func unkept() -> Gateway {
    let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    let service = ComputeService(
      store: store, placement: FakePlacement(), networks: FakeNetworks(), images: FakeImages(),
      cloudTag: CloudTag(cloudID: "abcd1234"),
      consoleQuery: { [weak self] _, _, bytesMax in self?.console.withLock { $0.map { Array($0.suffix(bytesMax)) } } },
      logger: logger, now: { [clock] in Timestamp.now().adding(seconds: clock.offset.withLock { $0 }) },
      uptime: { [clock] in .milliseconds(Int64(clock.uptime.withLock { $0 } * 1000)) })
    return Gateway(services: [service.api], tokens: Tokens(), logger: logger)
  }

  private func send(
    by gateway: Gateway, _ method: String, _ path: String, _ body: String, as token: String?, version: String
  ) async -> Answer {
    let headers = [("OpenStack-API-Version", "compute \(version)")] + (token.map { [("X-Auth-Token", $0)] } ?? [])
    let reply = await gateway.respond(
      to: RawRequest(
        method: method, target: "/compute" + path, headers: headers, body: BodyStream(bytes: Array(body.utf8)),
        baseURL: "http://cloud", remoteAddress: nil))
    guard case .bytes(let bytes, _) = reply.body else {
      return Answer(status: reply.status, headers: reply.headers, text: "")
    }
    return Answer(status: reply.status, headers: reply.headers, text: String(decoding: bytes, as: UTF8.self))
  }

  func get(_ path: String, as token: String? = "alice", version: String = "2.1") async -> JSONValue {
    await send("GET", path, as: token, version: version).json
  }

  /// The body of a create with the usual members, `more` before them.
  static func body(_ more: String = "", name: String = "one") -> String {
    #"{"server": {\#(more)"name": "\#(name)", "flavorRef": "42", "imageRef": "\#(imageID)"}}"#
  }

  /// A new server's id.
  func create(
    _ more: String = "", name: String = "one", as token: String = "alice", version: String = "2.1"
  ) async throws -> String {
    let answer = await send("POST", "/v2.1/servers", Self.body(more, name: name), as: token, version: version)
    #expect(answer.status == 202, "\(answer.text)")
    return try #require(answer.json["server"]?["id"]?.string)
  }

  /// A server that runs.
  func running(_ more: String = "", name: String = "one", as token: String = "alice", version: String = "2.1")
    async throws -> String
  {
    let id = try await create(more, name: name, as: token, version: version)
    try await observe(id, .running)
    return id
  }

  func act(_ id: String, _ body: String, as token: String = "alice", version: String = "2.1") async -> Answer {
    await send("POST", "/v2.1/servers/\(id)/action", body, as: token, version: version)
  }

  func server(_ id: String, as token: String = "alice", version: String = "2.1") async -> JSONValue {
    await get("/v2.1/servers/\(id)", as: token, version: version)["server"] ?? .null
  }

  func status(_ id: String) async -> String? { await server(id)["status"]?.string }

  var interfaces: InterfaceSagas {
    InterfaceSagas(
      lifecycle: ServerLifecycle(placement: FakePlacement(), networks: FakeNetworks(), images: FakeImages()))
  }

  // MARK: The node

  func report(_ observations: [Observation], node: String = nodeID, facts: NodeFacts? = nil) async throws {
    let report = Report(nodeID: node, facts: facts, observations: observations, events: [])
    try await store.write { [service] tx in try service.observe(tx, node: node, report: report) }
    if settles { try await settle() }
  }

  /// What the loops do when the feed wakes them.
  func settle() async throws {
    for converger in convergers where converger.followsChanges { try await converger.step() }
  }

  /// What the node holds of a server.
  func spec(_ id: String, node: String = nodeID) async throws -> ServerSpec? {
    let text = try await store.read { tx in
      try tx.first(
        "SELECT spec FROM manifest WHERE node_id = \(node) AND kind = 'server' AND object_id = \(id) AND tombstone = 0"
      ) { $0.text(0) }
    }
    guard let text else { return nil }
    guard case .server(let spec) = try JSONDecoder().decode(ObjectSpec.self, from: Data(text.utf8)) else { return nil }
    return spec
  }

  func generation(_ id: String) async throws -> Int64 {
    let key = ObjectKey(.server, id)
    return try await store.read { try ManifestTable.find($0, node: Self.nodeID, key)?.generation } ?? 0
  }

  /// Says that the server is seen so, at what is asked now unless said otherwise.
  func observe(
    _ id: String, _ power: ServerObservation.Power, bootEpoch: Int? = nil, step: String? = nil,
    portIDs: [String]? = nil, operation: ServerObservation.OperationResult? = nil, condition: Condition? = nil,
    generation: Int64? = nil
  ) async throws {
    let spec = try await spec(id)
    let current = try await self.generation(id)
    try await report([
      Observation(
        key: ObjectKey(.server, id), generation: generation ?? current, ready: condition == nil && step == nil,
        server: ServerObservation(
          power: power, bootEpoch: bootEpoch ?? spec?.bootEpoch ?? 0, rootDiskID: spec?.rootDisk.id, step: step,
          portIDs: portIDs ?? spec?.nics.map(\.portID) ?? [], operation: operation), condition: condition)
    ])
  }

  /// Says that nothing is left of the server.
  func observeRemoved(_ id: String) async throws {
    try await report([
      Observation(key: ObjectKey(.server, id), generation: try await generation(id), ready: true, removed: true)
    ])
  }

  func condition(_ type: String, attempts: Int = 1) -> Condition {
    Condition(type: type, message: "It is \(type).", since: .now(), attempts: attempts)
  }

  /// Lets time pass, with the loops running. `wall`: the wall clock goes on too, and no host is heard of meanwhile.
  func pass(seconds: Double, wall: Bool = true) async throws {
    var left = seconds
    while left > 0 {
      let stride = min(left, 10)
      if wall { stepWallClock(seconds: stride) }
      clock.uptime.withLock { $0 += stride }
      for converger in convergers { try await converger.step() }
      left -= stride
    }
  }

  /// Lets time pass without the loops, which then run once.
  func sleep(seconds: Double) async throws {
    stepWallClock(seconds: seconds)
    clock.uptime.withLock { $0 += seconds }
    for converger in convergers { try await converger.step() }
  }

  /// Sets the wall clock on or back: no time passes.
  func stepWallClock(seconds: Double) { clock.offset.withLock { $0 += seconds } }

  func count(_ table: String) async throws -> Int {
    try await store.read { try $0.count("SELECT count(*) FROM \(raw: table)") }
  }

  /// A port of alice's that is attached to nothing.
  func freePort(_ address: String) async throws -> String {
    let id = Identifier.uuid()
    try await store.write { tx in
      _ = try tx.execute(
        """
        INSERT INTO fake_port (number, id, project_id, network, address, mac, groups)
        VALUES ((SELECT COALESCE(max(number), 0) + 1 FROM fake_port), \(id), 'alice', \(FakeNetworks.networkID), \(address), 'fa:16:3e:00:00:99', 'default')
        """)
    }
    return id
  }
}

/// A token is its project's name; `admin` and `reader-…` say their role.
private struct Tokens: TokenVerifier {
  func principal(token: Secret<String>) async throws -> Principal? {
    let name = token.reveal()
    return name == "wrong" ? nil : Fixture.principal(name)
  }
}

extension Fixture {
  static func principal(_ name: String) -> Principal {
    let isReader = name.hasPrefix("reader-")
    let project = isReader ? String(name.dropFirst("reader-".count)) : name
    let roles = name == "admin" ? ["admin", "member", "reader"] : isReader ? ["reader"] : ["member", "reader"]
    return Principal(
      userID: "user-\(name)", userName: name, userDomainID: "default", userDomainName: "Default",
      scope: .project(.init(id: project, name: project, domainID: "default", domainName: "Default")),
      roles: roles.map { .init(id: $0, name: $0) }, methods: ["password"], auditIDs: ["a"], issuedAt: .now(),
      expiresAt: .now().adding(seconds: 60), applicationCredential: nil)
  }
}
