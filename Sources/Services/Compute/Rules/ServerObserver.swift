import Contracts
import Kit
import NodeLink
import Store

/// Takes in what nodes see of servers. Only here does a server's status change.
struct ServerObserver: Sendable {
  /// A condition tried so often ends the action that waits for it.
  static let attemptsMax = 5

  let lifecycle: ServerLifecycle

  func observe(_ tx: Transaction, node: String, _ observation: Observation) throws {
    guard observation.key.kind == .server else { return }
    let key = observation.key
    guard let held = try ManifestTable.find(tx, node: node, key) else { return }
    if observation.removed {
      guard held.tombstone, held.generation <= observation.generation else { return }
      try removed(tx, node: node, key, generation: observation.generation)
    } else if !held.tombstone, var server = try ServerTable.find(tx, id: key.id), server.nodeID == node {
      try see(tx, &server, observation, current: observation.generation >= held.generation)
    }
  }

  private func removed(_ tx: Transaction, node: String, _ key: ObjectKey, generation: Int64) throws {
    if let server = try ServerTable.find(tx, id: key.id), server.nodeID == node {
      let requestID = try lifecycle.deleteRequest(tx, server: server.id) ?? ""
      try lifecycle.bury(tx, server, requestID: requestID)
    }
    try ManifestTable.forget(tx, node: node, key, generation: generation)
  }

  /// `current`: the node speaks of what is asked now, not of something older.
  private func see(_ tx: Transaction, _ server: inout Server, _ observation: Observation, current: Bool) throws {
    let before = server
    let asked = Asking(server)
    if let seen = observation.server {
      server.seen = .init(power: seen.power, bootEpoch: seen.bootEpoch, step: seen.step)
      if seen.rootDiskID == server.rootDisk.id { server.rootDisk.made = true }
      try settleCards(tx, server, seen)
    }
    server.condition = observation.condition
    try settleAction(tx, &server, observation, current: current)
    try settleDrift(tx, &server, observation, current: current)
    guard Moment(server) != Moment(before) else { return }
    try ServerTable.save(tx, &server)
    if Asking(server) != asked { try lifecycle.manifest.put(tx, server, requestID: before.action?.requestID) }
  }

  /// Cards that were asked to go and have left the guest give their ports back.
  private func settleCards(_ tx: Transaction, _ server: Server, _ seen: ServerObservation) throws {
    let gone = try CardTable.cards(tx, server: server.id).filter { card in
      card.detaching && (!seen.portIDs.contains(card.portID) || seen.power != .running && seen.power != .paused)
    }.map(\.portID)
    if gone.isEmpty { return }
    try CardTable.remove(tx, server: server.id, ports: gone)
    try lifecycle.networks.detach(tx, serverID: server.id, portIDs: gone, requestID: Identifier.request())
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
      case .failed: return try lifecycle.fail(tx, &server, reason: result.message ?? "The reboot failed.")
      case .unknown:
        return try lifecycle.fail(tx, &server, reason: result.message ?? "It is not known how the reboot ended.")
      }
    }
    if let condition = observation.condition, Self.ends(condition) {
      try lifecycle.fail(tx, &server, reason: condition.message)
    }
  }

  /// Whether an action that meets this condition is given up.
  static func ends(_ condition: Condition) -> Bool {
    condition.type == "DataMissing"
      || condition.attempts >= attemptsMax && condition.type != "PoweredOff" && condition.type != "GuestPaused"
  }

  /// Drift: lost data is an error until it is back; a guest that powered itself off is taken at its word.
  private func settleDrift(
    _ tx: Transaction, _ server: inout Server, _ observation: Observation, current: Bool
  ) throws {
    if let condition = observation.condition, condition.type == "DataMissing" {
      if server.errorKind != condition.type {
        server.errorKind = condition.type
        server.fault = .init(code: 500, message: condition.message, created: .now())
      }
    } else if server.errorKind == "DataMissing", observation.ready {
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
