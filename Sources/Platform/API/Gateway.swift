public import Auth
import Foundation
import Kit
public import Logging
import NIOCore
import Store

/// A request before anything is known of it.
public struct RawRequest: Sendable {
  public var method: String
  /// Path and query as they came.
  public var target: String
  public var headers: [(name: String, value: String)]
  public var body: BodyStream
  public var baseURL: String
  public var remoteAddress: String?

  public init(
    method: String, target: String, headers: [(name: String, value: String)], body: BodyStream, baseURL: String,
    remoteAddress: String?
  ) {
    self.method = method
    self.target = target
    self.headers = headers
    self.body = body
    self.baseURL = baseURL
    self.remoteAddress = remoteAddress
  }

  /// The first value of a header, by name in any case.
  public func header(_ name: String) -> String? {
    headers.first { $0.name.caseInsensitiveCompare(name) == .orderedSame }?.value
  }
}

/// The one way in: request → route → version → principal → permission → body → service. It knows no socket: the
/// listener and the tests call it alike.
public struct Gateway: Sendable {
  private struct Mounted: Sendable {
    let service: ServiceAPI
    let table: RouteTable
  }
  private let services: [String: Mounted]
  private let tokens: any TokenVerifier
  private let recorder: (any RequestRecorder)?
  private let logger: Logger

  /// `recorder` is told of every request that asks for a change.
  public init(
    services: [ServiceAPI], tokens: any TokenVerifier, recorder: (any RequestRecorder)? = nil, logger: Logger
  ) {
    self.services = Dictionary(
      services.map { ($0.prefix, Mounted(service: $0, table: RouteTable($0.routes))) }, uniquingKeysWith: { $1 })
    self.tokens = tokens
    self.recorder = recorder
    self.logger = logger
  }

  /// Every route of every service, for listings and the deny-by-default test.
  public var routes: [(service: ServiceAPI, route: Route)] {
    services.values.flatMap { mounted in mounted.service.routes.map { (mounted.service, $0) } }
  }

  /// Answers a request. Nothing is thrown: what goes wrong becomes the service's own fault.
  public func respond(to request: RawRequest) async -> Reply {
    let requestID = Identifier.request()
    let halves = request.target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let path = String(halves.first ?? "/")
    let segments = path.split(separator: "/").map { $0.removingPercentEncoding ?? String($0) }
    guard let first = segments.first, let mounted = services[first] else {
      return finish(
        FaultStyle.nova.reply(.notFound("No service answers at this path."), requestID: requestID), requestID)
    }
    let service = mounted.service
    let began = (wall: Timestamp.now(), ticks: ContinuousClock.now)
    var asker: Principal?
    var reply: Reply
    do {
      let version = try service.versions?.negotiate(header: request.header) ?? Microversion(1, 0)
      let (route, parameters) = try find(Array(segments.dropFirst()), request.method, version, in: mounted)
      let caller = try await authenticate(request)
      if route.method.asksForChange, route.permission.rule != .open { asker = caller }
      try authorize(caller, for: route, request)
      let json = try await readJSON(request, route.body)
      let call = Call(
        method: request.method, path: path, parameters: parameters,
        query: try Query(parsing: halves.count > 1 ? halves[1] : ""), requestID: requestID, baseURL: request.baseURL,
        remoteAddress: request.remoteAddress, version: version, json: json, stream: request.body, caller: caller,
        headerValue: { request.header($0) })
      let step = "\(request.method) \(path)"
      if route.method.asksForChange { CrashPoint.pass(.handleRequest, .before, step) }
      reply = try await route.handle(call)
      if route.method.asksForChange { CrashPoint.pass(.handleRequest, .after, step) }
      if let range = service.versions { addVersionHeaders(&reply, range, version) }
    } catch {
      reply = service.faultStyle.reply(fault(for: error, service: service, requestID: requestID), requestID: requestID)
    }
    if let asker { record(request, path, requestID, asker, began, reply) }
    return finish(reply, requestID, headOnly: request.method == "HEAD")
  }

  private func record(
    _ request: RawRequest, _ path: String, _ requestID: String, _ asker: Principal,
    _ began: (wall: Timestamp, ticks: ContinuousClock.Instant), _ reply: Reply
  ) {
    guard let recorder else { return }
    let took = ContinuousClock.now - began.ticks
    let global = request.header("X-OpenStack-Request-ID").flatMap { Identifier.isRequest($0) ? $0 : nil }
    var record = RequestRecord(
      requestID: requestID, globalRequestID: global, method: request.method, path: path, caller: asker,
      began: began.wall, microseconds: Int64(took / .microseconds(1)), status: reply.status)
    record.read(reply)
    recorder.record(record)
  }

