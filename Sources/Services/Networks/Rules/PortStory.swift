import Contracts
import Kit
import NodeLink
import Store

/// The story of one port: what it is for, what may pass, and whether it is wired.
enum PortStory {
  /// Rules told at the most.
  private static let rulesMax = 100

  static func tell(_ tx: Transaction, _ port: Port, _ scope: Scope) throws -> Story {
    let finder = StoryFinder(tx: tx, scope: scope, limit: rulesMax)
    var story = Story(finder.mention(port), status: port.status, isOwn: scope.owns(port.standard))
    let groups = try tx.load(SecurityGroup.self, "id IN (\(list: port.securityGroupIDs))", order: "ORDER BY name, id")
    story.asked = facts(port, groups, scope)
    story.asker = .init(userID: nil, requestID: nil, at: port.standard.createdAt)
    story.objects = objects(port)
    story.observed = story.objects.isEmpty ? [] : [.init("wired", port.ready ? "yes" : "no")]
    if let missing = missing(port) { story.missing = [missing] }
    story.rules = rules(port, groups)
    story.related = try related(port, finder)
    return story
  }

  private static func facts(_ port: Port, _ groups: [SecurityGroup], _ scope: Scope) -> [Story.Fact] {
    var facts: [Story.Fact] = [
      .init("mac", port.mac.description), .init("addresses", port.fixedIPs.map(\.address).joined(separator: ", ")),
      .init("used by", port.deviceOwner.isEmpty ? "nobody" : "\(port.deviceOwner) \(port.deviceID)"),
    ]
    if !port.adminStateUp { facts.append(.init("admin state", "down: nothing passes")) }
    facts.append(
      port.portSecurityEnabled
        ? .init("groups", groups.map(\.standard.name).joined(separator: ", ")) : .init("port security", "off"))
    if !port.addressPairs.isEmpty {
      facts.append(
        .init("also allowed", port.addressPairs.map { "\($0.address) from \($0.mac)" }.joined(separator: ", ")))
    }
    if scope.isAdmin, !port.host.isEmpty { facts.append(.init("host", port.host)) }
    return facts
  }

  /// A server's port is an object of its own; a router's or DHCP's is part of that.
  private static func objects(_ port: Port) -> [Mention.Key] {
    if port.serverID != nil { return port.nodeID == nil ? [] : [.init(Port.kind, port.id)] }
    switch port.deviceOwner {
    case DeviceOwner.routerInterface, DeviceOwner.routerGateway: return [.init(Router.kind, port.deviceID)]
    case DeviceOwner.dhcp: return [.init(Network.kind, port.networkID)]
    default: return []
    }
  }

  private static func missing(_ port: Port) -> Story.Missing? {
    guard port.serverID != nil else { return nil }
    if port.nodeID == nil {
      return .init(what: "Unbound", why: "Its server has no host, so nothing wires it.")
    }
    return port.ready ? nil : .init(what: "NotWired", why: "Its host has not said that it is wired as asked.")
  }

  /// What may pass, a line each.
  private static func rules(_ port: Port, _ groups: [SecurityGroup]) -> [String] {
    guard port.portSecurityEnabled else { return ["Port security is off: everything passes, from any address."] }
    guard !groups.isEmpty else { return ["It has no security group: only DHCP and metadata pass."] }
    let lines = groups.flatMap { group in group.rules.map { line($0, of: group) } }.sorted()
    if lines.isEmpty { return ["Its security groups have no rules: only DHCP and metadata pass."] }
    let more = lines.count > rulesMax ? ["and \(lines.count - rulesMax) more"] : []
    return lines.prefix(rulesMax) + more
  }

  /// `in  IPv4 tcp 22 from 10.0.0.0/8 (web)`.
  private static func line(_ rule: SecurityGroupRule, of group: SecurityGroup) -> String {
    let isIn = rule.direction == "ingress"
    var parts = [isIn ? "in" : "out", rule.ethertype, rule.protocolName ?? "anything"]
    switch (rule.portMin, rule.portMax) {
    case (let low?, let high?): parts.append(low == high ? "\(low)" : "\(low)-\(high)")
    case (let one?, nil), (nil, let one?): parts.append("\(one)")
    case (nil, nil): break
    }
    let remote = rule.remotePrefix ?? rule.remoteGroupID.map { "members of group \($0)" }
    if let remote { parts.append("\(isIn ? "from" : "to") \(remote)") }
    return parts.joined(separator: " ") + " (\(group.standard.name))"
  }

  private static func related(_ port: Port, _ finder: StoryFinder) throws -> [Story.Related] {
    var related = try finder.related("network", Network.self, "id = \(port.networkID)")
    if let server = port.serverID { related.append(.init("server", .init("server", server))) }
    if [DeviceOwner.routerInterface, DeviceOwner.routerGateway].contains(port.deviceOwner) {
      related += try finder.related("router", Router.self, "id = \(port.deviceID)")
    }
    if port.serverID != nil { related += try ways(port, finder) }
    return related + (try finder.related("floating ip", FloatingIP.self, "port_id = \(port.id)"))
  }

  /// The routers of its network.
  private static func ways(_ port: Port, _ finder: StoryFinder) throws -> [Story.Related] {
    try finder.related(
      "router of its network", Router.self,
      """
      id IN (SELECT device_id FROM port
        WHERE network_id = \(port.networkID) AND device_owner = \(DeviceOwner.routerInterface))
      """)
  }
}
