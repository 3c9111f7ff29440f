import API
import Contracts
import Converge
import Kit
import Logging
import NodeLink
import Store

/// Compares the ledgers with the servers they count: claims with Placement, pins with Images, ports with Networks,
/// cards and the manifest. Each of them changes in the transaction of what it counts, so a difference means that a
/// hand, a restored store or a fault of ours was there: it is logged, and put right from the servers, which are what
/// exists.
///
/// A manifest's object whose server is unknown is only reported: absence never deletes.
struct LedgerKeeper: Converger {
  /// Servers, or holders, compared in one transaction.
  static let pageMax = 100
  static let pinLost = "ImageBytesMissing"

  let context: ComputeContext
  let lifecycle: ServerLifecycle
  let interfaces: InterfaceSagas
  let sagas: SagaRunner

  var name: String { "compute.ledgers" }
  var interval: Duration { .seconds(60) }
  var followsChanges: Bool { false }

  /// Something that one ledger says and the servers do not.
  enum Difference: Sendable, Hashable {
    case strayClaim(server: String)
    /// None, or another one than the server takes.
    case claim(server: String)
    case strayPin(ImagePin)
    case pin(server: String)
    case strayPorts(server: String)
    case manifest(server: String)
    case strayManifest(server: String, node: String)
    /// On its way out, and nobody sees to it.
    case forgottenCard(server: String, port: String)
    /// Being deleted, and no node is asked to.
    case forgottenDelete(server: String)
  }

  /// Everything that is compared, a page at a time.
  static var ledgers: [Ledger] { [serversOf, claimsOf, pinsOf, portsOf] }

  func step() async throws {
    for ledger in Self.ledgers {
      var last = ""
      while true {
        let after = last
        let (found, end) = try await context.store.read { [context] in try ledger(context, $0, after) }
        // Looked at again in the transaction that repairs: the two may have met a change between them.
        if !found.isEmpty { try await repair(after, ledger) }
        guard let end else { break }
        last = end
      }
    }
    let strays = try await context.store.read { try Self.strayManifests($0) }
    for stray in strays { log(stray) }
  }

  /// What differs in the page after an id, and where it ended; nil at the last page.
  typealias Ledger = @Sendable (ComputeContext, Transaction, String) throws -> ([Difference], String?)

  private func repair(_ after: String, _ ledger: @escaping Ledger) async throws {
    let found = try await context.store.write { [context] tx in
      let (found, _) = try ledger(context, tx, after)
      for difference in found { try repair(tx, difference) }
      return found
    }
    for difference in found { log(difference) }
  }

  private func log(_ difference: Difference) {
    context.logger.warning("a ledger differed from the servers", metadata: ["difference": "\(difference)"])
  }

  // MARK: comparing

  /// Each server against everything that should stand for it.
  @Sendable static func serversOf(
    _ context: ComputeContext, _ tx: Transaction, _ after: String
  ) throws -> ([Difference], String?) {
    let ids = try tx.query("SELECT id FROM server WHERE id > \(after) ORDER BY id LIMIT \(pageMax)") { $0.text(0) }
    guard let last = ids.last else { return ([], nil) }
    let claims = Dictionary(grouping: try context.placement.claims(tx, servers: ids), by: \.serverID)
    let pins = Set(try context.images.pins(tx, holders: ids.map(ServerLifecycle.holder)))
    var found: [Difference] = []
    for server in try ServerTable.list(tx, ids: ids) {
      guard let node = server.nodeID else { continue }
      let wanted = ClaimRecord(serverID: server.id, nodeID: node, resources: server.resources)
      if claims[server.id] != [wanted] { found.append(.claim(server: server.id)) }
      let pin = ImagePin(digest: server.rootDisk.base.digest, holder: ServerLifecycle.holder(server.id))
      if !pins.contains(pin), server.condition?.type != pinLost { found.append(.pin(server: server.id)) }
      found += try differences(tx, server, node)
    }
    return (found, ids.count == pageMax ? last : nil)
  }

  private static func differences(_ tx: Transaction, _ server: Server, _ node: String) throws -> [Difference] {
    let held = try ManifestTable.find(tx, node: node, ServerManifest.key(server.id))
    if server.deleting { return held == nil ? [.forgottenDelete(server: server.id)] : [] }
    var found: [Difference] = held.map { $0.tombstone } ?? true ? [.manifest(server: server.id)] : []
    let leaving = try CardTable.cards(tx, server: server.id).filter(\.detaching)
    if leaving.isEmpty { return found }
    let seenTo = try SagaTable.open(tx, subject: server.id)
    for card in leaving where !seenTo.contains(where: { $0.input.contains(card.portID) }) {
      found.append(.forgottenCard(server: server.id, port: card.portID))
    }
    return found
  }

