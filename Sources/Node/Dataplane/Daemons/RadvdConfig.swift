import Kit

/// What a router announces on its interfaces, in radvd's words; empty where there is nothing to announce.
struct RadvdConfig: Sendable, Hashable {
  let text: String

  init(router: CheckedRouter) {
    text = router.adminStateUp ? router.interfaces.map(Self.interface).joined() : ""
  }

  private static func interface(_ interface: CheckedRouter.Interface) -> String {
    let subnets = interface.advertised.filter { $0.raMode != nil }
    guard !subnets.isEmpty else { return "" }
    let managed = subnets.contains { $0.raMode == .stateful }
    let other = subnets.contains { $0.raMode != .slaac }
    var lines = [
      "interface \(interface.device.name) {", "  AdvSendAdvert on;", "  MinRtrAdvInterval 30;",
      "  MaxRtrAdvInterval 100;",
      "  AdvManagedFlag \(managed ? "on" : "off");", "  AdvOtherConfigFlag \(other ? "on" : "off");",
      "  AdvLinkMTU \(max(interface.device.mtu, 1280));",
    ]
    for subnet in subnets {
      lines += [
        "  prefix \(subnet.cidr) {", "    AdvOnLink on;",
        "    AdvAutonomous \(subnet.raMode == .stateful ? "off" : "on");", "  };",
      ]
    }
    let nameservers = subnets.flatMap(\.nameservers).filter { $0.version == 6 }
    if !nameservers.isEmpty { lines.append("  RDNSS \(nameservers.map(\.description).joined(separator: " ")) { };") }
    return (lines + ["};"]).map { $0 + "\n" }.joined()
  }
}
