import API
import Auth
import Contracts
import Foundation
import Identity
import Kit
import Logging
import Store
import StoreFixture
import Synchronization
import Testing

/// An identity service of its own: a store and keys in a temporary directory, a clock to be moved, one way in.
final class Fixture: Sendable {
  static let adminPassword = "admin secret"
  static let demoPassword = "demo secret"

  let directory: URL
  let store: any Store
  let identity: IdentityService
  let gateway: Gateway
  let ids: BootstrapResult
  private let clock: Clock

  /// The host's clock plus what a test moved it by.
  private final class Clock: Sendable {
    let offset = Mutex(0.0)
    var now: Timestamp { Timestamp.now().adding(seconds: offset.withLock { $0 }) }
  }

  /// What bootstrap makes, made once for all tests: hashing passwords is what takes time. Each test gets a copy.
  private struct Template: Sendable {
    let store: KeptStore
    /// Files by their path below the directory.
    let files: [String: Data]
    let ids: BootstrapResult
    let adminToken: String
    let demoToken: String
  }

  private static let template = Task {
    let directory = FileManager.default.temporaryDirectory.appending(path: "haneul-identity-\(Identifier.hex())")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    let made = try StoreFixture.fresh(folder: directory.path)
    let store = made.store
    try await store.migrate(IdentityService.migrations)
    let identity = try service(store, directory, Clock())
    let ids = try await identity.bootstrap(adminPassword: Secret(adminPassword), demoPassword: Secret(demoPassword))
    let gateway = Gateway(services: [identity.api], tokens: identity, logger: logger)
    let adminToken = try await login(gateway, "admin", adminPassword, project: "admin")
    let demoToken = try await login(gateway, "demo", demoPassword, project: "demo")
    var files: [String: Data] = [:]
    for name in ["keys/0", "keys/1"] {
      files[name] = try Data(contentsOf: directory.appending(path: name))
    }
    let kept = try KeptStore(made, folder: directory.path)
    try FileManager.default.removeItem(at: directory)
    return Template(store: kept, files: files, ids: ids, adminToken: adminToken, demoToken: demoToken)
  }

  private static let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
  private let template: Template

  private static func service(
    _ store: any Store, _ directory: URL, _ clock: Clock, _ settings: IdentitySettings = IdentitySettings(),
    holders: [any ResourceHolder] = []
  ) throws -> IdentityService {
    try IdentityService(
      store: store, keysDirectory: directory.appending(path: "keys").path,
      credentialKeysDirectory: directory.appending(path: "credential-keys").path, baseURL: "http://cloud.test:9090/",
      settings: settings, hasher: hasher, logger: logger, holders: holders,
      now: { clock.now })
  }

  init(settings: IdentitySettings = IdentitySettings(), holders: [any ResourceHolder] = []) async throws {
    template = try await Self.template.value
    directory = FileManager.default.temporaryDirectory.appending(path: "haneul-identity-\(Identifier.hex())")
    clock = Clock()
    ids = template.ids
    try FileManager.default.createDirectory(
      at: directory.appending(path: "keys"), withIntermediateDirectories: true)
    for (name, data) in template.files { try data.write(to: directory.appending(path: name)) }
    store = try template.store.copy(folder: directory.path)
    identity = try Self.service(store, directory, clock, settings, holders: holders)
    gateway = Gateway(services: [identity.api], tokens: identity, logger: Self.logger)
  }

  /// One for all tests, so that they together do not hash more than two passwords at a time.
  private static let hasher = PasswordHasher(concurrency: 2, waitingMax: 10_000)

  deinit { try? FileManager.default.removeItem(at: directory) }

  /// The service's clock.
  var now: Timestamp { clock.now }

  func moveClock(seconds: Double) { clock.offset.withLock { $0 += seconds } }

  /// The user `admin`'s token for its project, issued before the test.
  func admin() async throws -> String { template.adminToken }

  /// The plain member's token, issued before the test.
  func demo() async throws -> String { template.demoToken }

  /// A new token of the plain member's.
  func freshAdmin() async throws -> String {
    try await Self.login(gateway, "admin", Self.adminPassword, project: "admin")
  }

