import Synchronization

/// The request that the present task works for. The gateway binds it while a request is handled; log lines, store
/// transactions and the audit trail take from it what they say of the request.
public final class RequestScope: Sendable {
  /// nil outside of requests.
  @TaskLocal public static var current: RequestScope?

  /// Who asks, as far as it is known by now.
  public struct Asker: Sendable, Hashable {
    public var userID: String?
    public var userName: String?
    public var projectID: String?
  }

  /// A name or id longer than this is cut, in characters.
  private static let nameMax = 255

  /// `req-<uuid>`.
  public let requestID: String
  /// The client's own id for what may be many requests.
  public let globalRequestID: String?
  /// The request's own span where it is traced; nil where it is not.
  public let span: RequestSpan?
  private let known = Mutex(Asker())

  public init(requestID: String, globalRequestID: String? = nil, span: RequestSpan? = nil) {
    self.requestID = requestID
    self.globalRequestID = globalRequestID
    self.span = span
  }

  public var asker: Asker { known.withLock { $0 } }

  /// The token has said who asks.
  public func isAsked(byUser id: String, name: String, project: String?) {
    known.withLock { $0 = Asker(userID: id, userName: name, projectID: project) }
  }

  /// Whoever logs in says to be this user: by id or by name, which need not be true.
  public func claims(userID: String? = nil, userName: String? = nil) {
    known.withLock { asker in
      asker.userID = userID.map { String($0.prefix(Self.nameMax)) }
      asker.userName = userName.map { String($0.prefix(Self.nameMax)) }
    }
  }
}

/// A traced request: what is done for it becomes spans below its own.
public struct RequestSpan: Sendable {
  /// The trace, with the request's own span as the parent of what is done for it.
  public let context: TraceContext
  /// The span of the client, where it said so.
  public let parentID: UInt64?
  let keep: @Sendable (Span) -> Void

  public init(context: TraceContext, parentID: UInt64?, keep: @escaping @Sendable (Span) -> Void) {
    self.context = context
    self.parentID = parentID
    self.keep = keep
  }

  /// Keeps a span of work that was done for the request.
  public func add(_ span: Span) { keep(span) }
}
