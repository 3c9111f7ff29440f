import Kit

/// One connection as `conntrack -L` prints it, in the direction it was begun.
struct Flow: Sendable, Hashable {
  var protocolNumber: Int
  var source: IPAddress
  var destination: IPAddress
  var sourcePort: Int?
  var destinationPort: Int?
  var icmpType: Int?
  var icmpCode: Int?

  /// Reads a line of `conntrack -L`; nil where it is none. What comes first is the direction the flow was begun in.
  init?(line: Substring) {
    let words = line.split(separator: " ")
    guard words.count > 4, let number = Int(words[1]) else { return nil }
    var values: [Substring: Substring] = [:]
    for word in words {
      guard let equals = word.firstIndex(of: "=") else { continue }
      let name = word[..<equals]
      if values[name] == nil { values[name] = word[word.index(after: equals)...] }
    }
    guard let source = values["src"].flatMap({ IPAddress(String($0)) }),
      let destination = values["dst"].flatMap({ IPAddress(String($0)) })
    else { return nil }
    protocolNumber = number
    self.source = source
    self.destination = destination
    sourcePort = values["sport"].flatMap { Int($0) }
    destinationPort = values["dport"].flatMap { Int($0) }
    icmpType = values["type"].flatMap { Int($0) }
    icmpCode = values["code"].flatMap { Int($0) }
  }

  /// Arguments by which `conntrack -D` finds this flow.
  var selector: [String] {
    var words = ["-p", String(protocolNumber), "-s", source.description, "-d", destination.description]
    if let sourcePort { words += ["--sport", String(sourcePort)] }
    if let destinationPort { words += ["--dport", String(destinationPort)] }
    return words
  }
}

/// Says whether the rules as they are now would let a flow begin: what they would not is cut, the rest goes on.
struct FlowJudge: Sendable {
  private let ports: [FlowRecord.Cut: RuleInput.Port]
  private let groups: [String: CheckedGroup]
  private let members: [String: AddressRanges]

  init(input: RuleInput, zone: (CheckedPort) -> UInt16) {
    var ports: [FlowRecord.Cut: RuleInput.Port] = [:]
    for port in input.ports {
      for address in port.port.fixedIPs.map(\.address) + port.port.sources.flatMap({ $0.addresses.singles }) {
        ports[FlowRecord.Cut(zone: zone(port.port), address: address.description)] = port
      }
    }
    self.ports = ports
    groups = Dictionary(
      input.groups.filter { !input.emptied.contains($0.id) }.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
    members = input.addressSets
  }

  /// Whether anybody has the address now.
  func knows(_ cut: FlowRecord.Cut) -> Bool { ports[cut] != nil }

  func allows(_ flow: Flow, zone: UInt16) -> Bool {
    if isService(flow) { return true }
    let sender = ports[FlowRecord.Cut(zone: zone, address: flow.source.description)]
    let receiver = ports[FlowRecord.Cut(zone: zone, address: flow.destination.description)]
    if let sender, !passes(sender, flow, ingress: false, peer: flow.destination) { return false }
    if let receiver, !passes(receiver, flow, ingress: true, peer: flow.source) { return false }
    return true
  }

  /// DHCP and metadata, which every port has.
  private func isService(_ flow: Flow) -> Bool {
    if flow.protocolNumber == 17, let port = flow.destinationPort { return [67, 68, 546, 547].contains(port) }
    return flow.destination.version == 4 && flow.destination.bits == 0xa9fe_a9fe && flow.destinationPort == 80
  }

  private func passes(_ port: RuleInput.Port, _ flow: Flow, ingress: Bool, peer: IPAddress) -> Bool {
    guard port.port.portSecurity else { return true }
    return port.port.groups.contains { id in
      groups[id]?.rules.contains { $0.ingress == ingress && matches($0, flow, peer) } ?? false
    }
  }

  private func matches(_ rule: CheckedGroup.Rule, _ flow: Flow, _ peer: IPAddress) -> Bool {
    guard rule.version == flow.source.version else { return false }
    switch rule.remote {
    case .anyone: break
    case .block(let block): guard block.contains(peer) else { return false }
    case .group(let id): guard members[id]?.contains(peer) ?? false else { return false }
    }
    switch rule.match {
    case .any: return true
    case .number(let number): return number == flow.protocolNumber
    case .ports(let number, let range):
      return number == flow.protocolNumber && flow.destinationPort.map(range.contains) ?? false
    case .icmp(let type, let code):
      return flow.protocolNumber == (rule.version == 4 ? 1 : 58) && type.map { $0 == flow.icmpType } ?? true
        && code.map { $0 == flow.icmpCode } ?? true
    }
  }
}
