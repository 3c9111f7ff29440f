import Auth
import Contracts
import Kit
import NodeLink
import Store

/// The story of a host: what it is, what it should hold, and what is wrong with it. For administrators.
struct HostStory {
  static let kind = "host"
  /// The least that counts as the beginning of an id.
  private static let prefixMin = 8

  let context: ExplainContext
  let principal: Principal

  static func find(_ tx: Transaction, _ text: String) throws -> [Mention] {
    let wanted = text.lowercased()
    return try NodeTable.all(tx).filter { node in
      node.id == wanted || node.facts.hostname.lowercased() == wanted
        || wanted.count >= prefixMin && node.id.hasPrefix(wanted)
    }.map { mention($0) }
  }

  static func mention(_ node: NodeTable.Node) -> Mention {
    Mention(.init(kind, node.id), name: node.facts.hostname, projectID: nil, what: "host")
  }

  func telling(_ tx: Transaction, id: String) throws -> Telling? {
    guard let node = try NodeTable.find(tx, id) else { return nil }
    var telling = Telling(
      Self.mention(node), status: node.up ? "up" : "down", isGone: false, isOwn: true, forAdmin: true)
    telling.facts = try asked(tx, node)
    telling.observed = Self.facts(node.facts)
    telling.seen = [
      .init(
        nodeID: id, hostname: node.facts.hostname, isUp: node.up, lastHeard: node.lastSeen, ready: nil, at: nil,
        isBehind: false, condition: nil)
    ]
    telling.drift = try DriftTable.all(tx, .init(node: id), limit: Telling.linesMax)
    if !node.up { telling.missing = [NextSteps.away(node.facts.hostname, since: node.lastSeen)] }
    for (key, condition) in try SightTable.troubled(tx, node: id, limit: Telling.linesMax) {
      telling.missing.append(NextSteps.line(condition, of: key.description, mayEnd: key.kind == .server))
    }
    telling.missing += telling.drift.filter { $0.finding.settled == nil }.map { NextSteps.line($0) }
    if let unkept = try DriftTable.unkept(tx)[id] {
      telling.next.append("\(unkept) more open findings were not kept: the host has too many. See the node's log.")
    }
    for teller in context.tellers {
      telling.related += try teller.related(
        tx, to: telling.subject.key, for: principal, limit: Telling.linesMax)
    }
    telling.summary =
      node.up
      ? telling.missing.isEmpty
        ? "It is up, and everything on it is as asked." : "It is up; \(telling.missing.count) things are not as asked."
      : "It was heard last \(node.lastSeen.iso8601) and counts as down. Its guests may well be running."
    return telling
  }

  private func asked(_ tx: Transaction, _ node: NodeTable.Node) throws -> [Story.Fact] {
    let counts = try ObjectKind.allCases.map { kind in
      (kind, try ManifestTable.ids(tx, node: node.id, kind).count)
    }
    return [.init("first seen", node.firstSeen.iso8601)]
      + counts.filter { $0.1 > 0 }.map { kind, count in
        .init("asked to hold", "\(count) \(kind.rawValue.replacing("_", with: " "))\(count == 1 ? "" : "s")")
      }
  }

  private static func facts(_ facts: NodeFacts) -> [Story.Fact] {
    func version(_ number: Int) -> String { "\(number / 1_000_000).\(number / 1000 % 1000).\(number % 1000)" }
    return [
      .init("hostname", facts.hostname),
      .init("room", "\(facts.vcpus) vCPUs, \(facts.memoryMiB) MiB of memory, \(facts.diskGiB) GiB of disk"),
      .init("disk free", "\(facts.diskFreeGiB) GiB"),
      .init("hypervisor", "QEMU \(version(facts.hypervisorVersion)), libvirt \(version(facts.libvirtVersion))"),
      .init("accelerator", facts.accelerator), .init("cpu", facts.cpuModel),
    ]
  }
}
