import Kit

/// The table of one router's namespace: floating IPs both ways, SNAT, and a floating IP asked from inside.
struct RouterTable {
  static let name = "haneul"
  /// Sets whose elements count the packets that come to a floating IP, and those that leave by it.
  static let countIn = "seen_in"
  static let countOut = "seen_out"

  let router: CheckedRouter

  func render() -> String {
    let pairs = router.floating.sorted { $0.key < $1.key }
    let text = RuleText(replacing: "ip", Self.name) { text in
      text.set("map floating_in", type: "ipv4_addr : ipv4_addr", pairs.map { "\($0) : \($1)" }.joined(separator: ", "))
      text.set("map floating_out", type: "ipv4_addr : ipv4_addr", outgoing(pairs))
      let floating = pairs.map { "\($0.key)" }.joined(separator: ", ")
      text.set("set \(Self.countIn)", type: "ipv4_addr", counted: true, floating)
      text.set("set \(Self.countOut)", type: "ipv4_addr", counted: true, floating)
      // Before the address is translated, and after.
      text.chain("count_in", hook: "prerouting", priority: -150, ["ip daddr @\(Self.countIn)"])
      text.chain("count_out", hook: "postrouting", priority: 150, ["ip saddr @\(Self.countOut)"])
      text.chain("prerouting", type: "nat", hook: "prerouting", priority: -100, ["dnat to ip daddr map @floating_in"])
      text.chain("output", type: "nat", hook: "output", priority: -100, ["dnat to ip daddr map @floating_in"])
      text.chain("postrouting", type: "nat", hook: "postrouting", priority: 100, postrouting)
    }
    return text.text
  }

  /// A fixed address with two floating ones goes out by the lower.
  private func outgoing(_ pairs: [(key: IPAddress, value: IPAddress)]) -> String {
    var seen: Set<IPAddress> = []
    return pairs.filter { seen.insert($0.value).inserted }.map { "\($0.value) : \($0.key)" }.joined(separator: ", ")
  }

  private var postrouting: [String] {
    guard let gateway = router.gateway else { return [] }
    let out = "oifname \"\(gateway.device.name)\""
    let hairpin = "ct status dnat iifname != \"\(gateway.device.name)\""
    var rules = ["\(out) snat to ip saddr map @floating_out", "\(hairpin) snat to ip saddr map @floating_out"]
    if let source = gateway.sourceAddress {
      if gateway.enableSNAT { rules.append("\(out) snat to \(source)") }
      rules.append("\(hairpin) snat to \(source)")
    }
    return rules
  }
}
