import Contracts
import Converge
import NodeLink
import Store

/// Attaching and detaching network cards: a port, a card in the manifest and a card in a guest, which move one after
/// the other and can each refuse.
///
/// A port is never given to anybody else while a guest may still hold its card: it is given back only after its node
/// has said, of a manifest without the card, that the guest let go of it.
struct InterfaceSagas: Sendable {
  /// What both work on.
  struct Card: Codable, Sendable {
    var serverID: String
    var portID: String
    /// The request that asked, for the manifest and its steps.
    var requestID: String
  }

  /// Trying longer would keep the user waiting for what the guest has refused.
  static let limits = SagaLimits(attemptsMax: 5, secondsMax: 120)

  let lifecycle: ServerLifecycle

  var kinds: [SagaKind] { [attach, detach] }

  // MARK: the two sagas

  /// `bind_port` → `plug_card` → `see_card`.
  var attach: SagaKind {
    SagaKind(
      "interface_attach", limits: Self.limits,
      steps: [
        SagaStep("bind_port", act: isBound, undo: giveBack),
        SagaStep("plug_card", act: plug, undo: unplugAndWait),
        // Looking leaves nothing to undo.
        SagaStep("see_card", act: isSeen, undo: nil),
      ], ended: record)
  }

  /// `unplug_card` → `see_it_gone` → `give_port_back`.
  var detach: SagaKind {
    SagaKind(
      "interface_detach", limits: Self.limits,
      steps: [
        SagaStep("unplug_card", act: unplug, undo: askBack),
        // Looking leaves nothing to undo.
        SagaStep("see_it_gone", act: isGone, undo: nil),
        // The last step, and one transaction: where it is done the saga is, so it is never undone.
        SagaStep(
          "give_port_back",
          act: {
            _ = try giveBack($0, &$1)
            return .done
          }, undo: nil),
      ], ended: record)
  }

  /// Ends an attach of the same port that still goes on: the detach takes its place, and does what undoing would.
  func detachTakesOver(_ tx: Transaction, _ card: Card) throws {
    let reason = "The interface was detached before it was seen in the guest."
    for saga in try SagaTable.open(tx, subject: card.serverID)
    where saga.kind == attach.name && saga.input.contains(card.portID) {
      try SagaTable.supersede(tx, saga, reason: reason)
      try ActionTable.finish(tx, server: card.serverID, requestID: saga.requestID, error: reason)
    }
  }

  private func record(_ tx: Transaction, _ saga: Saga, _ card: Card) throws {
    try ActionTable.finish(tx, server: card.serverID, requestID: saga.requestID, error: saga.error)
  }

  // MARK: steps

  /// The port is made or bound in the very transaction that stores the saga, under the rights of the one who asks; this
  /// step finds whether it is still there.
  private func isBound(_ tx: Transaction, _ card: inout Card) throws -> SagaOutcome {
    try port(tx, card) == nil ? .failed(reason: Self.portIsGone) : .done
  }

  /// A port made for the server goes, another is free again; its card goes from the books with it.
  private func giveBack(_ tx: Transaction, _ card: inout Card) throws -> SagaUndoing {
    try CardTable.remove(tx, server: card.serverID, ports: [card.portID])
    try lifecycle.networks.detach(
      tx, serverID: card.serverID, portIDs: [card.portID], requestID: card.requestID)
    try tellNode(tx, card)
    return .done
  }

  /// The manifest gives every port of the server a card that is not on its way out.
  private func plug(_ tx: Transaction, _ card: inout Card) throws -> SagaOutcome {
    try tellNode(tx, card)
    return .done
  }

  private func unplug(_ tx: Transaction, _ card: inout Card) throws -> SagaOutcome {
    // Without a row of its own the card would be plugged by the very manifest that is to leave it out.
    _ = try CardTable.add(tx, server: card.serverID, port: card.portID)
    try CardTable.setDetaching(tx, server: card.serverID, port: card.portID, true)
    try tellNode(tx, card)
    return .done
  }

  private func askBack(_ tx: Transaction, _ card: inout Card) throws -> SagaUndoing {
    try CardTable.setDetaching(tx, server: card.serverID, port: card.portID, false)
    try tellNode(tx, card)
    return .done
  }

  private func unplugAndWait(_ tx: Transaction, _ card: inout Card) throws -> SagaUndoing {
    _ = try unplug(tx, &card)
    guard let server = try ServerTable.find(tx, id: card.serverID), try port(tx, card) != nil else { return .done }
    return try hasLetGo(tx, server, card) ? .done : .waiting(for: Self.letGo(server))
  }

  private func isSeen(_ tx: Transaction, _ card: inout Card) throws -> SagaOutcome {
    guard let server = try ServerTable.find(tx, id: card.serverID), try port(tx, card) != nil else {
      return .failed(reason: Self.portIsGone)
    }
    if let seen = server.seen, seen.isActive, seen.portIDs.contains(card.portID) { return .done }
    // It is in the definition that the next boot takes.
    if server.isOff { return .done }
    if let refusal = try refusal(tx, server, notOf: "DetachFailed") { return .failed(reason: refusal) }
    return .waiting(for: "the guest to take the card" + (server.condition.map { " (\($0.type))" } ?? ""))
  }

  private func isGone(_ tx: Transaction, _ card: inout Card) throws -> SagaOutcome {
    guard let server = try ServerTable.find(tx, id: card.serverID), try port(tx, card) != nil else { return .done }
    if try hasLetGo(tx, server, card) { return .done }
    if let refusal = try refusal(tx, server, notOf: "AttachFailed") { return .failed(reason: refusal) }
    return .waiting(for: Self.letGo(server))
  }

  // MARK: looking

  private static let portIsGone = "The port was deleted, or taken off the server, meanwhile."

  private static func letGo(_ server: Server) -> String {
    "the guest to let go of the card" + (server.condition.map { " (\($0.type))" } ?? "")
  }

  /// What the guest was asked too often; `other`: what belongs to another card's saga.
  private func refusal(_ tx: Transaction, _ server: Server, notOf other: String) throws -> String? {
    guard let condition = server.condition, condition.type != other, ServerTrouble.ends(condition),
      try isCurrent(tx, server)
    else { return nil }
    return ServerTrouble.card(condition)
  }

  private func port(_ tx: Transaction, _ card: Card) throws -> ServerPort? {
    try lifecycle.networks.ports(tx, servers: [card.serverID])[card.serverID]?.first { $0.id == card.portID }
  }

  /// Whether no process holds the card, nor will one that boots from what the node holds now.
  private func hasLetGo(_ tx: Transaction, _ server: Server, _ card: Card) throws -> Bool {
    if server.isOff { return true }
    guard let seen = server.seen, try isCurrent(tx, server) else { return false }
    return !seen.isActive || !seen.portIDs.contains(card.portID)
  }

  /// Whether what is seen of the server is seen of what is asked now.
  private func isCurrent(_ tx: Transaction, _ server: Server) throws -> Bool {
    guard let node = server.nodeID, let seen = server.seen?.generation else { return false }
    return try ManifestTable.find(tx, node: node, ServerManifest.key(server.id))?.generation == seen
  }

  private func tellNode(_ tx: Transaction, _ card: Card) throws {
    guard let server = try ServerTable.find(tx, id: card.serverID) else { return }
    try lifecycle.manifest.put(tx, server, requestID: card.requestID)
  }
}

extension Server {
  /// Asked to be off, and seen off.
  fileprivate var isOff: Bool { asked.power == .stopped && seen?.isActive != true }
}
