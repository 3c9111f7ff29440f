import Kit
import NodeLink

/// Finds the server behind a network and a source address.
struct PortIndex: Sendable {
  private struct Place: Hashable {
    var networkID: String
    var address: IPAddress
  }
  private var servers: [Place: String] = [:]

  /// A port counts only where the server it names has it among its cards: `device_id` alone is what users may write.
  init(_ manifest: HeldManifest) {
    var disputed: Set<Place> = []
    for held in manifest.objects.values {
      guard !held.buried, case .port(let port) = held.spec, let server = manifest.server(port.deviceID),
        server.nics.contains(where: { $0.portID == port.id })
      else { continue }
      var addresses = port.fixedIPs.compactMap { IPAddress($0.address) }
      if let mac = MACAddress(port.mac) { addresses.append(.linkLocal(mac: mac)) }
      for address in addresses {
        let place = Place(networkID: port.networkID, address: address)
        if let other = servers.updateValue(server.id, forKey: place), other != server.id { disputed.insert(place) }
      }
    }
    for place in disputed { servers[place] = nil }
  }

  /// The server with that address on that network; nil where there is none, or more than one.
  func server(networkID: String, address text: String) -> String? {
    let plain = text.split(separator: "%", maxSplits: 1).first.map(String.init) ?? text
    guard let address = IPAddress(plain) else { return nil }
    return servers[Place(networkID: networkID, address: address)]
  }
}
