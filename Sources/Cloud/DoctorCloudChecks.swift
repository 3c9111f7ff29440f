import Foundation
import Kit

/// Whether the cloud's processes run.
enum ProcessCheck: DoctorCheck {
  static let name = "processes"

  static func findings(_ facts: DoctorFacts) -> [DoctorFinding] {
    guard let cloud = facts.cloud else { return [.well("There is no cloud in this state directory yet.")] }
    var findings = cloud.down.map { role in
      DoctorFinding.broken("\(role.rawValue) is down. Guests run on.", "haneul up; why it ended: its log")
    }
    findings += cloud.otherControlsDown.map { number in
      .broken(
        "\(ProcessRole.control.name(number)) is down. The others go on.", "haneul up; why it ended: its log")
    }
    if !cloud.apiAnswers, !cloud.down.contains(.control) {
      findings.append(.broken("control runs, but the API does not answer.", "Look at its log."))
    }
    return findings.isEmpty ? [.well("control and node run, the API answers.")] : findings
  }
}

/// Whether the store is this cloud's and agrees with the world.
enum StoreCheck: DoctorCheck {
  static let name = "store"

  static func findings(_ facts: DoctorFacts) -> [DoctorFinding] {
    guard let cloud = facts.cloud else { return [] }
    let store = cloud.store
    if let problem = store.problem {
      return [facts.isRoot ? .broken(problem, "Look at the disk, or put a backup in its place.") : .unseen(problem)]
    }
    if let owner = store.cloudID, owner != cloud.id {
      return [
        .broken(
          "The store is of another cloud, \(owner); this one is \(cloud.id). Nothing is served from it.",
          "Put this cloud's store back, or move that one away: an empty store begins a new epoch.")
      ]
    }
    var findings: [DoctorFinding] = []
    if store.quarantined > 0 {
      findings.append(
        .warning(
          "\(store.quarantined) objects carry this cloud's mark and are unknown to control: they are left alone.",
          "haneul quarantine lists them, and takes your word on each."))
    }
    if store.openDrift > store.quarantined {
      findings.append(
        .warning("\(store.openDrift - store.quarantined) differences from what was asked are open.", "haneul drift"))
    }
    return findings.isEmpty
      ? [.well("It is this cloud's, epoch \(store.epoch.map(String.init) ?? "unknown").")] : findings
  }
}

/// Whether packets that a network allows fit through what is below it.
enum MTUCheck: DoctorCheck {
  static let name = "mtu"

  static func findings(_ facts: DoctorFacts) -> [DoctorFinding] {
    guard let cloud = facts.cloud else { return [] }
    guard let links = facts.links else { return [.unseen("Interfaces could not be listed.")] }
    let mtus = Dictionary(links.map { ($0.name, $0.mtu) }, uniquingKeysWith: { $1 })
    var findings: [DoctorFinding] = []
    for (network, wanted) in cloud.networkMTUs.sorted(by: { $0.key < $1.key }) {
      let bridge = cloud.tag.interface(.bridge, network)
      guard let mtu = mtus[bridge], mtu < wanted else { continue }
      findings.append(
        .warning(
          "Bridge \(bridge) carries \(mtu) bytes, its network \(network) allows \(wanted).",
          "The node sets it right; where it does not, haneul explain \(network)"))
    }
    let external = cloud.tag.interface(.external, "")
    if let mtu = mtus[external] {
      if let largest = cloud.networkMTUs.values.max(), largest > mtu {
        findings.append(
          .warning(
            "The external bridge \(external) carries \(mtu) bytes, a network allows \(largest): large packets are cut "
              + "or lost.", "Lower the network's MTU: openstack network set --mtu \(mtu) …"))
      }
      for uplink in links where uplink.isUplink && cloud.masquerades && uplink.mtu < mtu {
        findings.append(
          .warning(
            "The host's way out, \(uplink.name), carries \(uplink.mtu) bytes, the external bridge \(mtu).",
            "Guests depend on path MTU discovery, which some places filter: lower the networks' MTU to \(uplink.mtu)."))
      }
    }
    return findings.isEmpty ? [.well("Bridges carry what their networks allow.")] : findings
  }
}

/// What clouds left on the host: of this cloud what its node does not know, of others what has no state directory.
enum LeftoverCheck: DoctorCheck {
  static let name = "leftovers"
  /// Things named in one finding.
  static let namedMax = 20

