import Kit
import NIOCore

/// A request before anything is known of it.
public struct RawRequest: Sendable {
  public var method: String
  /// Path and query as they came.
  public var target: String
  public var headers: RequestHeaders
  public var body: BodyStream
  /// `http://host:port` as the client reached us, through trusted proxies too.
  public var baseURL: String
  /// Behind a trusted proxy the client's own address; nil in process.
  public var remoteAddress: String?
  /// When its head was read.
  let began: NIODeadline

  init(
    method: String, target: String, headers: RequestHeaders, body: BodyStream, baseURL: String, remoteAddress: String?
  ) {
    self.method = method
    self.target = target
    self.headers = headers
    self.body = body
    self.baseURL = baseURL
    self.remoteAddress = remoteAddress
    began = .now()
  }

  public init(
    method: String, target: String, headers: [(name: String, value: String)], body: BodyStream, baseURL: String,
    remoteAddress: String?
  ) {
    self.init(
      method: method, target: target, headers: RequestHeaders(headers), body: body, baseURL: baseURL,
      remoteAddress: remoteAddress)
  }

  /// The client's own id for what may be many requests; nil where it gave none, or something else.
  var globalRequestID: String? {
    headers[lowered: "x-openstack-request-id"].flatMap { Identifier.isRequest($0) ? $0 : nil }
  }

  /// The first value of a header, by name in any case.
  public func header(_ name: String) -> String? { headers.first(name) }
}
