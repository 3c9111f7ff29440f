public import Auth
public import Contracts
import Kit
public import Store

/// What the network service tells of its ports, networks, routers and floating addresses.
extension NetworksService: StoryTeller {
  public var storyKinds: Set<String> { [Port.kind, Network.kind, Router.kind, FloatingIP.kind] }

  public func find(_ tx: Transaction, _ text: String, for principal: Principal, limit: Int) throws -> [Mention] {
    let finder = StoryFinder(tx: tx, scope: Scope(principal), limit: limit)
    if let address = IPAddress(text) { return try finder.address(address.description) }
    if let mac = MACAddress(text) { return try finder.mac(mac.description) }
    let which: SQL = "(\(identified(by: text)) OR name = \(text))"
    // A rule has no name, and a group is named `default` in every project.
    return try finder.all(Port.self, which) + finder.all(Network.self, which) + finder.all(Router.self, which)
      + finder.all(FloatingIP.self, which) + finder.all(Subnet.self, which) + finder.all(SecurityGroup.self, which)
      + finder.all(SecurityGroupRule.self, identified(by: text))
  }

  public func mentions(
    _ tx: Transaction, kind: String, ids: [String], for principal: Principal
  ) throws -> [Mention] {
    let finder = StoryFinder(tx: tx, scope: Scope(principal), limit: ids.count)
    let which: SQL = "id IN (\(list: ids))"
    return switch kind {
    case Port.kind: try finder.all(Port.self, which)
    case Network.kind: try finder.all(Network.self, which)
    case Router.kind: try finder.all(Router.self, which)
    case FloatingIP.kind: try finder.all(FloatingIP.self, which)
    default: []
    }
  }

  public func story(_ tx: Transaction, _ subject: Mention.Key, for principal: Principal) throws -> Story? {
    let scope = Scope(principal)
    return switch subject.kind {
    case Port.kind: try tx.find(Port.self, id: subject.id, in: scope).map { try PortStory.tell(tx, $0, scope) }
    case Network.kind: try tx.find(Network.self, id: subject.id, in: scope).map { try NetworkStory.tell(tx, $0, scope) }
    case Router.kind: try tx.find(Router.self, id: subject.id, in: scope).map { try RouterStory.tell(tx, $0, scope) }
    case FloatingIP.kind:
      try tx.find(FloatingIP.self, id: subject.id, in: scope).map { try FloatingIPStory.tell(tx, $0, scope) }
    default: nil
    }
  }

  public func related(
    _ tx: Transaction, to subject: Mention.Key, for principal: Principal, limit: Int
  ) throws -> [Story.Related] {
    let finder = StoryFinder(tx: tx, scope: Scope(principal), limit: limit)
    switch subject.kind {
    case "server":
      let floating: SQL = "port_id IN (SELECT id FROM port WHERE server_id = \(subject.id))"
      return try finder.related("port", Port.self, "server_id = \(subject.id)")
        + finder.related("floating ip", FloatingIP.self, floating)
    case "host":
      let hosted: SQL = "id IN (SELECT router_id FROM router_host WHERE node_id = \(subject.id))"
      return try finder.related("router", Router.self, hosted)
    default: return []
    }
  }

  public func counts(_ tx: Transaction) throws -> [StoryCount] {
    try tx.query("SELECT status, count(*) FROM port GROUP BY status ORDER BY status") {
      StoryCount(kind: Port.kind, status: $0.text(0), count: $0.int(1))
    }
      + tx.query("SELECT port_id IS NULL, count(*) FROM floating_ip GROUP BY port_id IS NULL ORDER BY 1") {
        StoryCount(kind: FloatingIP.kind, status: $0.bool(0) ? "DOWN" : "ACTIVE", count: $0.int(1))
      }
      + [Network.kind, Router.kind].map { kind in
        StoryCount(kind: kind, status: "ACTIVE", count: try tx.count("SELECT count(*) FROM \(raw: kind)"))
      }
  }
}
