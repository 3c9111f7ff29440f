public import Auth
public import Kit

/// What is remembered of a request that asked for a change: who, what and when. Never a body, a query or a secret.
public struct RequestRecord: Sendable, Hashable {
  /// Ids taken from one answer at the most.
  public static let idsMax = 32
  /// A longer answer is not looked into, in bytes.
  static let answerBytesMax = 64 * 1024

  public var requestID: String
  /// The client's own id for what may be many requests: the header `X-OpenStack-Request-ID`.
  public var globalRequestID: String?
  public var method: String
  /// The path without its query.
  public var path: String
  public var userID: String
  public var userName: String
  public var projectID: String?
  public var projectName: String?
  /// Whether the caller was an administrator.
  public var asAdmin: Bool
  public var began: Timestamp
  /// How long the answer took, in microseconds.
  public var microseconds: Int64
  public var status: Int
  /// Ids of what a POST has made.
  public var made: [String]
  /// Ids of others that the answer speaks of: the port that a floating IP was pointed at.
  public var named: [String]

  public init(
    requestID: String, globalRequestID: String? = nil, method: String, path: String, caller: Principal,
    began: Timestamp, microseconds: Int64, status: Int, made: [String] = [], named: [String] = []
  ) {
    self.requestID = requestID
    self.globalRequestID = globalRequestID
    self.method = method
    self.path = path
    userID = caller.userID
    userName = caller.userName
    projectID = caller.projectID
    projectName = caller.project?.name
    asAdmin = caller.isAdmin
    self.began = began
    self.microseconds = microseconds
    self.status = status
    self.made = made
    self.named = named
  }

  /// Finds the ids in what was answered: of the resource itself, or of each of a list.
  mutating func read(_ reply: Reply) {
    guard (200..<300).contains(reply.status), case .bytes(let bytes, let type) = reply.body,
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

/// Told of every answered request of a known caller that asked for a change.
public protocol RequestRecorder: Sendable {
  /// Returns at once; what cannot be kept is dropped and counted.
  func record(_ request: RequestRecord)
}
