import Foundation
import HTTPTypes
import Hummingbird
public import Logging
import NIOCore

/// Serves a `Gateway` over HTTP/1.1 on a TCP port.
public struct HTTPListener: Sendable {
  /// A connection whose client neither sends nor is answered for so long is closed, in the middle of an upload too.
  static let idleTimeout = TimeAmount.seconds(75)

  private let gateway: Gateway
  private let host: String
  private let port: Int
  private let logger: Logger

  public init(gateway: Gateway, host: String, port: Int, logger: Logger) {
    self.gateway = gateway
    self.host = host
    self.port = port
    self.logger = logger
  }

  /// Listens until the task is cancelled. `ready` gets the port once it is open. Throws where it cannot be.
  public func run(ready: @escaping @Sendable (Int) async -> Void = { _ in }) async throws {
    let application = Application(
      responder: Responder(gateway: gateway, fallbackHost: "\(host):\(port)"),
      server: .http1(configuration: .init(idleTimeout: Self.idleTimeout)),
      configuration: .init(address: .hostname(host, port: port), serverName: nil),
      onServerRunning: { channel in await ready(channel.localAddress?.port ?? port) },
      logger: logger)
    try await application.run()
  }

  private struct Context: RequestContext {
    var coreContext: CoreRequestContextStorage
    let remoteAddress: String?

    init(source: ApplicationRequestContextSource) {
      coreContext = .init(source: source)
      remoteAddress = source.channel.remoteAddress?.ipAddress
    }
  }

  private struct Responder: HTTPResponder {
    let gateway: Gateway
    let fallbackHost: String

    func respond(to request: Request, context: Context) async throws -> Response {
      let body = request.body
      let raw = RawRequest(
        method: request.method.rawValue, target: request.uri.string,
        headers: request.headers.map { ($0.name.rawName, $0.value) },
        body: BodyStream {
          var iterator = body.makeAsyncIterator()
          return .init { try await iterator.next() }
        },
        baseURL: "http://" + (request.head.authority ?? fallbackHost), remoteAddress: context.remoteAddress)
      return Self.response(await gateway.respond(to: raw))
    }

    private static func response(_ reply: Reply) -> Response {
      var headers = HTTPFields()
      for (name, value) in reply.headers {
        if let field = HTTPField.Name(name) { headers.append(HTTPField(name: field, value: value)) }
      }
      let status = HTTPResponse.Status(code: reply.status)
      switch reply.body {
      case .none:
        return Response(status: status, headers: headers)
      case .bytes(let bytes, let type):
        headers[.contentType] = type
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
      case .stream(let type, let length, let write):
        headers[.contentType] = type
        return Response(
          status: status, headers: headers,
          body: .init(contentLength: length) { writer in
            let shared = WriterBox(writer)
            try await write { try await shared.write($0) }
            try await shared.finish()
          })
      }
    }
  }
}

/// Lets a route's `Sendable` sink write to Hummingbird's writer, which is an `inout` value.
///
/// `@unchecked Sendable`: a route writes its body from one task, one piece after the other, and the sink does not
/// outlive it.
private final class WriterBox: @unchecked Sendable {
  private var writer: any ResponseBodyWriter

  init(_ writer: any ResponseBodyWriter) { self.writer = writer }

  func write(_ bytes: [UInt8]) async throws { try await writer.write(ByteBuffer(bytes: bytes)) }

  func finish() async throws { try await writer.finish(nil) }
}
