public import Kit
import Synchronization

/// A change of who may do what, for the audit trail: what it was, and what it is now. Never a secret.
public struct AccessChange: Sendable, Hashable {
  /// What changed: `role_assignment`, `user`, `application_credential`.
  public var what: String
  /// nil where there was none.
  public var before: [String: JSONValue]?
  /// nil where there is none any more.
  public var after: [String: JSONValue]?

  public init(_ what: String, before: [String: JSONValue]?, after: [String: JSONValue]?) {
    self.what = what
    self.before = before
    self.after = after
  }

  /// As the trail keeps it.
  public var json: JSONValue {
    .object([
      "what": .string(what), "before": before.map { .object($0) } ?? .null, "after": after.map { .object($0) } ?? .null,
    ])
  }
}

/// Takes changes of access from the service that makes them to the audit trail, which asks for them when the request
/// has been answered.
public enum AccessTrail {
  /// Changes kept of one request; of more their number is told.
  public static let changesMax = 100
  /// Requests whose changes wait at the most: what nobody asks for (no trail is kept) is forgotten, oldest first.
  private static let requestsMax = 1000

  private struct Waiting {
    var changes: [String: [AccessChange]] = [:]
    var order: [String] = []
  }
  private static let waiting = Mutex(Waiting())

  /// Says what a request has changed; it may be said in several parts.
  public static func note(_ requestID: String, _ changes: [AccessChange]) {
    if changes.isEmpty { return }
    waiting.withLock { waiting in
      if waiting.changes[requestID] == nil { waiting.order.append(requestID) }
      let known = waiting.changes[requestID] ?? []
      waiting.changes[requestID] = known + changes.prefix(max(0, changesMax - known.count))
      if waiting.order.count > requestsMax { waiting.changes[waiting.order.removeFirst()] = nil }
    }
  }

  /// What a request has changed; asked once.
  public static func take(_ requestID: String) -> [AccessChange] {
    waiting.withLock { waiting in
      guard let changes = waiting.changes.removeValue(forKey: requestID) else { return [] }
      waiting.order.removeAll { $0 == requestID }
      return changes
    }
  }
}
