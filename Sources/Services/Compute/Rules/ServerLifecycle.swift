import API
import Auth
import Contracts
import Converge
import Kit
import NodeLink
import Store

/// How a server's actions begin and end. Every change of what is asked is followed by the manifest.
///
/// None of them is a saga. A create is one transaction over every ledger (quota, claim, ports, pin, row, manifest): it
/// is there whole or not at all, and what follows is levels that the node converges to. A delete is a tombstone, and
/// one transaction over the same ledgers once the node has said that nothing is left. Only an interface's attach and
/// detach hold several resources while they wait for a guest: `InterfaceSagas`.
struct ServerLifecycle: Sendable {
  let placement: any PlacementContract
  let networks: any NetworksContract
  let images: any ImagesContract

  var manifest: ServerManifest { ServerManifest(networks: networks) }

  /// Begins an action: records it, changes what is asked, tells the node.
  func begin(
    _ tx: Transaction, _ server: inout Server, _ kind: Server.Action.Kind, requestID: String, userID: String?,
    _ ask: (inout Server.Asked) -> Void
  ) throws {
    server.action = .init(kind: kind, requestID: requestID, began: .now(), before: server.state.vm)
    ask(&server.asked)
    try ActionTable.begin(tx, server, kind.name, requestID: requestID, userID: userID)
    try ServerTable.save(tx, &server)
    try manifest.put(tx, server, requestID: requestID)
  }

  /// The action came to what was asked.
  func succeed(_ tx: Transaction, _ server: inout Server) throws {
    guard let action = server.action else { return }
    try ActionTable.finish(tx, server: server.id, requestID: action.requestID, error: nil)
    if server.launchedAt == nil, server.seen?.power == .running { server.launchedAt = .now() }
    server.action = nil
    server.asked.operationID = nil
    if server.errorKind == "action", server.launchedAt != nil {
      server.errorKind = nil
      server.fault = nil
    }
  }

  /// The action did not come to what was asked, and is not resumed: what is asked becomes what is seen. A server that
  /// was meant to run and does not is in error.
  func fail(_ tx: Transaction, _ server: inout Server, _ trouble: ServerTrouble) throws {
    guard let action = server.action else { return }
    try ActionTable.finish(tx, server: server.id, requestID: action.requestID, error: trouble.message)
    server.action = nil
    server.asked.operationID = nil
    if let seen = server.seen, seen.power == .running || seen.power == .paused {
      server.asked.power = .running
      server.asked.bootEpoch = seen.bootEpoch
      if action.kind == .create, server.launchedAt == nil { server.launchedAt = .now() }
    } else {
      if server.asked.power == .running {
        server.err("action", trouble)
      }
      server.asked.power = .stopped
    }
  }

  private static let deletedMeanwhile = "The server was deleted meanwhile."

  /// Asks for the server's end; wins over whatever goes on. Repeating it changes nothing.
  func delete(_ tx: Transaction, _ server: Server, requestID: String, userID: String) throws {
    if server.deleting { return }
    var server = server
    if let running = server.action {
      try ActionTable.finish(
        tx, server: server.id, requestID: running.requestID, error: Self.deletedMeanwhile)
    }
    for saga in try SagaTable.open(tx, subject: server.id) {
      // Nothing to unwind: the end of the server takes its cards and ports with it.
      try SagaTable.supersede(tx, saga, reason: Self.deletedMeanwhile)
      try ActionTable.finish(tx, server: server.id, requestID: saga.requestID, error: Self.deletedMeanwhile)
    }
    server.action = nil
    server.condition = nil
    server.deleting = true
    try ActionTable.begin(tx, server, "delete", requestID: requestID, userID: userID)
    let key = ServerManifest.key(server.id)
    guard let node = server.nodeID, try ManifestTable.bury(tx, node: node, key, requestID: requestID) else {
      return try bury(tx, server, requestID: requestID)
    }
    try ServerTable.save(tx, &server)
  }

  /// Nothing is left of it on any host: its ports, claim, pin and row go together.
  func bury(_ tx: Transaction, _ server: Server, requestID: String) throws {
    try networks.release(tx, serverID: server.id, requestID: requestID)
    try placement.release(tx, serverID: server.id)
    try images.unpin(tx, digest: server.rootDisk.base.digest, holder: Self.holder(server.id))
    try ActionTable.finish(tx, server: server.id, requestID: requestID, error: nil)
    try ServerTable.delete(tx, id: server.id)
  }

  /// The request that asked for the end of a server.
  func deleteRequest(_ tx: Transaction, server id: String) throws -> String? {
    try tx.first(
      """
      SELECT request_id FROM instance_action WHERE server_id = \(id) AND action = 'delete' AND finished_at IS NULL
      ORDER BY started_at DESC LIMIT 1
      """
    ) { $0.text(0) }
  }

  /// How a server names itself where it holds on to an image's bytes.
  static func holder(_ id: String) -> String { "server/\(id)" }
}