  private func find(
    _ segments: [String], _ method: String, _ version: Microversion, in mounted: Mounted
  ) throws -> (Route, [String: String]) {
    guard let match = mounted.table.match(segments) else { throw Fault.notFound("The resource could not be found.") }
    let serving = match.routes.filter { $0.serves(version) }
    guard !serving.isEmpty else { throw Fault.notFound("The resource could not be found.") }
    let wanted = method == "HEAD" && !serving.contains(where: { $0.method == .head }) ? "GET" : method
    guard let route = serving.first(where: { $0.method.rawValue == wanted }) else {
      let allowed = Set(serving.map(\.method.rawValue)).sorted().joined(separator: ", ")
      throw Fault(405, "The method is not allowed for this resource.", headers: [("Allow", allowed)])
    }
    return (route, match.parameters)
  }

  /// The caller's principal. Identity comes from the token alone: headers that name a user, a project or roles are
  /// never read.
  private func authenticate(_ request: RawRequest) async throws -> Principal? {
    guard let token = request.header("X-Auth-Token"), !token.isEmpty else { return nil }
    return try await tokens.principal(token: Secret(token))
  }

  private func authorize(_ caller: Principal?, for route: Route, _ request: RawRequest) throws {
    if route.permission.allows(caller) { return }
    guard caller != nil else {
      throw Fault(
        401, "The request you have made requires authentication.",
        headers: [("WWW-Authenticate", "Keystone uri=\"\(request.baseURL)/identity\"")])
    }
    throw Fault.forbidden("Policy doesn't allow \(route.permission.name) to be performed.")
  }

  private func readJSON(_ request: RawRequest, _ rule: Route.BodyRule) async throws -> JSONValue? {
    guard case .json(let bytesMax) = rule else { return nil }
    let tooLarge = Fault(413, "The request's body is larger than \(bytesMax) bytes.")
    if let length = request.header("Content-Length").flatMap({ Int($0) }), length > bytesMax { throw tooLarge }
    var bytes: [UInt8] = []
    for try await piece in request.body {
      guard bytes.count + piece.readableBytes <= bytesMax else { throw tooLarge }
      bytes.append(contentsOf: piece.readableBytesView)
    }
    guard !bytes.isEmpty else { return nil }
    do { return try JSONValue(parsing: bytes) } catch {
      throw Fault.badRequest("The request's body is not valid JSON.")
    }
  }

  private func addVersionHeaders(_ reply: inout Reply, _ range: MicroversionRange, _ version: Microversion) {
    reply.headers.append(("OpenStack-API-Version", "\(range.serviceType) \(version)"))
    var vary = "OpenStack-API-Version"
    if let legacy = range.legacyHeader {
      reply.headers.append((legacy, version.description))
      vary += ", \(legacy)"
    }
    reply.headers.append(("Vary", vary))
  }

  private func finish(_ reply: Reply, _ requestID: String, headOnly: Bool = false) -> Reply {
    var reply = reply
    reply.headers.append(("X-Openstack-Request-Id", requestID))
    reply.headers.append(("X-Compute-Request-Id", requestID))
    if headOnly, case .bytes(_, let type) = reply.body { reply.headers.append(("Content-Type", type)) }
    if headOnly { reply.body = .none }
    return reply
  }

  /// What an operator must do is said by kind; the rest is in the log.
  private static func outage(_ kind: StoreError.Kind) -> Fault {
    let reason =
      switch kind {
      case .full: "its disk is full"
      case .readOnly: "it can only be read"
      default: "its disk fails"
      }
    return Fault(
      503, "The cloud's store cannot take this now: \(reason). Nothing was changed. Try again later.",
      headers: [("Retry-After", "10")])
  }

  /// The fault a client sees: ours as it is, the store's by kind, anything else a 500 that says nothing of the inside.
  private func fault(for error: any Error, service: ServiceAPI, requestID: String) -> Fault {
    switch error {
    case let fault as Fault: return fault
    case is AsyncSlots.Full: return .overloaded()
    case let error as StoreError where error.kind == .overloaded || error.kind == .busy: return .overloaded()
    case let error as StoreError where error.isOutage:
      logger.critical("the store's disk fails", metadata: ["request_id": "\(requestID)", "error": "\(error)"])
      return Self.outage(error.kind)
    default:
      logger.error(
        "request failed", metadata: ["request_id": "\(requestID)", "service": "\(service.prefix)", "error": "\(error)"])
      return Fault(500, "An unexpected error prevented the server from fulfilling your request (\(requestID)).")
    }
  }
}
