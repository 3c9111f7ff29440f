import Kit
import Synchronization

/// Which domains are of this cloud, so that an event tells it though somebody renamed the domain or took its mark away.
final class KnownDomains: Sendable {
  enum Owner: Sendable { case ours, otherCloud, unknown }

  private let ours = Mutex<Set<String>>([])
  private let prefix: String

  init(tag: CloudTag) { prefix = tag.domain("") }

  /// The whole of what is there, as just seen.
  func replace(_ serverIDs: Set<String>) { ours.withLock { $0 = serverIDs } }

  func add(_ serverID: String) { ours.withLock { _ = $0.insert(serverID.lowercased()) } }

  func owner(name: String, uuid: String) -> Owner {
    if name.hasPrefix(prefix) || ours.withLock({ $0.contains(uuid) }) { return .ours }
    // What every cloud's domains begin with.
    return name.hasPrefix("haneul-") ? .otherCloud : .unknown
  }
}
