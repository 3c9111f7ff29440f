import Foundation
import Kit

/// The host's devices as `ip -details` shows them.
struct HostLinks: Sendable {
  struct Link: Sendable, Decodable {
    struct Info: Sendable, Decodable {
      struct Details: Sendable, Decodable {
        var vnet_hdr: Bool?
        var nf_call_iptables: Int?
        var nf_call_ip6tables: Int?
        var mcast_snooping: Int?
        var stp_state: Int?
        var forward_delay: Int?
      }
      var info_kind: String?
      var info_data: Details?
    }
    var ifindex: Int
    var ifname: String
    var flags: [String]
    var mtu: Int
    var master: String?
    var address: String?
    var inet6_addr_gen_mode: String?
    var linkinfo: Info?

    var up: Bool { flags.contains("UP") }
    var kind: String { linkinfo?.info_kind ?? "" }
    /// Whether the host would give it an IPv6 address of its own.
    var addressesItself: Bool { inet6_addr_gen_mode.map { $0 != "none" } ?? false }
  }

  private var links: [String: Link] = [:]
  /// Names of the network namespaces.
  var namespaces: Set<String> = []

  subscript(name: String) -> Link? { links[name] }

  /// Names of devices that begin with `prefix`.
  func named(_ prefix: String) -> [String] { links.keys.filter { $0.hasPrefix(prefix) } }

  /// At most this many foreign bridges are told.
  static let foreignBridgesMax = 100

  /// Bridges without any cloud's mark, in order, without `used`, which the operator gave us.
  func foreignBridges(except used: String) -> [String] {
    let names = links.values.filter { $0.kind == "bridge" && !Self.isMarked($0.ifname) && $0.ifname != used }
    return Array(names.map(\.ifname).sorted().prefix(Self.foreignBridgesMax))
  }

  /// Indices of all bridges without any cloud's mark.
  var otherBridges: Set<Int> {
    Set(links.values.filter { $0.kind == "bridge" && !Self.isMarked($0.ifname) }.map(\.ifindex))
  }

  /// A device that somebody renamed: of this kind and MAC, on this bridge, under a name that is no cloud's.
  func renamed(kind: String, mac: MACAddress, master: String?) -> Link? {
    links.values.first { link in
      link.kind == kind && link.address == mac.description && link.master == master && !Self.isMarked(link.ifname)
        && link.ifname.utf8.allSatisfy(Self.isPlain)
    }
  }

  /// `h`, four hex digits and a letter: the mark of a cloud of Haneul, ours or another.
  static func isMarked(_ name: String) -> Bool {
    let bytes = Array(name.utf8.prefix(6))
    guard bytes.count == 6, bytes[0] == UInt8(ascii: "h"), (0x61...0x7a).contains(bytes[5]) else { return false }
    return bytes[1..<5].allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }

  /// What may stand in a line of `ip -batch` as it is.
  private static func isPlain(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte) || (0x41...0x5a).contains(byte)
      || "-_.".utf8.contains(byte)
  }

  /// Reads all of them with one call. Throws `Refusal` where `ip` fails.
  static func read() async throws -> HostLinks {
    let answer = try await Tool.run("ip", ["-j", "-d", "link", "show"])
    guard answer.succeeded || !answer.output.isEmpty else {
      throw Refusal("HostUnreadable", "The host's network devices cannot be read.")
    }
    var host = HostLinks()
    for link in try JSONDecoder().decode([Link].self, from: Data(answer.output.utf8)) { host.links[link.ifname] = link }
    let names = try? FileManager.default.contentsOfDirectory(atPath: "/run/netns")
    host.namespaces = Set(names ?? [])
    return host
  }
}
