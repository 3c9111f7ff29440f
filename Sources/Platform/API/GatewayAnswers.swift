import Kit
import Logging
import NIOCore
import Store

extension Gateway {
  /// Puts on what every answer carries, and tells the observer.
  func finish(_ reply: Reply, _ request: RawRequest, _ progress: Progress) -> Reply {
    var reply = reply
    reply.headers.append(("X-Openstack-Request-Id", progress.requestID))
    if progress.service?.faultStyle == .nova { reply.headers.append(("X-Compute-Request-Id", progress.requestID)) }
    if request.method == "HEAD" { reply.dropBody() }
    guard let observer else { return reply }
    var seen = AnsweredRequest(
      service: progress.service?.prefix, route: progress.match?.label, method: request.method, path: progress.path,
      status: reply.status, caller: progress.caller, requestID: progress.requestID,
      globalRequestID: request.globalRequestID, scope: progress.scope,
      userAgent: request.headers[lowered: "user-agent"],
      began: progress.began, nanoseconds: 0, bytesIn: progress.bytesIn, remoteAddress: request.remoteAddress,
      refusal: progress.refusal)
    if case .live(let body) = request.body.source { seen.bytesIn = body.total }
    seen.read(reply)
    guard case .stream(let type, let length, let write) = reply.body else {
      if case .bytes(let bytes, _) = reply.body { seen.bytesOut = bytes.count }
      seen.nanoseconds = (NIODeadline.now() - request.began).nanoseconds
      observer.answered(seen)
      return reply
    }
    reply.body = .stream(
      contentType: type, length: length, Self.counting(write, since: request.began, seen, observer))
    return reply
  }

  /// Tells the observer when the last piece was taken, or the client is gone.
  private static func counting(
    _ write: @escaping @Sendable (@escaping Reply.Sink) async throws -> Void, since began: NIODeadline,
    _ seen: AnsweredRequest, _ observer: any RequestObserver
  ) -> @Sendable (@escaping Reply.Sink) async throws -> Void {
    { sink in
      let count = Budget(.max)
      defer {
        var seen = seen
        seen.bytesOut = count.inUse
        seen.nanoseconds = (NIODeadline.now() - began).nanoseconds
        observer.answered(seen)
      }
      try await write { bytes in
        try await sink(bytes)
        count.force(bytes.count)
      }
    }
  }

  /// The answer to what never became a request that could be routed: malformed, too slow, too large.
  func refuse(_ fault: Fault, method: String, target: String, remoteAddress: String?) -> Reply {
    let request = RawRequest(
      method: method, target: target, headers: RequestHeaders(), body: BodyStream(.none), baseURL: "",
      remoteAddress: remoteAddress)
    let parts = RequestTarget(target)
    let requestID = RequestIDs.next()
    let scope = observer?.began(requestID: requestID, globalRequestID: nil, traceParent: nil)
    var progress = Progress(requestID: requestID, path: parts.path, scope: scope)
    progress.service = parts.segments.first.flatMap { service($0) }
    progress.refusal = fault.message
    return finish((progress.service?.faultStyle ?? .nova).reply(fault, requestID: requestID), request, progress)
  }

  /// What an operator must do is said by kind; the rest is in the log.
  private static func outage(_ kind: StoreError.Kind) -> Fault {
    if kind == .outcomeUnknown {
      return Fault(
        503, "The cloud's store went away while it kept this: it may have been done or not. Look before trying again.",
        headers: [("Retry-After", "10")])
    }
    let reason =
      switch kind {
      case .unavailable: "its server does not answer"
      case .full: "its disk is full"
      case .readOnly: "it can only be read"
      default: "its disk fails"
      }
    return Fault(
      503, "The cloud's store cannot take this now: \(reason). Nothing was changed. Try again later.",
      headers: [("Retry-After", "10")])
  }

  /// The fault a client sees: ours as it is, the store's by kind, anything else a 500 that says nothing of the inside.
  func fault(for error: any Error, service: ServiceAPI, requestID: String) -> Fault {
    switch error {
    case let fault as Fault: return fault
    case is IncomingBody.Ended: return Fault.badRequest("The request's body ended too early.")
    case is AsyncSlots.Full: return .overloaded()
    case let error as StoreError where error.kind == .overloaded || error.kind == .busy: return .overloaded()
    case let error as StoreError where error.isOutage:
      logger.critical("the store fails", metadata: ["request_id": "\(requestID)", "error": "\(error)"])
      return Self.outage(error.kind)
    case let error as StoreError where error.kind == .unstorable:
      return Fault.badRequest("The request holds a character that cannot be stored.")
    default:
      logger.error(
        "request failed", metadata: ["request_id": "\(requestID)", "service": "\(service.prefix)", "error": "\(error)"])
      return Fault(500, "An unexpected error prevented the server from fulfilling your request (\(requestID)).")
    }
  }
}

extension Route {
  /// Whether it takes its body as it comes.
  var takesBytes: Bool { if case .stream = body { true } else { false } }
}
