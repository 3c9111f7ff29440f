import Contracts
import Kit
import Store

/// The story of one router: its ways out and in, and whether its host has it.
enum RouterStory {
  private static let limit = 100

  static func tell(_ tx: Transaction, _ router: Router, _ scope: Scope) throws -> Story {
    let finder = StoryFinder(tx: tx, scope: scope, limit: limit)
    var story = Story(finder.mention(router), status: "ACTIVE", isOwn: scope.owns(router.standard))
    let interfaces = try tx.load(
      Port.self, "device_id = \(router.id)", "device_owner = \(DeviceOwner.routerInterface)",
      order: "ORDER BY created_at, id")
    story.asked = facts(router, interfaces)
    story.asker = .init(userID: nil, requestID: nil, at: router.standard.createdAt)
    story.objects = [.init(Router.kind, router.id)]
    let hosts = try tx.count("SELECT count(*) FROM router_host WHERE router_id = \(router.id)")
    if hosts == 0 {
      story.missing = [
        .init(what: "NoHost", why: "No host has it: none was alive when it was made. The first one that comes gets it.")
      ]
    }
    if !interfaces.isEmpty || router.gatewayPortID != nil, hosts > 0 {
      let up = try tx.count(
        """
        SELECT count(*) FROM port WHERE device_id = \(router.id) AND ready = 1
          AND device_owner IN (\(DeviceOwner.routerInterface), \(DeviceOwner.routerGateway))
        """)
      let all = interfaces.count + (router.gatewayPortID == nil ? 0 : 1)
      story.observed = [.init("interfaces", "\(up) of \(all) wired")]
    }
    story.related = try related(router, interfaces, finder)
    return story
  }

  private static func facts(_ router: Router, _ interfaces: [Port]) -> [Story.Fact] {
    var facts: [Story.Fact] = []
    if router.gatewayPortID != nil {
      let addresses = router.gatewayFixedIPs.map(\.address).joined(separator: ", ")
      facts.append(.init("gateway", "\(addresses), \(router.enableSNAT ? "with" : "without") source NAT"))
    } else {
      facts.append(.init("gateway", "none: no way out, no floating IPs"))
    }
    if !router.adminStateUp { facts.append(.init("admin state", "down")) }
    facts += interfaces.map { port in .init("interface", port.fixedIPs.map(\.address).joined(separator: ", ")) }
    facts += router.routes.map { .init("route", "\($0.destination) by \($0.nexthop)") }
    return facts
  }

  private static func related(
    _ router: Router, _ interfaces: [Port], _ finder: StoryFinder
  ) throws -> [Story.Related] {
    var related: [Story.Related] = []
    if let network = router.gatewayNetworkID {
      related += try finder.related("gateway network", Network.self, "id = \(network)")
    }
    let networks = Set(interfaces.map(\.networkID)).sorted()
    return related + (try finder.related("network", Network.self, "id IN (\(list: networks))"))
      + (try finder.related("interface", Port.self, "id IN (\(list: interfaces.map(\.id)))"))
      + (try finder.related("floating ip", FloatingIP.self, "router_id = \(router.id)"))
  }
}
