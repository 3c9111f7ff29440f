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
    var ifname: String
    var flags: [String]
    var mtu: Int
    var master: String?
    var address: String?
    var linkinfo: Info?

    var up: Bool { flags.contains("UP") }
    var kind: String { linkinfo?.info_kind ?? "" }
  }

  private var links: [String: Link] = [:]
  /// Names of the network namespaces.
  var namespaces: Set<String> = []

  subscript(name: String) -> Link? { links[name] }

  /// Names of devices that begin with `prefix`.
  func named(_ prefix: String) -> [String] { links.keys.filter { $0.hasPrefix(prefix) } }

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
