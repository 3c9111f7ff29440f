import API
import Kit
import Store
import Synchronization

/// Servers as they were shown last, as JSON: a list that is asked for again and again is encoded anew only where
/// something has changed.
///
/// What is kept is worth something at one revision of the change feed. A reader asks, in its own snapshot, what the
/// feed told since: a server that changed is dropped, and everything where what stands beside the servers changed
/// (ports, addresses, networks, groups). So the answer is always what the snapshot says, with several control processes
/// too.
final class ServerShelf: Sendable {
  /// Bytes kept; past this all is dropped.
  static let bytesMax = 16 << 20
  /// Ways of showing a server that are kept at once: other microversions, addresses of the API, callers.
  static let viewsMax = 8
  /// Changes read to catch up; after more than that everything is dropped.
  static let changesMax = 1000

  /// A way of showing servers; all that the text depends on besides the server and what stands beside it.
  struct View: Hashable, Sendable {
    var version: Microversion
    var root: String
    var admin: Bool
    /// A single server shows more.
    var one: Bool
  }

  private struct Kept: Sendable {
    var view: View
    /// Of the server's host, where the view shows it: it changes by time alone.
    var hostStatus: String?
    var json: [UInt8]
  }
  private struct State: Sendable {
    var revision: Int64?
    var servers: [String: [Kept]] = [:]
    var bytes = 0

    mutating func drop(_ id: String) {
      for kept in servers.removeValue(forKey: id) ?? [] { bytes -= kept.json.count }
    }

    mutating func dropAll() {
      servers.removeAll()
      bytes = 0
    }
  }
  private let state = Mutex(State())

  /// Kinds of changes that concern one server, by its id, and those that may concern any.
  private static let own = ServerTable.changeKind
  private static let beside = ["port", "network", "subnet", "floating_ip", "security_group"]

  /// Takes in what changed up to the snapshot of `tx`. Returns its revision, to ask and to keep by; nil where others
  /// are further already: then nothing is to be had here.
  func catchUp(_ tx: Transaction) throws -> Int64? {
    let newest = try tx.newestRevision()
    let known = state.withLock { $0.revision }
    if known == newest { return newest }
    if let known, known > newest { return nil }
    let page = try known.map { try tx.changes(after: $0, kinds: [Self.own] + Self.beside, limit: Self.changesMax) }
    return state.withLock { state in
      guard state.revision == known else { return state.revision == newest ? newest : nil }
      if case .changes(let changes, _, more: false)? = page, changes.allSatisfy({ $0.kind == Self.own }) {
        for change in changes { state.drop(change.objectID) }
      } else {
        state.dropAll()
      }
      state.revision = newest
      return newest
    }
  }

  /// The texts of these servers, each nil where it is not here.
  func find(
    _ servers: [(id: String, hostStatus: String?)], _ view: View, at revision: Int64
  ) -> [[UInt8]?] {
    state.withLock { state in
      guard state.revision == revision else { return servers.map { _ in nil } }
      return servers.map { server in
        state.servers[server.id]?.first { $0.view == view && $0.hostStatus == server.hostStatus }?.json
      }
    }
  }

  /// Keeps what was encoded in a snapshot of `revision`; nothing where others are further by now.
  func keep(_ texts: [(id: String, hostStatus: String?, json: [UInt8])], _ view: View, at revision: Int64) {
    state.withLock { state in
      guard state.revision == revision else { return }
      for text in texts {
        var kept = state.servers[text.id] ?? []
        if let old = kept.firstIndex(where: { $0.view == view }) { state.bytes -= kept.remove(at: old).json.count }
        if kept.count >= Self.viewsMax { state.bytes -= kept.removeFirst().json.count }
        kept.append(Kept(view: view, hostStatus: text.hostStatus, json: text.json))
        state.servers[text.id] = kept
        state.bytes += text.json.count
      }
      if state.bytes > Self.bytesMax { state.dropAll() }
    }
  }

  /// Bytes kept now.
  var bytes: Int { state.withLock { $0.bytes } }
}
