import Auth
import Converge
import Foundation
import Kit
import Logging
import NIOCore
import Store
import StoreFixture
import Subprocess
import Testing

@testable import API
@testable import Images

/// An image service of its own, on a store and in a folder that go away with it.
final class Fixture: Sendable {
  let directory: String
  let store: any Store
  let service: ImagesService
  private let gateway: Gateway

  init(_ settings: BlobSettings = BlobSettings(freeBytesMin: 1 << 20)) async throws {
    directory = NSTemporaryDirectory() + "haneul-images-" + Identifier.uuid()
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    store = try StoreFixture.make(folder: directory)
    try await store.migrate(ImagesService.migrations)
    service = try ImagesService(store: store, directory: directory + "/images", settings: settings)
    gateway = Gateway(
      services: [service.api], tokens: Tokens(),
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
  }

  deinit { try? FileManager.default.removeItem(atPath: directory) }

  /// The same folder and store, as a process that starts after a crash sees them.
  func restarted() throws -> ImagesService {
    try ImagesService(store: store, directory: directory + "/images")
  }

  struct Answer {
    var status: Int
    var headers: [(name: String, value: String)]
    var bytes: [UInt8]
    var json: JSONValue { (try? JSONValue(parsing: bytes)) ?? .null }
    var text: String { String(decoding: bytes, as: UTF8.self) }
    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
  }

  /// Sends a request; the token `alice` is a member of project alice, `reader-alice` a reader, `admin` an administrator.
  func send(
    _ method: String, _ path: String, as token: String? = "alice", headers: [(name: String, value: String)] = [],
    body: BodyStream
  ) async throws -> Answer {
    let reply = await gateway.respond(
      to: RawRequest(
        method: method, target: "/image" + path, headers: headers + (token.map { [("X-Auth-Token", $0)] } ?? []),
        body: body, baseURL: "http://cloud", remoteAddress: nil))
    switch reply.body {
    case .none: return Answer(status: reply.status, headers: reply.headers, bytes: [])
    case .bytes(let bytes, _): return Answer(status: reply.status, headers: reply.headers, bytes: bytes)
    case .stream(_, let length, let write):
      let collector = Collector()
      try await write { await collector.append($0) }
      let bytes = await collector.bytes
      #expect(length == bytes.count)
      return Answer(status: reply.status, headers: reply.headers, bytes: bytes)
    }
  }

  func send(
    _ method: String, _ path: String, _ json: String = "", as token: String? = "alice",
    headers: [(name: String, value: String)] = []
  ) async throws -> Answer {
    try await send(method, path, as: token, headers: headers, body: BodyStream(bytes: Array(json.utf8)))
  }

  func patch(_ id: String, _ json: String, as token: String = "alice") async throws -> Answer {
    try await send(
      "PATCH", "/v2/images/\(id)", json, as: token,
      headers: [("Content-Type", "application/openstack-images-v2.1-json-patch")])
  }

  /// A new image's id.
  func create(_ json: String, as token: String = "alice") async throws -> String {
    let answer = try await send("POST", "/v2/images", json, as: token)
    #expect(answer.status == 201, "\(answer.text)")
    return try #require(answer.json["id"]?.string)
  }

  func create(format: String) async throws -> String {
    try await create(#"{"name": "x", "disk_format": "\#(format)", "container_format": "bare"}"#)
  }

  func upload(
    _ id: String, _ bytes: [UInt8], as token: String = "alice", headers: [(name: String, value: String)] = []
  ) async throws -> Answer {
    let pieces = stride(from: 0, to: bytes.count, by: 10_000).map {
      ByteBuffer(bytes: bytes[$0..<min($0 + 10_000, bytes.count)])
    }
    let (stream, continuation) = AsyncStream.makeStream(of: ByteBuffer.self)
    for piece in pieces { continuation.yield(piece) }
    continuation.finish()
    return try await upload(id, stream, as: token, headers: headers)
  }

  func upload(
    _ id: String, _ stream: AsyncStream<ByteBuffer>, as token: String = "alice",
    headers: [(name: String, value: String)] = []
  ) async throws -> Answer {
    let body = BodyStream(stream)
    return try await send(
      "PUT", "/v2/images/\(id)/file", as: token, headers: [("Content-Type", "application/octet-stream")] + headers,
      body: body)
  }

  func status(_ id: String) async throws -> String? {
    try await send("GET", "/v2/images/\(id)", as: "admin").json["status"]?.string
  }

  /// Names of the files in `incoming` or `blobs`.
  func files(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory + "/images/" + folder)
  }

  func sweep() async throws { for converger in service.convergers { try await converger.step() } }

  /// What `qemu-img create` makes of these arguments, where `@` is the new file.
  func qemuImage(_ arguments: String...) async throws -> [UInt8] {
    let path = directory + "/" + Identifier.uuid()
    let result = try await run(
      .name("qemu-img"), arguments: Arguments(["create", "-q"] + arguments.map { $0 == "@" ? path : $0 }),
      output: .discarded, error: .string(limit: 4096))
    #expect(result.terminationStatus.isSuccess, "\(result.standardError)")
    return try Array(Data(contentsOf: URL(fileURLWithPath: path)))
  }
}

private actor Collector {
  private(set) var bytes: [UInt8] = []
  func append(_ piece: [UInt8]) { bytes += piece }
}

/// A token is its project's name; `admin` and `reader-…` say their role.
private struct Tokens: TokenVerifier {
  func principal(token: Secret<String>) async throws -> Principal? {
    let name = token.reveal()
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
