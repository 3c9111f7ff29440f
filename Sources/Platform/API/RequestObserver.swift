public import Auth
public import Kit

/// An answered request, for metrics, logs, traces and the audit trail. It carries no body, no query and no secret.
public struct AnsweredRequest: Sendable {
  /// A route as it was declared.
  public struct RouteName: Sendable, Hashable {
    /// Its place among the gateway's routes, from 0: an index for tables of counters.
    public var number: Int
    /// The declared method; a HEAD that a GET route answers says GET.
    public var method: Route.Method
    /// Below the service's prefix, as declared: `/v2.1/servers/{server_id}`.
    public var path: String
    public var permission: Permission

    public init(number: Int, method: Route.Method, path: String, permission: Permission) {
      self.number = number
      self.method = method
      self.path = path
      self.permission = permission
    }
  }

  /// Ids taken from one answer at the most.
  public static let idsMax = 32
  /// A longer answer is not looked into, in bytes.
  static let answerBytesMax = 64 * 1024

  /// The service's prefix, `compute`; nil where no service answers at the path.
  public var service: String?
  /// nil where no route was found.
  public var route: RouteName?
  /// As it came.
  public var method: String
  /// The path as it came, without its query: it holds ids, and what strangers made up.
  public var path: String
  public var status: Int
  /// nil where no token was given, or none that is valid.
  public var caller: Principal?
  public var requestID: String
  /// The client's own id for what may be many requests, from `X-OpenStack-Request-ID`, where it is one.
  public var globalRequestID: String?
  /// What the observer gave when the request came: its span, and the name of who tries to log in.
  public var scope: RequestScope?
  public var userAgent: String?
  public var began: Timestamp
  /// From the request's head read to the answer written (a streamed one: to its last piece taken), in nanoseconds.
  public var nanoseconds: Int64
  /// Size of the request's body as announced or read; 0 where there was none.
  public var bytesIn: Int
  /// Bytes of the answer's body.
  public var bytesOut: Int
  /// Where it came from: behind a trusted proxy, the client's own address.
  public var remoteAddress: String?
  /// Why it was refused, in the words of the fault; nil where it was not.
  public var refusal: String?
  /// Ids of what a POST has made.
  public var made: [String] = []
  /// Ids of others that the answer speaks of: the port that a floating IP was pointed at.
  public var named: [String] = []

  public init(
    service: String?, route: RouteName?, method: String, path: String, status: Int, caller: Principal?,
    requestID: String, globalRequestID: String?, scope: RequestScope?, userAgent: String? = nil, began: Timestamp,
    nanoseconds: Int64, bytesIn: Int = 0, bytesOut: Int = 0, remoteAddress: String?, refusal: String? = nil
  ) {
    self.service = service
    self.route = route
    self.method = method
    self.path = path
    self.status = status
    self.caller = caller
    self.requestID = requestID
    self.globalRequestID = globalRequestID
    self.scope = scope
    self.userAgent = userAgent
    self.began = began
    self.nanoseconds = nanoseconds
    self.bytesIn = bytesIn
    self.bytesOut = bytesOut
    self.remoteAddress = remoteAddress
    self.refusal = refusal
  }

  public var projectID: String? { caller?.projectID }
  /// Whether the route's method asks for a change.
  public var asksForChange: Bool { route.map { $0.method.asksForChange } ?? false }

  /// Finds the ids in what was answered to a change: of the resource itself, or of each of a list.
  mutating func read(_ reply: Reply) {
    guard asksForChange, (200..<300).contains(reply.status), case .bytes(let bytes, let type) = reply.body,
      type.hasPrefix("application/json"), bytes.count <= Self.answerBytesMax,
      let top = (try? JSONValue(parsing: bytes))?.object
    else { return }
    var resources = [top]
    if top.count == 1, let only = top.values.first {
      resources = only.object.map { [$0] } ?? only.array?.compactMap(\.object) ?? []
    }
    for resource in resources.prefix(Self.idsMax) {
      if method == "POST", let id = resource["id"]?.string, !path.contains(id) { made.append(id) }
      if let port = resource["port_id"]?.string { named.append(port) }
    }
  }
}

/// Told of every request. Both return at once: they are called on the thread that serves the connection.
public protocol RequestObserver: Sendable {
  /// A request has come. What this gives is bound (`RequestScope.current`) while it is handled.
  func began(requestID: String, globalRequestID: String?, traceParent: String?) -> RequestScope

  /// It has been answered: once for each that began.
  func answered(_ request: AnsweredRequest)
}