  @Sendable static func claimsOf(
    _ context: ComputeContext, _ tx: Transaction, _ after: String
  ) throws -> ([Difference], String?) {
    let held = try context.placement.claims(tx, after: after, limit: pageMax).map(\.serverID)
    let homes = try homes(tx, held)
    let strays = Set(held).filter { homes[$0] == nil }.sorted().map(Difference.strayClaim)
    return (strays, Set(held).count == pageMax ? held.last : nil)
  }

  @Sendable static func pinsOf(
    _ context: ComputeContext, _ tx: Transaction, _ after: String
  ) throws -> ([Difference], String?) {
    let prefix = ServerLifecycle.holder("")
    let pins = try context.images.pins(tx, after: after.isEmpty ? prefix : after, limit: pageMax)
    let ours = pins.filter { $0.holder.hasPrefix(prefix) }
    let ids = Set(ours.map { String($0.holder.dropFirst(prefix.count)) })
    let digests = Dictionary(
      try ServerTable.list(tx, ids: ids.sorted()).filter { $0.nodeID != nil }.map {
        (ServerLifecycle.holder($0.id), $0.rootDisk.base.digest)
      }, uniquingKeysWith: { $1 })
    let strays = ours.filter { digests[$0.holder] != $0.digest }.map(Difference.strayPin)
    return (strays, ids.count == pageMax ? pins.last?.holder : nil)
  }

  @Sendable static func portsOf(
    _ context: ComputeContext, _ tx: Transaction, _ after: String
  ) throws -> ([Difference], String?) {
    let held = try context.networks.servers(tx, after: after, limit: pageMax)
    let known = Set(try tx.query("SELECT id FROM server WHERE id IN (\(list: held))") { $0.text(0) })
    let strays = held.filter { !known.contains($0) }.map(Difference.strayPorts)
    return (strays, held.count == pageMax ? held.last : nil)
  }

  /// Where those of `servers` live that live somewhere.
  private static func homes(_ tx: Transaction, _ servers: [String]) throws -> [String: String] {
    Dictionary(
      try tx.query("SELECT id, node_id FROM server WHERE node_id IS NOT NULL AND id IN (\(list: servers))") {
        ($0.text(0), $0.text(1))
      }, uniquingKeysWith: { $1 })
  }

  static func strayManifests(_ tx: Transaction) throws -> [Difference] {
    try tx.query(
      """
      SELECT m.object_id, m.node_id FROM manifest m LEFT JOIN server s ON s.id = m.object_id AND s.node_id = m.node_id
      WHERE m.kind = \(ObjectKind.server.rawValue) AND m.tombstone = 0 AND s.id IS NULL LIMIT \(pageMax)
      """
    ) { .strayManifest(server: $0.text(0), node: $0.text(1)) }
  }

  // MARK: putting right

  private func repair(_ tx: Transaction, _ difference: Difference) throws {
    switch difference {
    case .strayClaim(let id): try context.placement.release(tx, serverID: id)
    case .strayPin(let pin): try context.images.unpin(tx, digest: pin.digest, holder: pin.holder)
    case .strayPorts(let id): try context.networks.release(tx, serverID: id, requestID: Identifier.request())
    case .claim(let id):
      guard let server = try ServerTable.find(tx, id: id), let node = server.nodeID else { return }
      try context.placement.hold(
        tx, ClaimRecord(serverID: id, nodeID: node, resources: server.resources), projectID: server.projectID,
        userID: server.userID)
    case .pin(let id): try pin(tx, id)
    case .manifest(let id):
      guard let server = try ServerTable.find(tx, id: id) else { return }
      try lifecycle.manifest.put(tx, server, requestID: nil)
    case .forgottenDelete(let id):
      guard let server = try ServerTable.find(tx, id: id) else { return }
      try lifecycle.bury(tx, server, requestID: try lifecycle.deleteRequest(tx, server: id) ?? "")
    case .forgottenCard(let id, let port):
      let requestID = Identifier.request()
      try sagas.begin(
        tx, interfaces.detach, InterfaceSagas.Card(serverID: id, portID: port, requestID: requestID), subject: id,
        requestID: requestID, userID: nil)
    case .strayManifest: return
    }
  }

  /// Where the bytes are gone they cannot be pinned: the server says so, for its host may have the only copy.
  private func pin(_ tx: Transaction, _ id: String) throws {
    guard var server = try ServerTable.find(tx, id: id) else { return }
    do {
      try context.images.pin(tx, digest: server.rootDisk.base.digest, holder: ServerLifecycle.holder(id))
    } catch is Fault {
      if server.condition != nil { return }
      server.condition = Condition(
        type: Self.pinLost,
        message: "The image service does not keep the data of the server's image any more: its host has a copy, which "
          + "cannot be fetched again. Upload the image anew.", since: .now(), attempts: 0)
      try ServerTable.save(tx, &server)
    }
  }
}
