import Kit
public import NodeLink
public import Store

extension NetworksService: NodeObserver {
  /// Notes that the node is alive, and of its ports, networks and routers whether they are as asked.
  public func observe(_ tx: Transaction, node: String, report: Report) throws {
    let isNew = try AgentTable.heard(tx, node: node, hostname: report.facts?.hostname, now: .now())
    if isNew {
      let change = Change(tx, requestID: nil)
      try change.placeRouters()
      try change.finish()
    }
    for observation in report.observations {
      let ready = observation.ready && !observation.removed
      switch observation.key.kind {
      case .port:
        if observation.ready || observation.removed {
          try HeldAddressTable.release(
            tx, node: node, portID: observation.key.id, upTo: observation.generation)
        }
        try note(tx, ready, "id = \(observation.key.id) AND node_id = \(node)")
      case .network:
        try note(
          tx, ready, "network_id = \(observation.key.id) AND device_owner = \(DeviceOwner.dhcp)")
      case .router:
        try note(
          tx, ready,
          """
          device_id = \(observation.key.id)
          AND device_owner IN (\(DeviceOwner.routerInterface), \(DeviceOwner.routerGateway))
          """)
      case .server, .securityGroup, .addressSet: break
      }
    }
  }

  /// Stores an observation where it differs.
  private func note(_ tx: Transaction, _ ready: Bool, _ which: SQL) throws {
    for var port in try tx.load(Port.self, which, "ready <> \(ready)") {
      port.ready = ready
      try tx.save(port)
    }
  }
}

extension Change {
  /// Routers placed in one transaction at the most; the converger places the rest.
  private static var placedMax: Int { 100 }

  /// Gives routers that have no host one: the first living node.
  func placeRouters() throws {
    guard let node = try AgentTable.all(tx).first(where: \.isAlive)?.nodeID else { return }
    let homeless = try tx.query(
      """
      SELECT id FROM router WHERE id NOT IN (SELECT router_id FROM router_host) ORDER BY id LIMIT \(Self.placedMax)
      """
    ) { $0.text(0) }
    for id in homeless { try placeRouter(id, on: node) }
  }

  private func placeRouter(_ id: String, on node: String) throws {
    try tx.execute("INSERT INTO router_host (router_id, position, node_id) VALUES (\(id), 0, \(node))")
    routers.insert(id)
    for port in try tx.rows(Port.self, ["device_id = \(id)"]) where port.isService { mark(port) }
  }
}