  static func findings(_ facts: DoctorFacts) -> [DoctorFinding] {
    var findings: [DoctorFinding] = []
    let things = Self.things(facts)
    if facts.links == nil || facts.namespaces == nil || facts.nftTables == nil || facts.domains == nil {
      findings.append(.unseen("Not everything on the host could be listed.", "Run it as root, with libvirt up."))
    }
    let strangers = Dictionary(grouping: things.filter { !facts.knownTags.contains($0.tag) }, by: \.tag)
    for (tag, left) in strangers.sorted(by: { $0.key < $1.key }) {
      findings.append(
        .warning(
          "Of a cloud with tag \(tag), whose state directory is not known here, there is \(Self.names(left)).",
          "Is that cloud's state elsewhere? haneul doctor --state-dir … If it is gone for good, remove them by hand."))
    }
    if let cloud = facts.cloud {
      if let held = cloud.heldIDs {
        let left = things.filter { $0.tag == cloud.tag.text && !$0.isKnown(held) } + folders(facts, held)
        if !left.isEmpty {
          findings.append(
            .warning(
              "Of this cloud, but not in its node's manifest, there is \(Self.names(left)).",
              "The node reports such things: haneul quarantine. Nothing is removed without your word."))
        }
      } else {
        findings.append(.unseen("The node's manifest could not be read.", facts.isRoot ? nil : "Run it as root."))
      }
    }
    return findings.isEmpty ? [.well("Nothing is left over.")] : findings
  }

  /// Something on the host with a cloud's mark.
  private struct Thing {
    var tag: String
    /// What it is, and its name.
    var label: String
    /// The id in its name, or the beginning of one; nil for what the whole cloud has.
    var id: String?

    func isKnown(_ held: Set<String>) -> Bool {
      guard let id, !held.contains(id) else { return true }
      return id.utf8.count < 36 && held.contains { $0.replacing("-", with: "").hasPrefix(id) }
    }
  }

  private static func things(_ facts: DoctorFacts) -> [Thing] {
    let roles = CloudTag.Role.allCases.map(\.rawValue).joined()
    let links = (facts.links ?? []).compactMap { link -> Thing? in
      let characters = Array(link.name)
      guard characters.count == 6 || characters.count == 15, characters[0] == "h", roles.contains(characters[5]) else {
        return nil
      }
      let (tag, id) = (String(characters[1..<5]), String(characters[6...]))
      guard isHex(tag), isHex(id) else { return nil }
      return Thing(tag: tag, label: "interface \(link.name)", id: id.isEmpty ? nil : id)
    }
    let namespaces = (facts.namespaces ?? []).compactMap { name in
      marked(name, separator: "-").map { tag, rest in
        let id = rest.split(separator: "-", maxSplits: 1).last.map(String.init)
        return Thing(tag: tag, label: "namespace \(name)", id: id)
      }
    }
    let tables = (facts.nftTables ?? []).compactMap { name in
      marked(name, separator: "_").map { tag, _ in Thing(tag: tag, label: "nft table \(name)", id: nil) }
    }
    let domains = (facts.domains ?? []).compactMap { name in
      marked(name, separator: "-").map { tag, rest in Thing(tag: tag, label: "domain \(name)", id: rest) }
    }
    return links + namespaces + tables + domains
  }

  private static func folders(_ facts: DoctorFacts, _ held: Set<String>) -> [Thing] {
    facts.diskFolders.map { path in
      Thing(tag: "", label: "folder \(path)", id: (path as NSString).lastPathComponent)
    }.filter { !$0.isKnown(held) }
  }

  /// `haneul-<tag>-<rest>`: tag and rest; nil for what is not ours.
  private static func marked(_ name: String, separator: Character) -> (tag: String, rest: String)? {
    let parts = name.split(separator: separator, maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
    guard parts.count >= 2, parts[0] == "haneul", parts[1].count == 4, isHex(parts[1]) else { return nil }
    return (parts[1], parts.count > 2 ? parts[2] : "")
  }

  private static func isHex(_ text: String) -> Bool { text.allSatisfy { $0.isHexDigit && !$0.isUppercase } }

  private static func names(_ things: [Thing]) -> String {
    let names = things.map(\.label).sorted()
    let more = names.count > namedMax ? " and \(names.count - namedMax) more" : ""
    return names.prefix(namedMax).joined(separator: ", ") + more
  }
}
