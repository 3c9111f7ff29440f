import Converge
import Kit
import NodeLink
import Store

/// Ends actions that take too long, forgets passwords that guests had time to read, and drops old records.
///
/// The time of an action is what passes between the passes of this loop, added up in its row: neither a clock that is
/// stepped by an hour nor a control process that was down ends an action early or holds one up.
struct ActionDeadlines: Converger {
  /// Servers taken on in one step.
  private static let batchMax = 100
  /// How long a guest may read its first password, in seconds from its launch.
  static let passwordSeconds = 3600.0

  let store: any Store
  let lifecycle: ServerLifecycle
  let clock: PassClock
  let now: @Sendable () -> Timestamp

  var name: String { "compute.deadlines" }
  var interval: Duration { .seconds(5) }
  var followsChanges: Bool { false }

  func step() async throws {
    let now = now()
    let passed = clock.pass()
    if passed > 0, try await store.read({ try $0.exists("SELECT 1 FROM server WHERE action_began > 0 LIMIT 1") }) {
      try await store.write { try ServerTable.countActions($0, milliseconds: passed) }
    }
    let due = try await store.read { try Self.due($0, now) }
    if !due.isEmpty {
      try await store.write { tx in
        for var server in try ServerTable.list(tx, ids: due) { try settle(tx, &server, now) }
      }
    }
    let expired = now.adding(seconds: -ActionTable.keepSeconds)
    let old = try await store.read { tx in
      try tx.exists(
        """
        SELECT 1 FROM instance_action a LEFT JOIN server s ON s.id = a.server_id
        WHERE a.updated_at < \(expired) AND s.id IS NULL LIMIT 1
        """)
    }
    if old { try await store.write { try ActionTable.compact($0, before: expired, limit: 1000) } }
  }

  private static func due(_ tx: Transaction, _ now: Timestamp) throws -> [String] {
    let read = now.adding(seconds: -passwordSeconds)
    let late = Server.Action.Kind.allCases.map { kind -> SQL in
      "action = \(kind.rawValue) AND action_elapsed_ms > \(kind.secondsMax * 1000)"
    }
    return try tx.query(
      """
      SELECT id FROM server
      WHERE action_began > 0 AND (\(SQL.joined(late, separator: " OR ")))
        OR admin_pass IS NOT NULL AND launched_at < \(read)
      ORDER BY id LIMIT \(batchMax)
      """
    ) { $0.text(0) }
  }

  private func settle(_ tx: Transaction, _ server: inout Server, _ now: Timestamp) throws {
    var changed = false
    if let launched = server.launchedAt, server.adminPass != nil, now.seconds(since: launched) > Self.passwordSeconds {
      server.adminPass = nil
      changed = true
    }
    if let action = server.action, action.elapsedMs > action.kind.secondsMax * 1000 {
      let host = try server.nodeID.flatMap { try HostTable.find(tx, nodeID: $0) }
      let silent = host.map { !$0.isUp(at: now) } ?? true
      try lifecycle.fail(
        tx, &server, ServerTrouble(late: server, seconds: action.kind.secondsMax, silent: silent))
      changed = true
    }
    guard changed else { return }
    try ServerTable.save(tx, &server)
    try lifecycle.manifest.put(tx, server, requestID: nil)
  }
}
