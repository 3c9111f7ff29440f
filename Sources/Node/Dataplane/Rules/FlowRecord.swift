import Foundation
import Kit

/// What let flows of each port be established, as last loaded: kept on disk, so that what was taken away while this
/// process was away is seen too.
struct FlowRecord: Sendable, Codable, Hashable {
  struct Port: Sendable, Codable, Hashable {
    var zone: UInt16
    var addresses: Set<String>
    /// Its effective rules as text; `any` where everything passes.
    var rules: Set<String>
    var remoteGroups: Set<String>
  }
  struct Cut: Sendable, Hashable {
    var zone: UInt16
    var address: String
  }

  var ports: [String: Port] = [:]
  /// Addresses of the groups that rules name.
  var members: [String: Set<String>] = [:]

  init() {}

  init(input: RuleInput, zone: (CheckedPort) -> UInt16) {
    let groups = Dictionary(input.groups.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    for port in input.ports {
      let own = port.port.groups.compactMap { groups[$0] }.filter { !input.emptied.contains($0.id) }
      let rules = own.flatMap { group in group.rules.map { ($0.ingress ? "in " : "out ") + $0.text(verdict: "") } }
      let addresses = port.port.sources.flatMap { $0.addresses.singles } + port.port.fixedIPs.map(\.address)
      ports[port.port.id] = Port(
        zone: zone(port.port), addresses: Set(addresses.map(\.description)),
        rules: port.port.portSecurity ? Set(rules) : ["any"],
        remoteGroups: own.reduce(into: []) { $0.formUnion($1.remoteGroups) })
    }
    for id in input.groups.reduce(into: Set<String>(), { $0.formUnion($1.remoteGroups) }) {
      members[id] = Set(input.addressSets[id]?.blocks.map(\.description) ?? [])
    }
  }

  /// Addresses whose established flows must end, going from `old` to this.
  func cuts(since old: FlowRecord) -> Set<Cut> {
    let shrunk = Set(old.members.filter { !$0.value.subtracting(members[$0.key] ?? []).isEmpty }.keys)
    var cuts: Set<Cut> = []
    for (id, before) in old.ports {
      let now = ports[id]
      let gone = before.addresses.subtracting(now?.addresses ?? [])
      let lost = now?.rules != ["any"] && !before.rules.isSubset(of: now?.rules ?? [])
      let all = now == nil || lost || !before.remoteGroups.isDisjoint(with: shrunk) || now?.zone != before.zone
      for address in all ? before.addresses : gone { cuts.insert(Cut(zone: before.zone, address: address)) }
    }
    return cuts
  }

  /// This record with the ports `ids` as they stand in `old`.
  func keeping(_ ids: Set<String>, from old: FlowRecord) -> FlowRecord {
    var record = self
    for id in ids { record.ports[id] = old.ports[id] }
    return record
  }

  static func load(_ path: String) -> FlowRecord {
    let bytes = FileManager.default.contents(atPath: path) ?? Data()
    return (try? JSONDecoder().decode(FlowRecord.self, from: bytes)) ?? FlowRecord()
  }

  func save(_ path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    try StateFile.write(String(decoding: (try? encoder.encode(self)) ?? Data(), as: UTF8.self), to: path)
  }
}

/// Ends flows that rules no longer allow.
enum Conntrack {
  /// At most this many tools run for one change; beyond it everything of the zones is cut.
  static let cutsMax = 512

  /// Flows of one address that are ended one by one; beyond it everything of the address is cut.
  static let flowsMax = 256

  /// Ends the flows of these addresses, in either direction, that `judge` would not let begin now. What is still
  /// allowed goes on: a TCP connection cannot be picked up again in its middle.
  static func cut(_ cuts: Set<FlowRecord.Cut>, judge: FlowJudge) async throws {
    if cuts.count > cutsMax {
      for zone in Set(cuts.map(\.zone)) where zone != 0 {
        try await cut(zone: zone)
      }
      return
    }
    for cut in cuts {
      let family = cut.address.contains(":") ? "ipv6" : "ipv4"
      let place = ["-w", "\(cut.zone)", "-f", family]
      for side in ["-s", "-d"] {
        let listed = try await Tool.run("conntrack", ["-L"] + place + [side, cut.address]).output
        let flows = listed.split(separator: "\n").compactMap { Flow(line: $0) }
        let ended = flows.filter { !judge.knows(cut) || !judge.allows($0, zone: cut.zone) }
        if ended.count > flowsMax || !judge.knows(cut) {
          try await Tool.run("conntrack", ["-D"] + place + [side, cut.address])
        } else {
          for flow in ended { try await Tool.run("conntrack", ["-D"] + place + flow.selector) }
        }
      }
    }
  }

  /// Deletes all entries of a zone.
  static func cut(zone: UInt16) async throws {
    for family in ["ipv4", "ipv6"] { try await Tool.run("conntrack", ["-D", "-w", "\(zone)", "-f", family]) }
  }

  /// Deletes a router's entries of a floating IP: those aimed at it, and those that left by it.
  static func cut(floating: IPAddress, in namespace: String) async throws {
    for side in ["-d", "-q"] {
      try await Tool.run(
        "nsenter", ["--net=\(HomeNamespace.path(namespace))", "conntrack", "-D", side, floating.description])
    }
  }
}
