import Kit

/// The `inet` table: security groups, stateful by conntrack with a zone for each network.
///
/// A bridged packet's mark says from which of our ports it comes (high half) and to which it goes (low half); zero is
/// a port that has no rules. A packet first passes its sender's egress rules, then its receiver's ingress rules.
struct GroupTable {
  let input: RuleInput

  /// Comment of the counter of all that a port's chain is asked about: the beginnings of flows.
  static let asked = "asked"

  func render() -> String {
    let bridges = (input.zones.keys.sorted() + [input.names.externalBridge]).map { "\"\($0)\"" }
    let text = RuleText(replacing: "inet", input.names.tag.nftTable) { text in
      renderMembers(into: &text)
      text.set("set bridges", type: "ifname", bridges.joined(separator: ", "))
      for group in input.groups {
        GroupRules(group: group, empty: input.emptied.contains(group.id)).render(into: &text)
      }
      for port in input.guarded { renderPort(port, into: &text) }
      text.set("map egress_of", type: "mark : verdict", verdicts { ($0.inMark, "goto egress_\($0.key)") })
      text.set("map ingress_of", type: "mark : verdict", verdicts { ($0.outMark, "goto ingress_\($0.key)") })
      text.chain(
        "ingress",
        [
          "meta mark and 0x0000ffff vmap @ingress_of", "meta mark and 0x0000ffff 0x0 accept",
          "iifname \"\(input.names.externalBridge)\" accept", "counter drop",
        ])
      text.chain("no_flow", ["counter drop comment \"invalid state\""])
      text.chain("forward", hook: "forward", priority: 0, forward)
      text.chain("zones", hook: "prerouting", priority: -300, zones)
      renderHost(into: &text)
    }
    return text.text
  }

  private func verdicts(_ entry: (RuleInput.Port) -> (String, String)) -> String {
    input.guarded.map { port in
      let (mark, verdict) = entry(port)
      return "\(mark) : \(verdict)"
    }.joined(separator: ", ")
  }

  private var zones: [String] {
    guard !input.zones.isEmpty else { return [] }
    let elements = input.zones.sorted { $0.key < $1.key }.map { "\"\($0.key)\" : \($0.value)" }
    return ["ct zone set iifname map { \(elements.joined(separator: ", ")) }"]
  }

  private var forward: [String] {
    let external = input.names.externalBridge
    var rules: [String] = []
    if input.names.ownsExternalBridge && input.masqueraded == nil {
      rules.append("iifname \"\(external)\" oifname != \"\(external)\" counter drop comment \"host does not forward\"")
      rules.append("oifname \"\(external)\" iifname != \"\(external)\" counter drop comment \"host does not forward\"")
    }
    rules.append("iifname != @bridges oifname != @bridges accept")
    let stateless = input.guarded.filter { !$0.stateful }
    if !stateless.isEmpty {
      rules.append("meta mark and 0xffff0000 { \(stateless.map(\.inMark).joined(separator: ", ")) } goto decide")
      rules.append("meta mark and 0x0000ffff { \(stateless.map(\.outMark).joined(separator: ", ")) } goto decide")
    }
    // A flow that was cut must not come back by a packet of its middle, which could stand for the other direction.
    return rules + [
      "ct state vmap { established : accept, related : accept, invalid : goto no_flow }",
      "ct state new tcp flags & (fin | syn | rst | ack) != syn counter drop comment \"middle of a flow\"",
      "goto decide",
    ]
  }

  private func renderPort(_ port: RuleInput.Port, into text: inout RuleText) {
    let groups = port.port.groups.filter { id in input.groups.contains { $0.id == id } }
    let known = port.stateful ? "ct state established,related" : nil
    text.chain(
      "egress_\(port.key)",
      ["counter comment \"\(Self.asked)\""] + (known.map { ["\($0) goto ingress"] } ?? []) + [
        "icmpv6 type { 134, 137, 138 } counter drop comment \"router message\"",
        "icmpv6 type { 130, 131, 132, 133, 135, 136, 143 } goto ingress",
        "meta nfproto ipv4 udp sport 67 udp dport 68 counter drop comment \"DHCP server\"",
        "meta nfproto ipv6 udp sport 547 udp dport 546 counter drop comment \"DHCPv6 server\"",
        "meta nfproto ipv4 udp sport 68 udp dport 67 goto ingress",
        "meta nfproto ipv6 udp sport 546 udp dport 547 goto ingress",
        "ip daddr 169.254.169.254 tcp dport 80 goto ingress",
      ] + groups.map { "jump egress_\($0.compact)" } + ["counter drop comment \"no egress rule\""])
    text.chain(
      "ingress_\(port.key)",
      ["counter comment \"\(Self.asked)\""] + (known.map { ["\($0) accept"] } ?? []) + [
        "icmpv6 type { 130, 131, 132, 134, 135, 136, 143 } accept",
        "meta nfproto ipv4 udp sport 67 udp dport 68 accept",
        "meta nfproto ipv6 udp sport 547 udp dport 546 accept",
        "ip saddr 169.254.169.254 tcp sport 80 accept",
      ] + groups.map { "jump ingress_\($0.compact)" } + ["counter drop comment \"no ingress rule\""])
  }

