import Kit

/// What the host's rules are made of: every port with its place in the packet mark, the groups and the networks.
struct RuleInput: Sendable {
  struct Port: Sendable {
    var port: CheckedPort
    /// Its half of the packet mark, 1…65535: in the high half for packets from it, in the low for packets to it.
    var number: UInt16
    var external: Bool
    var stateful: Bool

    var key: String { port.id.compact }
    var inMark: String { "0x" + String(UInt32(number) << 16, radix: 16) }
    var outMark: String { "0x" + String(number, radix: 16) }
  }

  var names: Names
  var ports: [Port]
  var groups: [CheckedGroup]
  var addressSets: [String: AddressRanges]
  /// Conntrack zone by the bridge of a network of its own.
  var zones: [String: UInt16]
  /// The block the host masquerades for; nil where it forwards nothing.
  var masqueraded: CIDR?

  /// TCP ports of the host that are open to what comes by our own external bridge.
  var hostPorts: [UInt16] = []

  /// Taps whose rules could not be loaded: they pass nothing.
  var dropped: Set<String> = []
  /// Groups whose rules could not be loaded: they let nothing through.
  var emptied: Set<String> = []

  /// Ports that have rules, in a stable order.
  var guarded: [Port] { ports.filter { $0.port.portSecurity && !dropped.contains($0.port.id) } }
  /// Ports that everything passes.
  var open: [Port] { ports.filter { !$0.port.portSecurity && !dropped.contains($0.port.id) } }
}
