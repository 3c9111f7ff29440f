import Contracts
import Kit
import Store

/// Finds resources in few words, among what a scope sees.
struct StoryFinder {
  let tx: Transaction
  let scope: Scope
  /// Of each kind.
  let limit: Int

  /// Resources that fulfil a condition.
  func all<R: StoredResource>(_ type: R.Type, _ which: SQL, what: String? = nil) throws -> [Mention] {
    try rows(type, which).map { mention($0, what: what) }
  }

  /// Resources that fulfil a condition, as related ones.
  func related<R: StoredResource>(_ relation: String, _ type: R.Type, _ which: SQL) throws -> [Story.Related] {
    try rows(type, which).map { .init(relation, .init(R.kind, $0.id), name: mention($0).name) }
  }

  private func rows<R: StoredResource>(_ type: R.Type, _ which: SQL) throws -> [R] {
    let conditions: [SQL] = [which] + (scope.visible(type).map { [$0] } ?? [])
    return try tx.rows(type, conditions, order: "ORDER BY created_at, id LIMIT \(limit)")
  }

  func mention<R: StoredResource>(_ record: R, what: String? = nil) -> Mention {
    let name = (record as? FloatingIP)?.address ?? record.standard.name
    let project = record.standard.projectID
    return Mention(
      .init(R.kind, record.id), name: name, projectID: project.isEmpty ? nil : project,
      what: what ?? R.kind.replacing("_", with: " "))
  }

  /// What has an address: a floating one, a router's gateway, a port's, a subnet's gateway.
  func address(_ address: String) throws -> [Mention] {
    let ports: SQL = "SELECT port_id FROM port_address WHERE address = \(address)"
    // The ports behind floating addresses and gateways are the cloud's own; whose they are is told in their place.
    let own: SQL = "device_owner NOT IN (\(DeviceOwner.floatingIP), \(DeviceOwner.routerGateway))"
    return try all(FloatingIP.self, "address = \(address)", what: "floating IP")
      + all(Router.self, "gateway_port_id IN (\(ports))", what: "gateway address of router")
      + all(Port.self, "id IN (\(ports)) AND \(own)", what: "fixed address of port")
      + all(Subnet.self, "gateway_ip = \(address)", what: "gateway address of subnet")
  }

  func mac(_ mac: String) throws -> [Mention] {
    try all(Port.self, "mac_address = \(mac)", what: "MAC of port")
  }
}
