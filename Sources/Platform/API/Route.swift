public import Auth

/// One route, declared with all that decides about it. A route without a permission does not compile.
public struct Route: Sendable {
  public enum Method: String, Sendable, CaseIterable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case patch = "PATCH"
    case delete = "DELETE"

    /// Whether a request by it asks for a change.
    var asksForChange: Bool { self != .get && self != .head }
  }

  /// A JSON body's size where the route says nothing else.
  public static let bodyBytesMax = 256 * 1024

  public let method: Method
  /// Below the service's prefix, `{name}` for a value: `/v2.1/servers/{server_id}`.
  public let path: String
  /// First and last microversion that has the route; nil is without end.
  public let since: Microversion?
  public let until: Microversion?
  public let permission: Permission
  /// The query it takes.
  public let query: QueryShape
  /// The body it takes.
  public let body: BodyShape
  /// Bytes read of a body at the most; a streamed one is bounded by its route.
  public let bytesMax: Int
  let handle: @Sendable (Call) async throws -> Reply

  public init(
    _ method: Method, _ path: String, since: Microversion? = nil, until: Microversion? = nil, _ permission: Permission,
    query: QueryShape, body: BodyShape = .unread, bytesMax: Int = Route.bodyBytesMax,
    _ handle: @escaping @Sendable (Call) async throws -> Reply
  ) {
    self.method = method
    self.path = path
    self.since = since
    self.until = until
    self.permission = permission
    self.query = query
    self.body = body
    self.bytesMax = bytesMax
    self.handle = handle
  }

  func serves(_ version: Microversion) -> Bool { version.isWithin(since, until) }
}

/// A service as the listener knows it.
public struct ServiceAPI: Sendable {
  /// First segment of its paths, `compute`.
  public let prefix: String
  public let faultStyle: FaultStyle
  public let versions: MicroversionRange?
  public let routes: [Route]

  public init(prefix: String, faultStyle: FaultStyle, versions: MicroversionRange? = nil, routes: [Route]) {
    self.prefix = prefix
    self.faultStyle = faultStyle
    self.versions = versions
    self.routes = routes
  }
}
