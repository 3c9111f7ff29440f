public import Auth
import Foundation
import Kit
public import Logging
import NIOCore
import Store

/// The one way in: request → route → version → principal → permission → body → service. It knows no socket: the
/// listener and the tests call it alike.
public struct Gateway: Sendable {
  struct Mounted: Sendable {
    let service: ServiceAPI
    let table: RouteTable
  }
  /// What becomes known of a request on its way.
  struct Progress {
    let requestID: String
    let path: String
    let scope: RequestScope?
    let began = Timestamp.now()
    var service: ServiceAPI?
    var match: MountedRoute?
    var caller: Principal?
    var bytesIn = 0
    /// What the fault says that it was answered with.
    var refusal: String?
  }

  private let services: [String: Mounted]
  private let tokens: any TokenVerifier
  let observer: (any RequestObserver)?
  private let probes: Probes
  let guards: Guards
  let logger: Logger

  /// `observer` is told of every request.
  public init(
    services: [ServiceAPI], tokens: any TokenVerifier, observer: (any RequestObserver)? = nil,
    probes: Probes = Probes(), limits: EdgeLimits = EdgeLimits(), logger: Logger
  ) {
    var mounted: [String: Mounted] = [:]
    var count = 0
    for service in services {
      mounted[service.prefix] = Mounted(service: service, table: RouteTable(service.routes, numberedFrom: count))
      count += service.routes.count
    }
    self.services = mounted
    self.tokens = tokens
    self.observer = observer
    self.probes = probes
    guards = Guards(limits)
    self.logger = logger
  }

  /// Every route of every service, for listings and the deny-by-default test.
  public var routes: [(service: ServiceAPI, route: Route)] {
    services.values.flatMap { mounted in mounted.service.routes.map { (mounted.service, $0) } }
  }

  func service(_ prefix: String) -> ServiceAPI? { services[prefix]?.service }

  /// Answers a request. Nothing is thrown: what goes wrong becomes the service's own fault.
  public func respond(to request: RawRequest) async -> Reply {
    let requestID = RequestIDs.next()
    guard let observer else { return await respond(to: request, requestID, nil) }
    let scope = observer.began(
      requestID: requestID, globalRequestID: request.globalRequestID,
      traceParent: request.headers[lowered: "traceparent"])
    return await RequestScope.$current.withValue(scope) { await respond(to: request, requestID, scope) }
  }

  private func respond(to request: RawRequest, _ requestID: String, _ scope: RequestScope?) async -> Reply {
    let target = RequestTarget(request.target)
    var progress = Progress(requestID: requestID, path: target.path, scope: scope)
    guard let first = target.segments.first, let mounted = services[first] else {
      let found = await probes.reply(target.segments, request)
      if let found { return finish(found, request, progress) }
      let fault = Fault.notFound("No service answers at this path.")
      progress.refusal = fault.message
      return finish(FaultStyle.nova.reply(fault, requestID: requestID), request, progress)
    }
    let service = mounted.service
    progress.service = service
    var reply: Reply
    do {
      reply = try await admitted(request, target, mounted, &progress)
    } catch {
      let fault = fault(for: error, service: service, requestID: requestID)
      progress.refusal = fault.message
      reply = service.faultStyle.reply(fault, requestID: requestID)
    }
    guards.bodies.give(progress.bytesIn)
    return finish(reply, request, progress)
  }

  /// Finds the route, and works on the request when it is its turn.
  private func admitted(
    _ request: RawRequest, _ target: RequestTarget, _ mounted: Mounted, _ progress: inout Progress
  ) async throws -> Reply {
    try guards.checkAddress(request.remoteAddress, at: request.began)
    let service = mounted.service
    let version = try Self.version(of: request, service.versions)
    switch try find(target.segments, request.method, version, in: mounted) {
    case .options(let reply): return reply
    case .route(let match, let parameters):
      let route = match.route
      progress.match = match
      let slot = try await guards.enter(isTransfer: route.takesBytes)
      defer { guards.leave(slot) }
      let call = try await open(request, target, route, parameters, version, &progress)
      var reply = try await handle(call, route)
      if let range = service.versions { addVersionHeaders(&reply, range, version) }
      return reply
    }
  }

  /// Everything between the route and its handler: who calls, whether that is allowed, query and body.
  private func open(
    _ request: RawRequest, _ target: RequestTarget, _ route: Route, _ parameters: [String: String],
    _ version: Microversion, _ progress: inout Progress
  ) async throws -> Call {
    let caller = try await authenticate(request)
    progress.caller = caller
    if let caller, let scope = progress.scope {
      scope.isAsked(byUser: caller.userID, name: caller.userName, project: caller.projectID)
    }
    if let caller { try Confinement.check(caller, method: request.method, target.segments) }
    try authorize(caller, for: route, request)
    if let project = caller?.projectID {
      try guards.checkProject(project, request.remoteAddress, at: request.began)
    }
    let reads = UndeclaredReads.watching(route)
    let query = try Query(parsing: target.query).checked(for: route, version, reads)
    let json = try await readJSON(request, route, &progress)
    try route.body.check(json, version)
    return Call(
      request, path: target.path, parameters: parameters, query: query, requestID: progress.requestID,
      version: version, json: json, caller: caller, permission: route.permission, reads: reads)
  }

