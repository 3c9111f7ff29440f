import Auth
import Crypto
import CryptoExtras
import Foundation
import Kit
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A real OpenID Connect issuer on this host: it shows its configuration and public keys over HTTP, and signs tokens.
final class TestIssuer: Sendable {
  /// What it signs with.
  enum Key: Sendable {
    case rsa(_RSA.Signing.PrivateKey)
    case p256(P256.Signing.PrivateKey)

    static func newRSA() throws -> Key { .rsa(try _RSA.Signing.PrivateKey(keySize: .bits2048)) }
    static func newP256() -> Key { .p256(P256.Signing.PrivateKey()) }

    var algorithm: String {
      switch self {
      case .rsa: "RS256"
      case .p256: "ES256"
      }
    }

    func sign(_ bytes: [UInt8]) throws -> [UInt8] {
      switch self {
      case .rsa(let key):
        Array(try key.signature(for: SHA256.hash(data: bytes), padding: .insecurePKCS1v1_5).rawRepresentation)
      case .p256(let key): Array(try key.signature(for: SHA256.hash(data: bytes)).rawRepresentation)
      }
    }

    /// As a member of a key set.
    func json(id: String) throws -> JSONValue {
      func text(_ bytes: some Sequence<UInt8>) -> JSONValue { .string(Base64URL.encode(Array(bytes))) }
      switch self {
      case .rsa(let key):
        let parts = try key.publicKey.getKeyPrimitives()
        return .object([
          "kty": .string("RSA"), "kid": .string(id), "use": .string("sig"), "alg": .string("RS256"),
          "n": text(parts.modulus), "e": text(parts.publicExponent),
        ])
      case .p256(let key):
        let point = key.publicKey.x963Representation
        return .object([
          "kty": .string("EC"), "kid": .string(id), "crv": .string("P-256"), "x": text(point.dropFirst().prefix(32)),
          "y": text(point.suffix(32)),
        ])
      }
    }
  }

  /// What it shows, by path, and how often it was asked.
  private final class Documents: Sendable {
    let shown = Mutex<[String: (status: HTTPResponseStatus, headers: HTTPHeaders, body: String)]>([:])
    let asked = Mutex<[String: Int]>([:])
  }
  private let documents = Documents()
  private let channel: any Channel
  /// The issuer's name, `http://127.0.0.1:…`.
  let url: String

  static let configurationPath = "/.well-known/openid-configuration"
  static let keysPath = "/keys"

  /// Shows these keys by their ids.
  init(keys: [String: Key] = [:]) async throws {
    let documents = documents
    channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.configureHTTPServerPipeline()
          try channel.pipeline.syncOperations.addHandler(Handler(documents))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    url = "http://127.0.0.1:\(channel.localAddress?.port ?? 0)"
    show(Self.configurationPath, #"{"issuer": "\#(url)", "jwks_uri": "\#(url)\#(Self.keysPath)"}"#)
    try show(keys: keys)
  }

  deinit { channel.close(promise: nil) }

  func show(_ path: String, _ body: String, status: HTTPResponseStatus = .ok, headers: HTTPHeaders = [:]) {
    documents.shown.withLock { $0[path] = (status, headers, body) }
  }

  func show(keys: [String: Key]) throws {
    let set = JSONValue.object([
      "keys": .array(try keys.sorted { $0.key < $1.key }.map { try $0.value.json(id: $0.key) })
    ])
    show(Self.keysPath, set.text)
  }

  /// How often a path was asked for.
  func asked(_ path: String) -> Int { documents.asked.withLock { $0[path] ?? 0 } }

  /// A signed token.
  static func token(
    _ claims: [String: JSONValue], _ key: Key, id: String?, header more: [String: JSONValue] = [:]
  ) throws -> String {
    var header: [String: JSONValue] = ["alg": .string(key.algorithm), "typ": .string("JWT")]
    if let id { header["kid"] = .string(id) }
    header.merge(more) { $1 }
    let signed = [header, claims].map { Base64URL.encode(Array(JSONValue.object($0).text.utf8)) }
      .joined(separator: ".")
    return signed + "." + Base64URL.encode(try key.sign(Array(signed.utf8)))
  }

  /// Claims of a person that are right in every respect, for the audience `openstack`.
  func claims(_ subject: String, at now: Timestamp, groups: [String] = []) -> [String: JSONValue] {
    let seconds = Int(now.microseconds / 1_000_000)
    return [
      "iss": .string(url), "sub": .string(subject), "aud": .string("openstack"), "exp": .int(seconds + 300),
      "iat": .int(seconds), "preferred_username": .string(subject), "email": .string("\(subject)@example.org"),
      "groups": .array(groups.map { .string($0) }),
    ]
  }

  /// Answers with what is shown. Used from one event loop only.
  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart
    private let documents: Documents
    private var path = ""

    init(_ documents: Documents) { self.documents = documents }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head): path = head.uri
      case .body: break
      case .end:
        documents.asked.withLock { $0[path, default: 0] += 1 }
        let found = documents.shown.withLock { $0[path] } ?? (.notFound, [:], "")
        var headers = found.headers
        headers.add(name: "Content-Length", value: String(found.body.utf8.count))
        context.write(
          wrapOutboundOut(.head(.init(version: .http1_1, status: found.status, headers: headers))), promise: nil)
        context.write(
          wrapOutboundOut(.body(.byteBuffer(context.channel.allocator.buffer(string: found.body)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
      }
    }
  }
}
