import Contracts
import Kit
import Store

/// The story of one network: its subnets, who is on it, and whether its hosts have it.
enum NetworkStory {
  /// Ports named at the most.
  private static let portsMax = 50

  static func tell(_ tx: Transaction, _ network: Network, _ scope: Scope) throws -> Story {
    let finder = StoryFinder(tx: tx, scope: scope, limit: portsMax)
    var story = Story(finder.mention(network), status: "ACTIVE", isOwn: scope.owns(network.standard))
    let subnets = try tx.rows(Subnet.self, ["network_id = \(network.id)"], order: "ORDER BY created_at, id")
    story.asked = [
      .init("kind", network.external ? "external" : network.shared ? "shared" : "of its project"),
      .init("mtu", "\(network.mtu)"),
    ]
    if !network.adminStateUp { story.asked.append(.init("admin state", "down")) }
    story.asked += subnets.map { subnet in
      let gateway = subnet.gateway.map { ", gateway \($0)" } ?? ", no gateway"
      return .init("subnet", "\(subnet.cidr)\(gateway), DHCP \(subnet.enableDHCP ? "on" : "off") (\(subnet.id))")
    }
    story.asker = .init(userID: nil, requestID: nil, at: network.standard.createdAt)
    story.objects = [.init(Network.kind, network.id)]
    story.observed = try observed(tx, network)
    let routers: SQL = """
      id IN (SELECT device_id FROM port WHERE network_id = \(network.id)
        AND device_owner IN (\(DeviceOwner.routerInterface), \(DeviceOwner.routerGateway)))
      """
    story.related =
      try finder.related("router", Router.self, routers)
      + finder.related("port", Port.self, "network_id = \(network.id) AND server_id IS NOT NULL")
    return story
  }

  private static func observed(_ tx: Transaction, _ network: Network) throws -> [Story.Fact] {
    let dhcp = try tx.rows(Port.self, ["network_id = \(network.id)", "device_owner = \(DeviceOwner.dhcp)"])
    let ports = try tx.query(
      "SELECT ready, count(*) FROM port WHERE network_id = \(network.id) AND node_id IS NOT NULL GROUP BY ready"
    ) { ($0.bool(0), $0.int(1)) }
    var facts = dhcp.map { Story.Fact("DHCP", $0.ready ? "answers" : "not seen yet") }
    let wired = ports.first { $0.0 }?.1 ?? 0
    let all = ports.map(\.1).reduce(0, +)
    if all > 0 { facts.append(.init("ports", "\(wired) of \(all) wired")) }
    return facts
  }
}
