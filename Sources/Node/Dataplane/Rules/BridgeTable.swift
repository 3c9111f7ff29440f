import Kit

/// The bridge family's table: who a frame may claim to be from, and which port's rules the `inet` table asks.
///
/// A tap of ours that is not described passes nothing in either direction. Marks are set at the forward hook, where
/// both ports are known; each half belongs to whoever owns that port, so that two clouds can share a bridge.
struct BridgeTable {
  let input: RuleInput

  /// The whole table as one transaction's text.
  func render() -> String {
    let prefix = input.names.tag.interfacePrefix
    let taps = input.names.tapPrefix
    let text = RuleText(replacing: "bridge", input.names.tag.nftTable) { text in
      for port in input.guarded { AntiSpoofing(port: port).render(into: &text) }
      text.set("map from_guest", type: "ifname : verdict", verdicts(guarded: "goto from_", open: "accept"))
      text.set("map marks_in", type: "ifname : verdict", verdicts(guarded: "jump in_", open: nil))
      text.set("map marks_out", type: "ifname : verdict", verdicts(guarded: "goto out_", open: "accept"))
      text.chain(
        "prerouting", hook: "prerouting", priority: -300,
        [
          "iifname vmap @from_guest", "iifname \"\(taps)*\" counter drop comment \"tap nobody described\"",
        ])
      text.chain(
        "forward", hook: "forward", priority: -200,
        [
          "iifname \"\(prefix)*\" meta mark set meta mark and 0x0000ffff",
          "oifname \"\(prefix)*\" meta mark set meta mark and 0xffff0000",
          "iifname vmap @marks_in", "oifname vmap @marks_out",
          "oifname \"\(taps)*\" counter drop comment \"tap nobody described\"",
        ])
      text.chain("input", hook: "input", priority: -200, input(prefix))
      text.chain("output", hook: "output", priority: -200, ["oifname vmap @marks_out", "oifname \"\(taps)*\" drop"])
    }
    return text.text
  }

  private func verdicts(guarded: String, open: String?) -> String {
    let some = input.guarded.map { "\"\($0.port.tap)\" : \(guarded)\($0.key)" }
    let rest = open.map { verdict in input.open.map { "\"\($0.port.tap)\" : \(verdict)" } } ?? []
    return (some + rest).joined(separator: ", ")
  }

  /// The host itself answers nothing that comes in by our ports, except on the external network.
  private func input(_ prefix: String) -> [String] {
    let external = (input.guarded + input.open).filter(\.external).map { "\"\($0.port.tap)\"" }
    return ["iifname \"\(input.names.gatewayPrefix)*\" accept"]
      + (external.isEmpty ? [] : ["iifname { \(external.joined(separator: ", ")) } accept"])
      + ["iifname \"\(prefix)*\" counter drop comment \"guest to host\""]
  }
}

/// The chains of one port that compare what its guest sends with what the port owns.
struct AntiSpoofing {
  let port: RuleInput.Port

  private var key: String { port.key }
  private var sources: [CheckedPort.Source] { port.port.sources }
  private var macs: String { sources.map(\.mac.description).joined(separator: ", ") }
  private var macNumbers: String { sources.map { "0x" + String($0.mac.bits, radix: 16) }.joined(separator: ", ") }
  private var six: String { AddressRanges.union(sources.map(\.addresses)).sixNumbers }

  /// Where what its guest sends may be dropped.
  static func chains(_ key: String) -> [String] { ["from_", "arp_", "ip_", "ip6_", "nd_"].map { $0 + key } }

  func render(into text: inout RuleText) {
    text.chain("nd_\(key)", neighbourDiscovery)
    text.chain("arp_\(key)", arp)
    text.chain("ip_\(key)", ip)
    text.chain("ip6_\(key)", ip6)
    text.chain(
      "from_\(key)",
      [
        "ether saddr != { \(macs) } counter drop comment \"source MAC\"",
        "ether type vmap { arp : goto arp_\(key), ip : goto ip_\(key), ip6 : goto ip6_\(key) }",
        "counter drop comment \"ether type\"",
      ])
    text.chain("in_\(key)", ["meta mark set meta mark or \(port.inMark)"])
    text.chain("out_\(key)", ["meta mark set meta mark or \(port.outMark)", "accept"])
  }

  /// Sender MAC and address are the port's; a probe (sender 0.0.0.0) asks for an address of the port.
  private var arp: [String] {
    var rules = ["htype != 1", "ptype != ip", "hlen != 6", "plen != 4"].map {
      "arp \($0) counter drop comment \"ARP format\""
    }
    for source in sources where !source.addresses.four.isEmpty {
      let sender = "ether saddr \(source.mac) arp saddr ether \(source.mac)"
      let own = "{ \(source.addresses.elements(version: 4)) }"
      rules.append("\(sender) arp saddr ip \(own) accept")
      rules.append("\(sender) arp operation request arp saddr ip 0.0.0.0 arp daddr ip \(own) accept")
    }
    return rules + ["counter drop comment \"ARP sender\""]
  }

  /// DHCP is asked with the port's own hardware address in it (`chaddr`, 28 bytes into the payload).
  private var ip: [String] {
    let asking = "udp sport 68 udp dport 67"
    var rules = [
      "ip saddr 0.0.0.0 ip daddr 255.255.255.255 \(asking) @th,288,48 { \(macNumbers) } accept",
      "\(asking) @th,288,48 != { \(macNumbers) } counter drop comment \"DHCP for another\"",
      "udp sport 67 udp dport 68 counter drop comment \"DHCP server\"",
    ]
    for source in sources where !source.addresses.four.isEmpty {
      rules.append("ether saddr \(source.mac) ip saddr { \(source.addresses.elements(version: 4)) } accept")
    }
    return rules + ["counter drop comment \"IPv4 source\""]
  }

  private var ip6: [String] {
    var rules = [
      "ip6 saddr :: icmpv6 type nd-neighbor-solicit @th,64,128 { \(six) } accept",
      "ip6 saddr :: icmpv6 type { 131, 132, 143 } accept",
    ]
    for source in sources where !source.addresses.six.isEmpty {
      rules.append("ether saddr \(source.mac) ip6 saddr { \(source.addresses.elements(version: 6)) } goto nd_\(key)")
    }
    return rules + ["counter drop comment \"IPv6 source\""]
  }

  private var neighbourDiscovery: [String] {
    [
      "icmpv6 type nd-neighbor-advert @th,64,128 != { \(six) } counter drop comment \"NA target\"",
      "icmpv6 type { nd-router-advert, nd-redirect, 138 } counter drop comment \"router message\"",
      "udp sport 547 udp dport 546 counter drop comment \"DHCPv6 server\"", "accept",
    ]
  }
}
