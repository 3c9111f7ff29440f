import Auth
public import Kit
public import Logging

/// Tells metrics, traces, the access log and the audit trail of each request.
public struct RequestWatch: RequestObserver {
  private let meter: RequestMeter
  private let tracer: Tracer?
  private let log: Logger?
  private let recorder: any RequestKeeper

  /// - Parameters:
  ///   - tracer: nil traces nothing.
  ///   - accessLog: gets a line for each request; nil writes none.
  ///   - keeper: keeps what the audit trail is made of.
  public init(meter: RequestMeter, tracer: Tracer?, accessLog: Logger?, keeper: any RequestKeeper) {
    self.meter = meter
    self.tracer = tracer
    log = accessLog
    recorder = keeper
  }

  public func began(requestID: String, globalRequestID: String?, traceParent: String?) -> RequestScope {
    meter.began()
    let span = tracer?.begin(requestID: requestID, traceparent: traceParent)
    return RequestScope(requestID: requestID, globalRequestID: globalRequestID, span: span)
  }

  public func answered(_ request: AnsweredRequest) {
    meter.answered(request)
    recorder.keep(request)
    if let span = request.scope?.span { span.add(Self.span(of: request, span)) }
    if let log { write(request, to: log) }
  }

  private static func span(of request: AnsweredRequest, _ span: RequestSpan) -> Span {
    var attributes: [(String, Span.Attribute)] = [
      ("http.request.method", .text(request.method)), ("http.response.status_code", .number(request.status)),
      ("url.path", .text(Scrubbed.text(request.path))), ("openstack.request_id", .text(request.requestID)),
    ]
    func add(_ name: String, _ value: String?) { if let value { attributes.append((name, .text(value))) } }
    add("http.route", request.route?.path)
    add("openstack.global_request_id", request.globalRequestID)
    add("openstack.service", request.service)
    add("user.id", request.caller?.userID)
    add("openstack.project.id", request.projectID)
    let place = (request.service.map { "/\($0)" } ?? "") + (request.route?.path ?? "")
    return Span(
      context: span.context, parentID: span.parentID, name: "\(request.method) \(place)", kind: .server,
      began: request.began,
      ended: Timestamp(microseconds: request.began.microseconds + request.nanoseconds / 1000), attributes: attributes,
      error: request.status >= 500 ? "status \(request.status)" : nil)
  }

  private func write(_ request: AnsweredRequest, to log: Logger) {
    var fields: Logger.Metadata = [
      "request_id": "\(request.requestID)", "method": "\(request.method)", "path": "\(request.path)",
      "status": "\(request.status)", "duration_us": "\(request.nanoseconds / 1000)",
      "bytes": "\(request.bytesOut)",
    ]
    fields["global_request_id"] = request.globalRequestID.map { "\($0)" }
    fields["user_id"] = request.caller.map { "\($0.userID)" }
    fields["project_id"] = request.projectID.map { "\($0)" }
    fields["remote"] = request.remoteAddress.map { "\($0)" }
    fields["refused"] = request.refusal.map { "\($0)" }
    log.info("request", metadata: fields)
  }
}

/// Keeps requests for those who ask later who did what.
public protocol RequestKeeper: Sendable {
  /// Returns at once; what cannot be kept is counted.
  func keep(_ request: AnsweredRequest)
}
