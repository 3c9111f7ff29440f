import Kit
import NodeLink
import Store

/// One transaction of the network service: what it touched, so that at its end the manifests say the same.
///
/// Whoever changes a resource marks it; `finish` recomputes what nodes should hold of everything that was marked.
final class Change {
  let tx: Transaction
  let requestID: String?
  var networks: Set<String> = []
  var ports: Set<String> = []
  var routers: Set<String> = []
  /// Groups whose rules or members changed.
  var groups: Set<String> = []
  /// Servers whose guests or metadata should know.
  var servers: Set<String> = []

  init(_ tx: Transaction, requestID: String?) {
    self.tx = tx
    self.requestID = requestID
  }

  /// Marks a port and all that its node needs for it: call before and after it changes.
  func mark(_ port: Port) {
    ports.insert(port.id)
    networks.insert(port.networkID)
    groups.formUnion(port.securityGroupIDs)
    if port.deviceOwner == DeviceOwner.routerInterface || port.deviceOwner == DeviceOwner.routerGateway {
      routers.insert(port.deviceID)
    }
  }

  /// Says that the server's guest should know.
  func tellServer(of port: Port) {
    if let server = port.serverID { servers.insert(server) }
  }
}