  private func handle(_ call: Call, _ route: Route) async throws -> Reply {
    guard route.method.asksForChange else {
      let reply = try await route.handle(call)
      try call.reads?.finish()
      return reply
    }
    let step = "\(call.method) \(call.path)"
    CrashPoint.pass(.handleRequest, .before, step)
    let reply: Reply
    if route.takesBytes {
      // What handles long bodies may wait for a disk: not on a connection's thread.
      reply = try await withTaskExecutorPreference(globalConcurrentExecutor) { try await route.handle(call) }
    } else {
      reply = try await route.handle(call)
    }
    try call.reads?.finish()
    CrashPoint.pass(.handleRequest, .after, step)
    return reply
  }

  private enum Found {
    case route(MountedRoute, parameters: [String: String])
    case options(Reply)
  }

  private static func version(of request: RawRequest, _ range: MicroversionRange?) throws -> Microversion {
    guard let range else { return Microversion(1, 0) }
    if request.headers[lowered: "openstack-api-version"] == nil,
      range.legacyHeader.map({ request.header($0) == nil }) ?? true
    {
      return range.minimum
    }
    return try range.negotiate(header: request.header)
  }

  private func find(
    _ segments: [String], _ method: String, _ version: Microversion, in mounted: Mounted
  ) throws -> Found {
    guard let match = mounted.table.match(segments, from: 1) else {
      throw Fault.notFound("The resource could not be found.")
    }
    var reader: MountedRoute?
    for mounted in match.routes where mounted.route.serves(version) {
      if mounted.route.method.rawValue == method { return .route(mounted, parameters: match.parameters(of: mounted)) }
      if mounted.route.method == .get { reader = mounted }
    }
    if method == "HEAD", let reader { return .route(reader, parameters: match.parameters(of: reader)) }
    var methods = Set(match.routes.filter { $0.route.serves(version) }.map(\.route.method.rawValue))
    guard !methods.isEmpty else { throw Fault.notFound("The resource could not be found.") }
    if method == "OPTIONS", let status = mounted.service.faultStyle.optionsStatus {
      if methods.contains("GET") { methods.insert("HEAD") }
      methods.insert("OPTIONS")
      return .options(Reply(status: status, headers: [("Allow", methods.sorted().joined(separator: ", "))]))
    }
    throw Fault(
      405, "The method is not allowed for this resource.",
      headers: [("Allow", methods.sorted().joined(separator: ", "))])
  }

  /// The caller's principal. Identity comes from the token alone: headers that name a user, a project or roles are
  /// never read.
  private func authenticate(_ request: RawRequest) async throws -> Principal? {
    guard let token = request.headers[lowered: "x-auth-token"], !token.isEmpty else { return nil }
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

  /// What is read counts as bytes of bodies in memory until the request is answered: `progress` says how many.
  private func readJSON(
    _ request: RawRequest, _ route: Route, _ progress: inout Progress
  ) async throws -> JSONValue? {
    guard route.body.isParsed else { return nil }
    if case .none = request.body.source { return nil }
    let bytesMax = route.bytesMax
    let tooLarge = Fault(413, "The request's body is larger than \(bytesMax) bytes.")
    if let length = request.headers[lowered: "content-length"].flatMap({ Int($0) }), length > bytesMax {
      throw tooLarge
    }
    var bytes: [UInt8] = []
    for try await piece in request.body {
      guard bytes.count + piece.readableBytes <= bytesMax else { throw tooLarge }
      guard guards.bodies.take(piece.readableBytes) else { throw Fault.overloaded() }
      progress.bytesIn += piece.readableBytes
      bytes.append(contentsOf: piece.readableBytesView)
    }
    guard !bytes.isEmpty else { return nil }
    do { return try JSONValue(parsing: bytes) } catch {
      throw Fault.badRequest("The request's body is not valid JSON.")
    }
  }

  private func addVersionHeaders(_ reply: inout Reply, _ range: MicroversionRange, _ version: Microversion) {
    reply.headers.append(("OpenStack-API-Version", range.serviceType + " " + version.description))
    guard let legacy = range.legacyHeader else { return reply.headers.append(("Vary", "OpenStack-API-Version")) }
    reply.headers.append((legacy, version.description))
    reply.headers.append(("Vary", "OpenStack-API-Version, " + legacy))
  }
}
