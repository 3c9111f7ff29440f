/// One thing a security group allows.
struct SecurityGroupRule: Sendable {
  var standard: StandardAttributes
  var groupID: String
  /// `ingress` or `egress`.
  var direction: String
  /// `IPv4` or `IPv6`.
  var ethertype = "IPv4"
  /// As it was said: a name or a number; nil is any.
  var protocolName: String?
  var portMin: Int?
  var portMax: Int?
  /// Canonical block.
  var remotePrefix: String?
  var remoteGroupID: String?

  /// The IANA number; nil is any.
  var protocolNumber: Int? { protocolName.flatMap { IPProtocol.number($0, ethertype: ethertype) } }

  /// What two equal rules share.
  var sameness: [String] {
    [
      groupID, direction, ethertype, protocolNumber.map(String.init) ?? "", portMin.map(String.init) ?? "",
      portMax.map(String.init) ?? "", remotePrefix ?? "", remoteGroupID ?? "",
    ]
  }
}

/// Names and numbers of the protocols a rule can name.
enum IPProtocol {
  static let numbers: [String: Int] = [
    "ah": 51, "dccp": 33, "egp": 8, "esp": 50, "gre": 47, "hopopt": 0, "icmp": 1, "icmpv6": 58, "igmp": 2,
    "ipip": 4, "ipv6-encap": 41, "ipv6-frag": 44, "ipv6-icmp": 58, "ipv6-nonxt": 59, "ipv6-opts": 60,
    "ipv6-route": 43, "ospf": 89, "pgm": 113, "rsvp": 46, "sctp": 132, "tcp": 6, "udp": 17, "udplite": 136, "vrrp": 112,
  ]
  /// Those whose rules may name ports.
  static let withPorts: Set<Int> = [6, 17, 33, 132, 136]
  /// Those that mean something in IPv6 only.
  static let onlyIPv6: Set<Int> = [41, 43, 44, 58, 59, 60]

  /// Words for any protocol.
  static let any: Set<String> = ["any", "ip", "0"]

  /// The number of a name or of digits; `icmp` in an IPv6 rule is ICMPv6. nil where it is neither, and for any.
  static func number(_ name: String, ethertype: String) -> Int? {
    let lower = name.lowercased()
    if any.contains(lower) { return nil }
    guard let number = numbers[lower] ?? Int(lower), (0...255).contains(number) else { return nil }
    if number == 1, ethertype == "IPv6" { return 58 }
    return number
  }
}
