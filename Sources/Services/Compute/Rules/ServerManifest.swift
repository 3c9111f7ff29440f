import API
import Contracts
import Kit
import NodeLink
import Store

/// What a node should hold of a server, made anew from the tables.
struct ServerManifest: Sendable {
  /// How long a guest may take to obey ACPI when it is asked to stop, in seconds.
  static let shutdownSeconds = 60
  static let softRebootSeconds = 60

  let networks: any NetworksContract

  static func key(_ id: String) -> ObjectKey { ObjectKey(.server, id) }

  /// Writes the server's spec into its node's manifest. Nothing where it lives nowhere or is being deleted.
  func put(_ tx: Transaction, _ server: Server, requestID: String?) throws {
    guard let node = server.nodeID, !server.deleting else { return }
    let cards = try cards(tx, server)
    let spec = ServerSpec(
      id: server.id, projectID: server.projectID, name: server.name, vcpus: server.flavor.vcpus,
      memoryMiB: server.flavor.memoryMiB, power: server.asked.power, bootEpoch: server.asked.bootEpoch,
      shutdownTimeoutSeconds: Self.shutdownSeconds, rootDisk: server.rootDisk,
      nics: cards.map { card in
        .init(
          portID: card.port.id, networkID: card.port.networkID, mac: card.port.mac, slot: card.slot,
          mtu: card.port.mtu)
      },
      configDrive: server.configDrive, metadata: GuestDocuments(server: server, cards: cards).metadata,
      operation: server.asked.operationID.map {
        .init(id: $0, action: .softReboot, timeoutSeconds: Self.softRebootSeconds)
      })
    try ManifestTable.put(tx, node: node, Self.key(server.id), .server(spec), requestID: requestID)
  }

  /// The server's ports in the guest's order, which is the order of their slots; new ones get theirs now.
  /// Throws `Fault` 403 where there are more than slots.
  private func cards(_ tx: Transaction, _ server: Server) throws -> [(port: ServerPort, slot: Int)] {
    let ports = try networks.ports(tx, servers: [server.id])[server.id] ?? []
    let leaving = Set(try CardTable.cards(tx, server: server.id).filter(\.detaching).map(\.portID))
    let known = Set(ports.map(\.id))
    let gone = try CardTable.cards(tx, server: server.id).map(\.portID).filter { !known.contains($0) }
    if !gone.isEmpty { try CardTable.remove(tx, server: server.id, ports: gone) }
    return try ports.filter { !leaving.contains($0.id) }.map { port in
      guard let slot = try CardTable.add(tx, server: server.id, port: port.id) else {
        throw Fault.forbidden("A server can have at most \(CardTable.slots.count) network interfaces.")
      }
      return (port, slot)
    }.sorted { $0.slot < $1.slot }
  }
}
