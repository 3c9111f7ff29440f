import Contracts
import Kit
import NodeLink
import Store

/// Takes in what nodes see of servers. Only here does a server's status change.
///
/// An observation counts only where control asked the very node to hold the very object, and never against a newer
/// one: what comes late, from before a delete, from another node or of an unknown server changes nothing.
struct ServerObserver: Sendable {
  let lifecycle: ServerLifecycle

  func observe(_ tx: Transaction, node: String, _ observation: Observation) throws {
    guard observation.key.kind == .server else { return }
    let key = observation.key
    guard let held = try ManifestTable.find(tx, node: node, key) else { return }
    // A generation that is later than ours is of a store that was replaced since: it says nothing of what is asked now.
    let current = observation.generation == held.generation
    if observation.removed {
      guard held.tombstone, held.generation <= observation.generation else { return }
      return try removed(tx, node: node, key, generation: observation.generation)
    }
    guard var server = try ServerTable.find(tx, id: key.id), server.nodeID == node else { return }
    if held.tombstone {
      if current, server.deleting { try showDelete(tx, &server, observation.condition) }
      return
    }
    if let newest = server.seen?.generation, observation.generation < newest { return }
    try see(tx, &server, observation, current: current, ours: observation.generation <= held.generation)
  }

  /// A delete that meets trouble goes on, and says what it meets.
  private func showDelete(_ tx: Transaction, _ server: inout Server, _ condition: Condition?) throws {
    guard server.condition != condition else { return }
    server.condition = condition
    try ServerTable.save(tx, &server)
    guard let requestID = try lifecycle.deleteRequest(tx, server: server.id) else { return }
    try ActionTable.note(
      tx, server: server.id, requestID: requestID, details: condition.map(ServerTrouble.delete))
  }

  private func removed(_ tx: Transaction, node: String, _ key: ObjectKey, generation: Int64) throws {
    if let server = try ServerTable.find(tx, id: key.id), server.nodeID == node {
      let requestID = try lifecycle.deleteRequest(tx, server: server.id) ?? ""
      try lifecycle.bury(tx, server, requestID: requestID)
    }
    try ManifestTable.forget(tx, node: node, key, generation: generation)
  }

  /// `current`: the node speaks of what is asked now, not of something older. `ours`: its generation is one of this
  /// store's.
  private func see(
    _ tx: Transaction, _ server: inout Server, _ observation: Observation, current: Bool, ours: Bool
  ) throws {
    let before = server
    let asked = Asking(server)
    if let seen = observation.server {
      server.seen = .init(
        power: seen.power, bootEpoch: seen.bootEpoch, step: seen.step, portIDs: seen.portIDs,
        generation: ours ? observation.generation : nil)
      if seen.rootDiskID == server.rootDisk.id { server.rootDisk.made = true }
    }
    server.condition = observation.condition
    try settleAction(tx, &server, observation, current: current)
    try settleDrift(tx, &server, observation, current: current)
    guard Moment(server) != Moment(before) else { return }
    try ServerTable.save(tx, &server)
    if Asking(server) != asked { try lifecycle.manifest.put(tx, server, requestID: before.action?.requestID) }
  }

  private func settleAction(
    _ tx: Transaction, _ server: inout Server, _ observation: Observation, current: Bool
  ) throws {
    guard let action = server.action, let seen = observation.server else { return }
    let boots = seen.power == .running && seen.bootEpoch >= server.asked.bootEpoch
    switch action.kind {
    case .create, .start, .hardReboot:
      if boots, current || action.kind != .start { return try lifecycle.succeed(tx, &server) }
    case .stop:
      if current, seen.power != .running, seen.power != .paused { return try lifecycle.succeed(tx, &server) }
    case .softReboot:
      guard let result = seen.operation, result.id == server.asked.operationID else { break }
      switch result.outcome {
      case .begun: return
      case .done: return try lifecycle.succeed(tx, &server)
      case .failed, .unknown: return try lifecycle.fail(tx, &server, ServerTrouble(operation: result, server))
      }
    }
    // What an earlier action met again and again is no fault of this one.
    if current, let condition = observation.condition, ServerTrouble.ends(condition) {
      try lifecycle.fail(tx, &server, ServerTrouble(condition, server))
    }
  }

  /// Drift: lost data is an error until it is back; a guest that powered itself off is taken at its word.
  private func settleDrift(
    _ tx: Transaction, _ server: inout Server, _ observation: Observation, current: Bool
  ) throws {
    if let condition = observation.condition, condition.type == ServerTrouble.dataMissing {
      if server.errorKind != condition.type { server.err(condition.type, .lostData(condition, server)) }
    } else if server.errorKind == ServerTrouble.dataMissing, observation.ready {
      server.errorKind = nil
      server.fault = nil
    }
    guard current, server.action == nil, server.asked.power == .running, observation.server?.power == .stopped,
      observation.condition?.type == "PoweredOff"
    else { return }
    server.asked.power = .stopped
    server.condition = nil
    let requestID = Identifier.request()
    try ActionTable.begin(
      tx, server, "stop", requestID: requestID, userID: nil, message: "The guest powered itself off.")
    try ActionTable.finish(tx, server: server.id, requestID: requestID, error: nil)
  }
}

/// What of a server is in its manifest and may change by an observation.
private struct Asking: Hashable {
  var asked: Server.Asked
  var made: Bool
  init(_ server: Server) {
    asked = server.asked
    made = server.rootDisk.made
  }
}

/// What of a server an observation may change: it is stored only when this does.
private struct Moment: Hashable {
  var asking: Asking
  var seen: Server.Seen?
  var condition: Condition?
  var action: Server.Action?
  var errorKind: String?
  var fault: Server.Fault?

  init(_ server: Server) {
    asking = Asking(server)
    seen = server.seen
    condition = server.condition
    action = server.action
    errorKind = server.errorKind
    fault = server.fault
  }
}