  /// The members of every group that some rule names; a group nobody told us the members of has none.
  private func renderMembers(into text: inout RuleText) {
    for id in Set(input.groups.flatMap(\.remoteGroups)).sorted() {
      let ranges = input.addressSets[id] ?? AddressRanges([])
      text.set("set m4_\(id.compact)", type: "ipv4_addr", interval: true, ranges.elements(version: 4))
      text.set("set m6_\(id.compact)", type: "ipv6_addr", interval: true, ranges.elements(version: 6))
    }
  }

  /// Between the host itself and servers on the external bridge there is no forward hook: rules go by address.
  private func renderHost(into text: inout RuleText) {
    let external = input.names.externalBridge
    let ports = input.guarded.filter(\.external)
    func map(_ direction: String, _ version: Int) -> String {
      ports.flatMap { port in
        port.port.fixedIPs.filter { $0.address.version == version }
          .map { "\($0.address) : goto \(direction)_\(port.key)" }
      }.joined(separator: ", ")
    }
    for version in [4, 6] {
      let type = version == 4 ? "ipv4_addr" : "ipv6_addr"
      text.set("map host_egress\(version)", type: "\(type) : verdict", map("egress", version))
      text.set("map host_ingress\(version)", type: "\(type) : verdict", map("ingress", version))
    }
    let toGuests = ["ip daddr vmap @host_ingress4", "ip6 daddr vmap @host_ingress6"]
    let fromGuests = ["ip saddr vmap @host_egress4", "ip6 saddr vmap @host_egress6"]
    text.chain("to_external", toGuests)
    text.chain("from_external", fromGuests)
    text.chain(
      "decide",
      [
        "iifname \"\(external)\" oifname != \"\(external)\" goto from_external",
        "oifname \"\(external)\" iifname != \"\(external)\" goto to_external",
        "meta mark and 0xffff0000 vmap @egress_of", "meta mark and 0xffff0000 0x0 goto ingress",
        "iifname \"\(external)\" goto ingress", "counter drop comment \"unknown sender\"",
      ])
    text.chain("output", hook: "output", priority: 0, ["oifname \"\(external)\" jump to_external"])
    text.chain("input", hook: "input", priority: 0, ["iifname \"\(external)\" jump from_external"])
    if input.names.ownsExternalBridge { text.chain("host", hook: "input", priority: 10, host) }
    if let block = input.masqueraded, block.version == 4 {
      text.chain(
        "postrouting", type: "nat", hook: "postrouting", priority: 100,
        [
          "ip saddr \(block) oifname != \"\(external)\" masquerade"
        ])
    }
  }
}

extension GroupTable {
  /// What comes to the host by our own external bridge: answers, ICMP and the ports that are open.
  private var host: [String] {
    let ports = input.hostPorts.map(String.init).joined(separator: ", ")
    return ["iifname != \"\(input.names.externalBridge)\" accept", "ct state established,related accept"]
      + ["meta l4proto { 1, 58 } accept"] + (ports.isEmpty ? [] : ["tcp dport { \(ports) } accept"])
      + ["counter drop comment \"guest to host\""]
  }
}

/// The two chains of one security group.
struct GroupRules {
  let group: CheckedGroup
  /// Its rules were refused: it lets nothing through.
  let empty: Bool

  func render(into text: inout RuleText) {
    let rules = empty ? [] : group.rules
    text.chain("egress_\(group.id.compact)", rules.filter { !$0.ingress }.map { $0.text(verdict: "goto ingress") })
    text.chain("ingress_\(group.id.compact)", rules.filter(\.ingress).map { $0.text(verdict: "accept") })
  }
}

extension CheckedGroup.Rule {
  /// The rule in nftables' words.
  func text(verdict: String) -> String {
    var parts = [version == 4 ? "meta nfproto ipv4" : "meta nfproto ipv6"]
    let side = (version == 4 ? "ip " : "ip6 ") + (ingress ? "saddr" : "daddr")
    switch remote {
    case .anyone: break
    case .block(let block): parts.append("\(side) \(block)")
    case .group(let id): parts.append("\(side) @m\(version)_\(id.compact)")
    }
    switch match {
    case .any: break
    case .number(let number): parts.append("meta l4proto \(number)")
    case .ports(let number, let range):
      let ports = range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)"
      parts.append("meta l4proto \(number) th dport \(ports)")
    case .icmp(let type, let code):
      let name = version == 4 ? "icmp" : "icmpv6"
      parts.append("meta l4proto \(version == 4 ? 1 : 58)")
      if let type { parts.append("\(name) type \(type)") }
      if let code { parts.append("\(name) code \(code)") }
    }
    return (parts + ["counter", verdict]).joined(separator: " ")
  }
}
