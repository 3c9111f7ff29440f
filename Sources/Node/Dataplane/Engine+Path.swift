import Kit
import NodeLink

extension Engine {
  /// The way of a port's packets, by what the last look was asked; nil for a port that was not in it.
  func packetPath(_ portID: String) async -> PacketPath? {
    guard let held, let port = held.checked.ports[portID], let network = held.checked.networks[port.networkID] else {
      return nil
    }
    let reader = PathReader(
      names: names, checked: held.checked, rules: held.rules, port: port, network: network, thread: thread,
      directory: directory, answersMetadata: await metadata.answers(network.id))
    return await reader.read()
  }
}