  func freshDemo() async throws -> String {
    try await Self.login(gateway, "demo", Self.demoPassword, project: "demo")
  }

  private static func login(
    _ gateway: Gateway, _ name: String, _ password: String, project: String
  ) async throws -> String {
    let scope = #"{"project": {"name": "\#(project)", "domain": {"id": "default"}}}"#
    let reply = await send(gateway, "POST", "/v3/auth/tokens", Bodies.password(name, password, scope: scope))
    #expect(reply.status == 201)
    return try reply.token
  }

  /// A request below `/identity`.
  func send(
    _ method: String, _ path: String, _ body: String? = nil, token: String? = nil, headers: [(String, String)] = []
  ) async -> Answer {
    await Self.send(gateway, method, path, body, token: token, headers: headers)
  }

  private static func send(
    _ gateway: Gateway, _ method: String, _ path: String, _ body: String? = nil, token: String? = nil,
    headers: [(String, String)] = []
  ) async -> Answer {
    var all: [(name: String, value: String)] = headers.map { ($0.0, $0.1) }
    if let token { all.append(("X-Auth-Token", token)) }
    let reply = await gateway.respond(
      to: RawRequest(
        method: method, target: "/identity" + path, headers: all, body: BodyStream(bytes: Array((body ?? "").utf8)),
        baseURL: "http://seen.test", remoteAddress: nil))
    return await Answer(reply)
  }

  /// Makes a thing as administrator and returns its id.
  func make(_ path: String, _ body: String, token: String) async throws -> String {
    let reply = await send("POST", path, body, token: token)
    try #require(reply.status == 201, "\(path): \(reply.text)")
    return try #require(reply.json.object?.values.first { $0["id"] != nil }?["id"]?.string)
  }

  func role(_ name: String, token: String) async throws -> String {
    let reply = await send("GET", "/v3/roles?name=\(name)", token: token)
    return try #require(reply.json["roles"]?.array?.first?["id"]?.string)
  }
}

/// An answer, read.
struct Answer: Sendable {
  var status: Int
  var headers: [String: String]
  var text: String
  var json: JSONValue

  init(_ reply: Reply) async {
    status = reply.status
    headers = Dictionary(reply.headers.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    let bytes = Mutex<[UInt8]>([])
    switch reply.body {
    case .none: break
    case .bytes(let all, _): bytes.withLock { $0 = all }
    case .stream(_, _, let write): try? await write { piece in bytes.withLock { $0 += piece } }
    }
    let all = bytes.withLock { $0 }
    text = String(decoding: all, as: UTF8.self)
    json = (try? JSONValue(parsing: all)) ?? .null
  }

  var token: String { get throws { try #require(headers["X-Subject-Token"]) } }

  /// Ids of a list's elements.
  func ids(_ name: String) -> [String] { json[name]?.array?.compactMap { $0["id"]?.string } ?? [] }

  func names(_ name: String) -> [String] { json[name]?.array?.compactMap { $0["name"]?.string }.sorted() ?? [] }

  /// Whether it is a fault in Keystone's shape.
  func isFault(_ status: Int) -> Bool {
    self.status == status && json["error"]?["code"]?.int == status && json["error"]?["message"]?.string != nil
      && json["error"]?["title"]?.string != nil
  }
}

/// Bodies of `POST /auth/tokens`.
enum Bodies {
  static func password(_ name: String, _ password: String, scope: String? = nil) -> String {
    identity(
      #""methods": ["password"], "password": {"user": {"name": "\#(name)", "domain": {"name": "Default"}, "password": "\#(password)"}}"#,
      scope)
  }

  static func token(_ token: String, scope: String? = nil) -> String {
    identity(#""methods": ["token"], "token": {"id": "\#(token)"}"#, scope)
  }

  static func credential(_ members: String, scope: String? = nil) -> String {
    identity(#""methods": ["application_credential"], "application_credential": {\#(members)}"#, scope)
  }

  static func project(_ id: String) -> String { #"{"project": {"id": "\#(id)"}}"# }

  private static func identity(_ members: String, _ scope: String?) -> String {
    #"{"auth": {"identity": {\#(members)}"# + (scope.map { #", "scope": \#($0)"# } ?? "") + "}}"
  }
}
