/// One project with its user, and what he was told: what was acknowledged must be so.
///
/// `@unchecked Sendable`: everything of the simulation runs on its one thread.
final class Tenant: @unchecked Sendable {
  /// A server as its user knows it.
  struct Server {
    enum Asked { case running, stopped, unknown }
    var id: String
    var name: String
    var asked: Asked
    /// Whether a delete was sent, and whether it was acknowledged.
    var deleteSent = false
    var deleteAcknowledged = false
    /// Somebody works on it now.
    var busy = false
    /// Ports of the user's own that he has given to it, or may have.
    var ownPorts: Set<String> = []
  }

  let number: Int
  let projectID: String
  var token = ""
  var networks: [(id: String, subnet: String)] = []
  var servers: [String: Server] = [:]
  /// Names of servers whose creation nobody answered for.
  var lostNames: Set<String> = []
  /// Ports that were acknowledged and not asked to go.
  var ports: Set<String> = []
  var groups: Set<String> = []
  var made = 0

  init(number: Int, projectID: String) {
    self.number = number
    self.projectID = projectID
  }

  var name: String { "tenant-\(number)" }

  /// Servers that nobody works on now, in a stable order.
  var idle: [String] { servers.values.filter { !$0.busy && !$0.deleteSent }.map(\.id).sorted() }
}
