import API
public import Auth
public import Contracts
import Kit
public import Store

extension NetworksService: NetworksContract {
  public func attach(
    _ tx: Transaction, server: ServerReference, requests: [CardRequest]?, securityGroups: [String],
    principal: Principal, nodeID: String?, requestID: String
  ) throws -> [ServerPort] {
    let change = Change(tx, requestID: requestID)
    let ids = try change.attachCards(
      requests, to: server, groups: securityGroups, principal: principal, nodeID: nodeID)
    try change.finish()
    let all = try ServerPorts.load(tx, servers: [server.id])[server.id] ?? []
    return all.filter { ids.contains($0.id) }
  }

  public func detach(_ tx: Transaction, serverID: String, portIDs: [String], requestID: String) throws {
    let change = Change(tx, requestID: requestID)
    try change.detachCards(serverID: serverID, portIDs: portIDs)
    try change.finish()
  }

  public func release(_ tx: Transaction, serverID: String, requestID: String) throws {
    let change = Change(tx, requestID: requestID)
    try change.detachCards(serverID: serverID, portIDs: nil)
    try change.finish()
  }

  public func ports(_ tx: Transaction, servers: [String]) throws -> [String: [ServerPort]] {
    try ServerPorts.load(tx, servers: servers)
  }

  public func servers(_ tx: Transaction, after serverID: String, limit: Int) throws -> [String] {
    try tx.query(
      "SELECT DISTINCT server_id FROM port WHERE server_id > \(serverID) ORDER BY server_id LIMIT \(limit)"
    ) { $0.text(0) }
  }

  public func setSecurityGroup(
    _ tx: Transaction, serverID: String, projectID: String, group: String, present: Bool, requestID: String
  ) throws {
    let change = Change(tx, requestID: requestID)
    let missing = Fault.notFound("Security group \(group.quoted) not found for project \(projectID).")
    let id = try change.group(group, projectID, missing: missing)
    var ports = try tx.load(Port.self, "server_id = \(serverID)")
    if !present, !ports.contains(where: { $0.securityGroupIDs.contains(id) }) {
      throw Fault.notFound("Security group \(group.quoted) is not associated with server \(serverID).")
    }
    ports.removeAll { !$0.portSecurityEnabled || $0.securityGroupIDs.contains(id) == present }
    for var port in ports {
      change.mark(port)
      if present { port.securityGroupIDs.append(id) } else { port.securityGroupIDs.removeAll { $0 == id } }
      try change.storeGroups(port)
      try tx.touch(Port.self, id: port.id)
      change.mark(port)
    }
    try change.finish()
  }

  public func serverRenamed(_ tx: Transaction, serverID: String, hostname: String) throws {
    let change = Change(tx, requestID: nil)
    let name = Port.safeHostname(hostname)
    for var port in try tx.load(Port.self, "server_id = \(serverID)") where port.hostname != name {
      port.hostname = name
      try tx.save(port)
      change.mark(port)
    }
    try change.finish()
  }
}
