import Kit
import NodeLink

/// A security group of the intent: rules that nftables is known to understand.
struct CheckedGroup: Sendable, Hashable {
  struct Rule: Sendable, Hashable {
    enum Remote: Sendable, Hashable {
      case anyone
      case block(CIDR)
      case group(String)
    }
    enum Match: Sendable, Hashable {
      case any
      case number(Int)
      case ports(Int, ClosedRange<Int>)
      /// ICMP of the rule's IP version, with type and code where they are given.
      case icmp(type: Int?, code: Int?)
    }
    var ingress: Bool
    var version: Int
    var match: Match
    var remote: Remote
  }

  var id: String
  var stateful: Bool
  var rules: [Rule]

  init(_ spec: SecurityGroupSpec) throws {
    id = try Check.id(spec.id)
    stateful = spec.stateful
    rules = try spec.rules.map(Rule.init)
  }

  /// Groups whose members the rules name.
  var remoteGroups: Set<String> {
    Set(rules.compactMap { if case .group(let id) = $0.remote { id } else { nil } })
  }
}

extension CheckedGroup.Rule {
  private static let protocolsWithPorts: Set<Int> = [6, 17, 33, 132, 136]

  init(_ spec: SecurityGroupSpec.Rule) throws {
    guard spec.ipVersion == 4 || spec.ipVersion == 6 else { throw Self.refused("its IP version is neither 4 nor 6") }
    ingress = spec.direction == .ingress
    version = spec.ipVersion
    match = try Self.match(spec)
    switch (spec.remoteCIDR, spec.remoteGroupID) {
    case (nil, nil): remote = .anyone
    case (nil, .some(let group)): remote = .group(try Check.id(group))
    case (.some(let text), nil):
      let block = try Check.cidr(text)
      guard block.version == version else { throw Self.refused("its remote block is of the other IP version") }
      remote = block.prefix == 0 ? .anyone : .block(block)
    case (.some, .some): throw Self.refused("it names both a remote block and a remote group")
    }
  }

  private static func match(_ spec: SecurityGroupSpec.Rule) throws -> Match {
    guard let number = spec.protocolNumber else {
      guard spec.portMin == nil, spec.portMax == nil else { throw refused("it has ports but no protocol") }
      return .any
    }
    guard (0...255).contains(number) else { throw refused("its protocol number is out of range") }
    if number == 58 && spec.ipVersion == 4 { throw refused("ICMPv6 does not go over IPv4") }
    if number == 58 || number == 1 { return try icmp(spec) }
    guard spec.portMin != nil || spec.portMax != nil else { return .number(number) }
    guard protocolsWithPorts.contains(number) else { throw refused("protocol \(number) has no ports") }
    guard let first = spec.portMin, let last = spec.portMax, (0...65535).contains(first), (0...65535).contains(last),
      first <= last
    else { throw refused("its port range cannot be read") }
    return .ports(number, first...last)
  }

  private static func icmp(_ spec: SecurityGroupSpec.Rule) throws -> Match {
    let valid = 0...255
    guard spec.portMin.map(valid.contains) ?? (spec.portMax == nil), spec.portMax.map(valid.contains) ?? true else {
      throw refused("its ICMP type or code cannot be read")
    }
    return .icmp(type: spec.portMin, code: spec.portMax)
  }

  private static func refused(_ why: String) -> Refusal {
    Refusal("RulesRejected", "A rule of the security group is refused: \(why).")
  }
}
