import CLinux
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// HTTP on the Unix socket: five routes, and the check of who is there.
struct LinkListener: Sendable {
  let server: NodeLinkServer
  let socketPath: String
  let allowedUIDs: Set<UInt32>

  /// The directory must be ours and closed to everybody else: who may not enter it cannot put another socket there.
  func checkDirectory() throws {
    var facts = clinux_path_facts()
    let directory = (socketPath as NSString).deletingLastPathComponent
    guard socketPath.utf8.count <= 107, clinux_path_facts(directory, &facts) == 0 else {
      throw LinkError.refused(status: 0, reason: "\(socketPath) is no place for a socket.")
    }
    guard facts.uid == geteuid(), facts.mode & 0o077 == 0 else {
      throw LinkError.refused(status: 0, reason: "\(directory) must be this user's own, with mode 0700.")
    }
  }

  func run(ready: @escaping @Sendable () async -> Void) async throws {
    let logger = server.logger
    let allowed = allowedUIDs
    let application = Application(
      responder: LinkResponder(server: server),
      server: .http1(
        configuration: .init(
          additionalChannelHandlers: [
            PeerGate(allowed: allowed) { uid in
              logger.error("a process of another user is turned away", metadata: ["uid": "\(uid)"])
            }
          ])),
      configuration: .init(address: .unixDomainSocket(path: socketPath), serverName: nil),
      onServerRunning: { _ in await ready() },
      logger: Logger(label: "nodelink") { _ in SwiftLogNoOpLogHandler() })
    try await application.run()
  }
}

/// Answers one request of a node.
private struct LinkResponder: HTTPResponder {
  typealias Context = BasicRequestContext

  let server: NodeLinkServer

  func respond(to request: Request, context: Context) async throws -> Response {
    do {
      return try await route(request)
    } catch let error as LinkError {
      guard case .refused(let status, let reason) = error else { return text(400, "Malformed.") }
      return text(status, reason)
    } catch {
      server.logger.error("a node's request failed", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
      return text(500, "Control could not do that.")
    }
  }

  private func route(_ request: Request) async throws -> Response {
    let path = request.uri.path
    let blobs = "/nodelink/v1/blobs/"
    switch (request.method, path) {
    case (.post, "/nodelink/v1/stream"):
      return try await stream(try await read(Hello.self, request, bytesMax: LinkLimit.reportBytesMax))
    case (.post, "/nodelink/v1/report"):
      let report = try await read(Report.self, request, bytesMax: LinkLimit.reportBytesMax)
      guard report.observations.count <= Report.observationsMax, report.events.count <= LinkLimit.eventsPerReportMax,
        (report.drift?.count ?? 0) <= Report.driftMax
      else { return text(413, "The report says too much at once.") }
      try await server.take(report)
      return Response(status: .ok)
    case (.post, "/nodelink/v1/answer"):
      await server.streams.answered(try await read(NodeAnswer.self, request, bytesMax: LinkLimit.answerBytesMax))
      return Response(status: .ok)
    case (.post, "/nodelink/v1/query"):
      let query = try await read(PeerQuery.self, request, bytesMax: LinkLimit.queryBytesMax)
      let body = try JSONEncoder().encode(await server.answer(query))
      return Response(
        status: .ok, headers: [.contentType: "application/json"], body: .init(byteBuffer: ByteBuffer(bytes: body)))
    case (.get, _) where path.hasPrefix(blobs):
      return try await blob(String(path.dropFirst(blobs.count)))
    default:
      return text(404, "There is nothing at this path.")
    }
  }

  private func read<Body: Decodable>(_ type: Body.Type, _ request: Request, bytesMax: Int) async throws -> Body {
    let buffer: ByteBuffer
    do { buffer = try await request.body.collect(upTo: bytesMax) } catch is NIOTooManyBytesError {
      throw LinkError.refused(status: 413, reason: "The body is longer than \(bytesMax) bytes.")
    }
    do { return try JSONDecoder().decode(type, from: Data(buffer.readableBytesView)) } catch {
      throw LinkError.refused(status: 400, reason: "The body is not what this path takes.")
    }
  }

  private func stream(_ hello: Hello) async throws -> Response {
    if let objection = server.objection(to: hello) {
      server.logger.error("a node is refused", metadata: ["node": "\(hello.nodeID)", "reason": "\(objection)"])
      return text(409, objection)
    }
    // What the node is, the services learn as from any report.
    try await server.take(hello)
    let server = server
    return Response(
      status: .ok, headers: [.contentType: "application/x-ndjson"],
      body: ResponseBody { writer in
        try await server.follow(hello) { try await writer.write(ByteBuffer(bytes: $0)) }
        try await writer.finish(nil)
      })
  }

  private func blob(_ digest: String) async throws -> Response {
    let isDigest = digest.utf8.count == 64 && digest.allSatisfy { $0.isHexDigit && !$0.isUppercase }
    guard isDigest, let blob = try await server.blobs.open(digest: digest) else {
      return text(404, "No blob has this digest.")
    }
    let pieces = blob.bytes
    return Response(
      status: .ok, headers: [.contentType: "application/octet-stream"],
      body: ResponseBody(contentLength: Int(blob.size)) { writer in
        for try await piece in pieces { try await writer.write(ByteBuffer(bytes: piece)) }
        try await writer.finish(nil)
      })
  }

  private func text(_ status: Int, _ reason: String) -> Response {
    Response(status: .init(code: status), body: .init(byteBuffer: ByteBuffer(string: reason)))
  }
}
