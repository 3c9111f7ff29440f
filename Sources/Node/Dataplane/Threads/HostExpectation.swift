import CLinux
import Foundation

/// How the host looks as long as nobody meddles, as the last look at it left it.
struct HostExpectation: Sendable {
  struct Link: Sendable, Hashable {
    var name: String
    var up: Bool
    /// Index of the bridge it is on; 0 for none.
    var master: Int
    var mtu: Int
  }
  /// By index.
  var links: [Int: Link] = [:]
  /// Index of the device whose addresses are ours, the external bridge.
  var addressed: Int?
  /// Indices of the bridges that bear no cloud's mark: one that comes or goes is told.
  var otherBridges: Set<Int> = []
  /// Inode by name.
  var namespaces: [String: UInt64] = [:]
  /// Folders of daemons, with the files in them that only we write.
  var sealed: [String: [String]] = [:]
  /// Folders of daemons, with the file in them that a daemon writes.
  var kept: [String: String] = [:]
  /// Where running daemons' pids stand.
  var pidFiles: [String] = []

  /// Names of links, for one that comes under a name of ours.
  var linkNames: Set<String> { Set(links.values.map(\.name)) }

  /// Whether each namespace is still the one that was there.
  var namespacesStand: Bool {
    namespaces.allSatisfy { name, inode in
      var facts = clinux_path_facts()
      return clinux_path_facts(HomeNamespace.path(name), &facts) == 0 && facts.inode == inode
    }
  }

  /// Whether the files of a daemon are there, and say what we wrote.
  func filesStand(in folder: String) -> Bool {
    (sealed[folder] ?? []).allSatisfy(StateFile.isIntact)
      && (kept[folder].map { FileManager.default.fileExists(atPath: $0) } ?? true)
  }
}

/// What netlink said of links since the last look, compared with what is expected. While a look is at work its own
/// changes come by too: only what stands in the end counts.
struct LinkModel: Sendable {
  private(set) var expected = HostExpectation()
  private var names: Set<String> = []
  /// The last word on a link; nil: it is gone.
  private var seen: [Int: HostExpectation.Link?] = [:]
  /// At most so many links are remembered between two looks; beyond it everything is looked at.
  static let seenMax = 4096

  /// Goes on from a new look.
  mutating func expect(_ next: HostExpectation) {
    expected = next
    names = next.linkNames
    seen = seen.filter { next.links[$0.key] != nil }
  }

  /// Takes a word on a link of ours, or on one that bears a name of ours; whether it was about one.
  mutating func take(_ index: Int, _ link: HostExpectation.Link?, prefix: String) -> Bool {
    let concerns =
      expected.links[index] != nil || link.map { $0.name.hasPrefix(prefix) || names.contains($0.name) } ?? false
    guard concerns, seen.count < Self.seenMax || seen[index] != nil else { return concerns }
    seen.updateValue(link, forKey: index)
    return true
  }

  /// Whether something is not as expected.
  var deviates: Bool {
    seen.contains { index, link in
      guard let wanted = expected.links[index] else { return link.map { names.contains($0.name) } ?? false }
      return link != wanted
    }
  }
}
